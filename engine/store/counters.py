"""What is counted for ever, in the transaction that makes it true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import TypeVar

from engine.lifecycle import State
from engine.store import bulk
from engine.store.session import Session

MESSAGES, DELIVERIES = "message", "delivery"
#: The sides of the two identities that the parts must add up to.
RECEIVED, ACCEPTED = "received", "accepted"


T = TypeVar("T", bound=Hashable)


class Counters:
    """Collects what a group of calls changes, then writes it once."""

    def __init__(self) -> None:
        self._changes: defaultdict[tuple[str, int, str], int] = defaultdict(int)

    def received(self, messages: Iterable[tuple[int, str]]) -> None:
        """Messages have come: (bucket, what has become of each)."""
        for (bucket, outcome), number in _counted(messages).items():
            self._changes[MESSAGES, bucket, RECEIVED] += number
            self._changes[MESSAGES, bucket, outcome] += number

    def queued(self, destinations: Iterable[int]) -> None:
        """Accepted messages have deliveries to these destinations, each named once for each."""
        for destination, number in _counted(destinations).items():
            self._changes[DELIVERIES, destination, ACCEPTED] += number
            self._changes[DELIVERIES, destination, State.QUEUED.value] += number

    def moved(self, destination: int, before: State, after: State, number: int = 1) -> None:
        """Deliveries have changed their state."""
        self._changes[DELIVERIES, destination, before.value] -= number
        self._changes[DELIVERIES, destination, after.value] += number

    def write(self, session: Session) -> None:
        """Add it all up in the store."""
        rows = [(*entry, change) for entry, change in self._changes.items() if change]
        end = "ON CONFLICT DO UPDATE SET counted = counted + excluded.counted"
        bulk.insert(session.connection, "ledger (book, account, entry, counted)", rows, end)


def _counted(things: Iterable[T]) -> dict[T, int]:
    """How often each comes; for the few of a commit, collections.Counter takes longer to make."""
    counts: dict[T, int] = {}
    for thing in things:
        counts[thing] = counts.get(thing, 0) + 1
    return counts
