"""What the store is told of deliveries, gathered for a moment: one commit for many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from engine.delivery.turns import Clock, DelayedCall
from engine.lifecycle import Event, State
from engine.store.records import MissingCodes, Settlement

#: How long, in seconds, a settlement waits for others while deliveries are under way. A commit
#: for each would cost a busy engine more than the mapping of its message.
MOMENT = 0.01


class Store(Protocol):
    """What is needed of the store."""

    def settle(
        self,
        delivery_id: int,
        event: Event,
        *,
        now: float,
        detail: str = "",
        not_before: float | None = None,
        on_dead: str = "continue",
        missing: MissingCodes | None = None,
        untouched: bool = False,
    ) -> Deferred[State]:
        """Say what came of one."""
        ...


class Telling:
    """Gathers settlements; ``due`` is called when those that wait should be told."""

    def __init__(self, store: Store, clock: Clock, due: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._due = due
        self._call: DelayedCall | None = None
        self._waiting: list[tuple[Settlement, Deferred[State]]] = []

    @property
    def waits(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._waiting)

    def settle(self, told: Settlement) -> Deferred[State]:
        """Have it written down, within a moment."""
        done: Deferred[State] = Deferred()
        self._waiting.append((told, done))
        if self._call is None:
            self._call = self._clock.callLater(MOMENT, self._due)
        return done

    def flush(self) -> None:
        """Tell all that waits."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        waiting, self._waiting = self._waiting, []
        for told, done in waiting:
            self._tell(told).chainDeferred(done)

    def _tell(self, told: Settlement) -> Deferred[State]:
        return self._store.settle(
            told.delivery_id,
            told.event,
            now=told.now,
            detail=told.detail,
            not_before=told.not_before,
            on_dead=told.on_dead,
            missing=told.missing,
            untouched=told.untouched,
        )
