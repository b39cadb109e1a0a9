"""How messages and deliveries are numbered: in the order of their receipt."""

from __future__ import annotations

import sqlite3

from engine.errors import StoreError

#: A delivery's number is its message's times this, plus its place among the destinations: it
#: tells the order inside a lane, and finds the deliveries of a message without an index.
DESTINATIONS_AT_MOST = 64


def delivery_of(message: int, nth: int) -> int:
    """The number of the ``nth`` delivery (from 0) of a message."""
    if nth >= DESTINATIONS_AT_MOST:
        raise StoreError(f"a message can go to {DESTINATIONS_AT_MOST} destinations, not to more")
    return message * DESTINATIONS_AT_MOST + nth


def deliveries_of(message: int) -> tuple[int, int]:
    """The first and last number that a delivery of a message can have."""
    first = message * DESTINATIONS_AT_MOST
    return first, first + DESTINATIONS_AT_MOST - 1


def first_received_since(connection: sqlite3.Connection, since: float) -> int:
    """The first message received at a time or later, by halving; those before it are older.

    Where a clock was set back it may be one that is too early, never one too late by much.
    """
    # One query for both would read through all of them.
    low, high = connection.execute(
        "SELECT coalesce((SELECT min(id) FROM message), 0), "
        "coalesce((SELECT max(id) FROM message), 0) + 1"
    ).fetchone()
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT id, received_at FROM message WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if row is not None and row[1] < since:
            low = row[0] + 1
        else:
            high = middle
    return int(low)
