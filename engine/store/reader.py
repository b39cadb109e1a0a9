"""Look into a store, also while an engine writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import StoreError
from engine.lifecycle import Outcome, State
from engine.store import bulk, worklist
from engine.store.counters import DELIVERIES
from engine.store.ledger import Ledger, read_ledger
from engine.store.numbering import DESTINATIONS_AT_MOST, deliveries_of
from engine.store.records import (
    HeldDelivery,
    Queue,
    StoredDelivery,
    StoredMessage,
    UnmappedCode,
)
from engine.store.schema import require_current
from engine.store.search import Search, ids, last_received
from engine.store.session import connect, store_error

_MESSAGE = (
    "SELECT message.id, channel, port, peer, received_at, stored_at, outcome, control_id, sender, "
    "type, version, patient, order_number, answer, answered_at, reason, configuration, original, "
    "reused FROM message JOIN bucket ON bucket.id = message.bucket "
    "WHERE message.id IN (SELECT value FROM json_each(?)) ORDER BY message.id DESC"
)
_DELIVERY = (
    "SELECT delivery.id, name, state, attempt, due, blocked, claimed_at, settled_at, detail "
    "FROM delivery JOIN destination ON destination.id = delivery.destination "
    "WHERE delivery.id BETWEEN ? AND ? ORDER BY delivery.id"
)
#: The oldest delivery to a destination that is not done. What waits behind another in a lane
#: is younger than that one, so the heads of lanes tell: those that may be claimed, those on
#: their way or held, and dead ones whose lanes wait for a person.
_FEW = "FROM delivery WHERE state IN ('sending', 'held', 'dead') AND destination = ?1 AND state"
_OLDEST = f"""
SELECT min(id) FROM (
    SELECT min(delivery) AS id FROM ready WHERE destination = ?1 AND due = 0
    UNION ALL SELECT min(delivery) FROM ready WHERE destination = ?1 AND due > 0
    UNION ALL SELECT min(id) {_FEW} = 'sending'
    UNION ALL SELECT min(id) {_FEW} = 'held'
    UNION ALL SELECT min(id) {_FEW} = 'dead' AND EXISTS (
        SELECT 1 FROM waiting
        WHERE lane = json_extract(lanes, '$[0]') AND waiting.delivery = delivery.id
    )
)
"""


class Reader:
    """A connection that cannot change anything; usable in the thread that made it."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        if not self._path.exists():
            raise StoreError(f"there is no store {self._path}: no engine has run with it yet")
        try:
            self._connection = connect(self._path, read_only=True)
            require_current(self._connection, self._path)
        except sqlite3.Error as failure:
            raise store_error(self._path, failure) from failure

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise store_error(self._path, error) from error

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()

    def ledger(self, *, verify: bool = True) -> Ledger:
        """Both identities; ``verify`` holds the counters against the rows too."""
        return read_ledger(self._connection, verify=verify)

    def find(self, search: Search) -> list[StoredMessage]:
        """Messages that fit, newest first."""
        return self._messages(self.numbers(search))

    def numbers(self, search: Search) -> list[int]:
        """The numbers of the messages that fit, newest first."""
        return ids(self._connection, search)

    def last_received(self) -> dict[str, float]:
        """When the last message of each channel came, of those that are still there."""
        return last_received(self._connection)

    def message(self, message_id: int) -> StoredMessage | None:
        """One message with its deliveries."""
        found = self._messages([message_id])
        return found[0] if found else None

    def raw(self, message_id: int) -> bytes | None:
        """The bytes as they were received."""
        query = (
            "SELECT coalesce(message.raw, original.raw) FROM message "
            "LEFT JOIN message AS original ON original.id = message.original WHERE message.id = ?"
        )
        row = self._connection.execute(query, (message_id,)).fetchone()
        return None if row is None else row[0]

    def queued(self) -> dict[str, Queue]:
        """What waits for each destination, and since when its oldest does."""
        query = (
            "SELECT id, name, coalesce(counted, 0) FROM destination LEFT JOIN ledger "
            "ON book = ? AND account = id AND entry = 'queued'"
        )
        rows = self._connection.execute(query, (DELIVERIES,)).fetchall()
        return {name: Queue(count, self._oldest(number)) for number, name, count in rows}

    def unmapped(self, channel: str = "", table: str = "") -> list[UnmappedCode]:
        """The worklist of codes that tables do not hold, the most frequent first."""
        return worklist.entries(self._connection, channel, table)

    def held_with(self, entries: Sequence[int]) -> list[HeldDelivery]:
        """Held deliveries of messages that have a code of these entries, the oldest first."""
        return worklist.held_with(self._connection, entries)

    def _oldest(self, destination: int) -> float | None:
        run = self._connection.execute
        delivery = run(_OLDEST, (destination,)).fetchone()[0]
        if delivery is None:
            return None
        query = "SELECT received_at FROM message WHERE id = ?"
        row = run(query, (delivery // DESTINATIONS_AT_MOST,)).fetchone()
        return None if row is None else float(row[0])

    def _messages(self, numbers: Sequence[int]) -> list[StoredMessage]:
        rows = self._connection.execute(_MESSAGE, (bulk.numbers(numbers),)).fetchall()
        return [self._message(row) for row in rows]

    def _message(self, row: Sequence[Any]) -> StoredMessage:
        made: Callable[..., StoredMessage] = StoredMessage  # the columns are in its order
        outcome, reused, deliveries = Outcome(row[6]), bool(row[-1]), self._deliveries(row[0])
        return made(*row[:6], outcome, *row[7:-1], reused, deliveries)

    def _deliveries(self, message: int) -> tuple[StoredDelivery, ...]:
        rows = self._connection.execute(_DELIVERY, deliveries_of(message))
        return tuple(
            StoredDelivery(number, name, State(state), *rest) for number, name, state, *rest in rows
        )
