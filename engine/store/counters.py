"""What is counted for ever, in the transaction that makes it true."""

from __future__ import annotations

from collections import Counter

from engine.lifecycle import Outcome, State
from engine.store import bulk
from engine.store.session import Session


class Counters:
    """Collects what a group of calls changes, then writes it once."""

    def __init__(self) -> None:
        self._received: Counter[int] = Counter()
        self._outcomes: Counter[tuple[int, str]] = Counter()
        self._accepted: Counter[int] = Counter()
        self._states: Counter[tuple[int, str]] = Counter()

    def received(self, bucket: int, outcome: Outcome) -> None:
        """A message has come, and this has become of it."""
        self._received[bucket] += 1
        self._outcomes[bucket, outcome] += 1

    def queued(self, destination: int) -> None:
        """An accepted message has a delivery to this destination."""
        self._accepted[destination] += 1
        self._states[destination, State.QUEUED] += 1

    def moved(self, destination: int, before: State, after: State, number: int = 1) -> None:
        """Deliveries have changed their state."""
        self._states[destination, before] -= number
        self._states[destination, after] += number

    def write(self, session: Session) -> None:
        """Add it all up in the store."""
        run = session.connection.execute
        for bucket, number in self._received.items():
            run("UPDATE bucket SET received = received + ? WHERE id = ?", (number, bucket))
        for destination, number in self._accepted.items():
            statement = "UPDATE destination SET accepted = accepted + ? WHERE id = ?"
            run(statement, (number, destination))
        self._add(session, "outcome_count (bucket, outcome, counted)", self._outcomes)
        self._add(session, "state_count (destination, state, counted)", self._states)

    @staticmethod
    def _add(session: Session, into: str, changes: Counter[tuple[int, str]]) -> None:
        rows = [(number, name, change) for (number, name), change in changes.items() if change]
        end = "ON CONFLICT DO UPDATE SET counted = counted + excluded.counted"
        bulk.insert(session.connection, into, rows, end)
