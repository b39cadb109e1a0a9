"""Find messages without reading through all of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import orjson

from engine.lifecycle import Outcome, State
from engine.store.numbering import DESTINATIONS_AT_MOST as MANY
from engine.store.numbering import first_received_since


@dataclass(frozen=True, slots=True)
class Search:
    """What is known of the messages that are looked for; newest first, at most ``limit``.

    A limit of -1 is none. ``type`` and ``sender`` match from their beginning: ORU finds ORU^R01.
    """

    control_id: str | None = None
    type: str | None = None
    sender: str | None = None
    patient: str | None = None
    order: str | None = None
    channel: str | None = None
    outcome: Outcome | None = None
    state: State | None = None
    since: float | None = None
    limit: int = 50


def ids(connection: sqlite3.Connection, search: Search) -> list[int]:
    """The numbers of the messages that fit, newest first."""
    conditions: list[str] = ["1"]
    values: list[str | float | int] = []

    def add(condition: str, *parameters: str | float) -> None:
        conditions.append(condition)
        values.extend(parameters)

    if search.since is not None:
        add(
            "id >= ? AND received_at >= ?",
            first_received_since(connection, search.since),
            search.since,
        )
    if search.control_id is not None:
        add("control_id = ?", search.control_id)
    if search.patient is not None:
        # The index leaves out empty values; this lets SQLite see that it may be used.
        add("patient = ? AND patient <> ''", search.patient)
    if search.order is not None:
        add("order_number = ? AND order_number <> ''", search.order)
    if search.type is not None:
        add("type >= ? AND type < ? || char(1114111)", search.type, search.type)
    if search.sender is not None:
        add("sender >= ? AND sender < ? || char(1114111)", search.sender, search.sender)
    if search.channel is not None:
        add("bucket IN (SELECT id FROM bucket WHERE channel = ?)", search.channel)
    if search.outcome is not None:
        add("outcome = ?", search.outcome.value)
    if search.state is not None:
        add(_IN_STATE.get(search.state, _HAS_STATE), search.state.value)
    where = " AND ".join(conditions)
    index = _index(search)
    query = f"SELECT id FROM message {index} WHERE {where} ORDER BY id DESC LIMIT ?"
    return [number for (number,) in connection.execute(query, (*values, search.limit))]


#: These states are few and indexed; the others are nearly everything.
_FEW = (
    "id IN (SELECT message FROM delivery WHERE state = ? AND state IN ('sending', 'held', 'dead'))"
)
_IN_STATE = {State.SENDING: _FEW, State.HELD: _FEW, State.DEAD: _FEW}
_HAS_STATE = (
    f"EXISTS (SELECT 1 FROM delivery WHERE delivery.id BETWEEN message.id * {MANY} "
    f"AND message.id * {MANY} + {MANY - 1} AND state = ?)"
)


def _index(search: Search) -> str:
    """The most selective index; left to itself, SQLite may read through all the bytes."""
    if search.control_id is not None:
        return "INDEXED BY message_control"
    if search.patient:
        return "INDEXED BY message_patient"
    if search.order:
        return "INDEXED BY message_order"
    if search.since is not None or search.state in _IN_STATE:
        return "NOT INDEXED"  # by number
    if search.type is not None:
        return "INDEXED BY message_type"
    if (search.sender, search.channel, search.outcome) != (None, None, None):
        return "INDEXED BY message_sender"
    return "NOT INDEXED"


#: Sender by sender and outcome by outcome the index knows the newest: nothing is read through.
_LAST = """
WITH RECURSIVE sender (name) AS (
    SELECT min(sender) FROM message
    UNION ALL SELECT (SELECT min(sender) FROM message WHERE sender > name)
    FROM sender WHERE name IS NOT NULL
), newest (channel, id) AS (
    SELECT channel, (
        SELECT message.id FROM message INDEXED BY message_sender
        WHERE sender = name AND bucket = bucket.id AND outcome = value
        ORDER BY message.id DESC LIMIT 1
    ) FROM bucket, json_each(?), sender WHERE channel <> '' AND name IS NOT NULL
)
SELECT newest.channel, max(received_at) FROM newest JOIN message USING (id) GROUP BY 1
"""


def last_received(connection: sqlite3.Connection) -> dict[str, float]:
    """When the last message of each channel came, of those that are still there."""
    outcomes = orjson.dumps([outcome.value for outcome in Outcome]).decode()
    return dict(connection.execute(_LAST, (outcomes,)).fetchall())
