"""What the store knows of itself, brought into the metrics before they are read."""

from __future__ import annotations

from typing import Protocol

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from engine.errors import StoreError
from engine.lifecycle import State
from engine.metrics import Metrics
from engine.store.ledger import Ledger
from engine.store.records import Queue

#: Not settled yet: what an operator calls the queue.
_UNSETTLED = (State.QUEUED, State.SENDING)


class Books(Protocol):
    """What is asked of the store."""

    def ledger(self) -> Deferred[Ledger]:
        """Both identities."""

    def queued(self) -> Deferred[dict[str, Queue]]:
        """What waits for each destination."""


class Figures:
    """Reads the store's counters; never waits for a store that is in trouble."""

    def __init__(
        self, store: Books, metrics: Metrics, clock: IReactorTime, patience: float = 2.0
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._patience = patience

    async def refresh(self, now: float) -> None:
        """Bring the gauges up to date; they stay as they are when the store gives no figures."""
        try:
            ledger = await self._store.ledger().addTimeout(self._patience, self._clock)
            queues = await self._store.queued().addTimeout(self._patience, self._clock)
        except (StoreError, defer.TimeoutError):
            self._metrics.store_up.set(0)
            return
        self._metrics.store_up.set(1)
        self._ledger(ledger)
        self._metrics.waiting(_waiting(ledger, queues, now))

    def _ledger(self, ledger: Ledger) -> None:
        self._metrics.balanced.set(int(ledger.balanced))
        for account in ledger.messages:
            for outcome, count in account.outcomes.items():
                labels = (account.channel, account.port, outcome)
                self._metrics.ledger_messages.labels(*labels).set(count)
        for delivery in ledger.deliveries:
            for state, count in delivery.states.items():
                self._metrics.ledger_deliveries.labels(delivery.destination, state).set(count)


def _waiting(ledger: Ledger, queues: dict[str, Queue], now: float) -> dict[str, tuple[int, float]]:
    """Each destination's unsettled deliveries and the age of the oldest queued one."""
    waiting: dict[str, tuple[int, float]] = {}
    for account in ledger.deliveries:
        count = sum(account.states.get(state, 0) for state in _UNSETTLED)
        queue = queues.get(account.destination)
        oldest = queue.oldest_received_at if queue else None
        waiting[account.destination] = (count, 0.0 if oldest is None else max(0.0, now - oldest))
    return waiting
