"""How deliveries are numbered."""

from __future__ import annotations

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
