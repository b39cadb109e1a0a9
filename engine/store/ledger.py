"""The two identities: every message received and every delivery accepted is somewhere.

They hold from counters, which a purge leaves alone; and the counters are held against the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.lifecycle import Outcome, State
from engine.store.counters import ACCEPTED, DELIVERIES, MESSAGES, RECEIVED


@dataclass(frozen=True, slots=True)
class MessageAccount:
    """received = accepted + refused + filtered + duplicate + acknowledgements + quarantined.

    ``channel`` is "" for what never reached a channel of the port.
    """

    channel: str
    port: str
    received: int
    outcomes: dict[Outcome, int]

    @property
    def balanced(self) -> bool:
        """Whether every message has an outcome."""
        return self.received == sum(self.outcomes.values()) and min(self.outcomes.values()) >= 0


@dataclass(frozen=True, slots=True)
class DeliveryAccount:
    """accepted = queued + sending + held + delivered + dead."""

    destination: str
    accepted: int
    states: dict[State, int]

    @property
    def balanced(self) -> bool:
        """Whether every delivery has a state."""
        return self.accepted == sum(self.states.values()) and min(self.states.values()) >= 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """All accounts; ``faults`` say where counters and rows disagree."""

    messages: tuple[MessageAccount, ...]
    deliveries: tuple[DeliveryAccount, ...]
    faults: tuple[str, ...] = field(default=())

    @property
    def balanced(self) -> bool:
        """Whether both identities hold everywhere."""
        return (
            not self.faults
            and all(account.balanced for account in self.messages)
            and all(account.balanced for account in self.deliveries)
        )

    def as_json(self) -> dict[str, Any]:
        """The ledger as a script reads it."""
        return {
            "balanced": self.balanced,
            "messages": [
                {
                    "channel": account.channel,
                    "port": account.port,
                    "received": account.received,
                    **{outcome.value: n for outcome, n in account.outcomes.items()},
                    "balanced": account.balanced,
                }
                for account in self.messages
            ],
            "deliveries": [
                {
                    "destination": account.destination,
                    "accepted": account.accepted,
                    **{state.value: n for state, n in account.states.items()},
                    "balanced": account.balanced,
                }
                for account in self.deliveries
            ],
            "faults": list(self.faults),
        }


Entries = dict[tuple[str, int, str], tuple[int, int]]


def read_ledger(connection: sqlite3.Connection, *, verify: bool) -> Ledger:
    """The accounts at one moment; ``verify`` reads the rows too, which takes longer."""
    connection.execute("BEGIN")
    try:
        return _read(connection, verify=verify)
    finally:
        connection.execute("ROLLBACK")


def _read(connection: sqlite3.Connection, *, verify: bool) -> Ledger:
    run = connection.execute
    entries: Entries = {
        (book, account, entry): (counted, purged)
        for book, account, entry, counted, purged in run("SELECT * FROM ledger")
    }
    buckets = run("SELECT id, channel, port FROM bucket ORDER BY channel, port").fetchall()
    destinations = run("SELECT id, name FROM destination ORDER BY name").fetchall()

    def counted(book: str, account: int, entry: str) -> int:
        return entries.get((book, account, entry), (0, 0))[0]

    return Ledger(
        tuple(
            MessageAccount(
                channel,
                port,
                counted(MESSAGES, bucket, RECEIVED),
                {outcome: counted(MESSAGES, bucket, outcome) for outcome in Outcome},
            )
            for bucket, channel, port in buckets
        ),
        tuple(
            DeliveryAccount(
                name,
                counted(DELIVERIES, number, ACCEPTED),
                {state: counted(DELIVERIES, number, state) for state in State},
            )
            for number, name in destinations
        ),
        tuple(_faults(connection, entries)) if verify else (),
    )


_ROWS = {
    # INDEXED BY: the index has all that is asked, the table has the bytes of the messages.
    MESSAGES: "SELECT bucket, outcome, count(*) FROM message INDEXED BY message_sender "
    "GROUP BY bucket, outcome",
    DELIVERIES: "SELECT destination, state, count(*) FROM delivery GROUP BY destination, state",
}
_NAMES = {
    MESSAGES: "SELECT id, 'messages of ' || channel || ' on port ' || port FROM bucket",
    DELIVERIES: "SELECT id, 'deliveries to ' || name FROM destination",
}


def _faults(connection: sqlite3.Connection, entries: Entries) -> Iterator[str]:
    """Where the rows that are still there are not those that were counted."""
    rows = {
        (book, account, entry): count
        for book, query in _ROWS.items()
        for account, entry, count in connection.execute(query)
    }
    names = {
        (book, account): name
        for book, query in _NAMES.items()
        for account, name in connection.execute(query)
    }
    for book, account, entry in sorted(entries.keys() | rows.keys()):
        if (book, entry) in ((MESSAGES, RECEIVED), (DELIVERIES, ACCEPTED)):
            continue  # what the others add up to: it has no rows of its own
        counted, purged = entries.get((book, account, entry), (0, 0))
        found = rows.get((book, account, entry), 0)
        if counted - purged != found:
            name = names.get((book, account), "of nobody")
            yield f"{name}: {counted} {entry}, {purged} of them purged, but {found} rows"
