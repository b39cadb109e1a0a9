"""When a delivery loop looks for work: soon after it is told of some, at set times, and anyway."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

#: Seconds between two looks into the store, for what others put there (a replay).
POLL = 1.0


class DelayedCall(Protocol):
    """A call to come (Twisted's IDelayedCall)."""

    def active(self) -> bool:
        """Whether it is still to come."""
        ...

    def cancel(self) -> None:
        """Let it not come."""
        ...


class Clock(Protocol):
    """A reactor that calls later (Twisted's IReactorTime)."""

    def callLater(self, delay: float, call: Callable[[], object], /) -> DelayedCall:  # noqa: N802 - Twisted's name
        """Call after some seconds."""
        ...


class Turns:
    """Calls ``turn`` soon after somebody asks for it, and only once however many ask.

    ``wake`` is called for what nobody tells: what others put into the store, and set times.
    """

    def __init__(
        self,
        clock: Clock,
        now: Callable[[], float],
        *,
        turn: Callable[[], None],
        wake: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._now = now
        self._turn = turn
        self._wake = wake
        self._soon: DelayedCall | None = None
        self._poll: DelayedCall | None = None
        self._times: dict[int, DelayedCall] = {}  # by their millisecond
        self._running = False

    def start(self) -> None:
        """Begin, with a turn at once."""
        self._running = True
        self._look()

    def stop(self) -> None:
        """No turn any more."""
        self._running = False
        for call in (self._soon, self._poll, *self._times.values()):
            if call is not None and call.active():
                call.cancel()
        self._soon = self._poll = None
        self._times.clear()

    def soon(self) -> None:
        """A turn soon."""
        if self._soon is None and self._running:
            self._soon = self._clock.callLater(0, self._take)

    def at(self, moment: float) -> None:
        """Wake at a time, however many ask for it; one farther away the regular looks find."""
        delay = max(moment - self._now(), 0.0)
        millisecond = math.ceil(moment * 1000)
        if delay < POLL and self._running and millisecond not in self._times:

            def due() -> None:
                del self._times[millisecond]
                self._wake()

            self._times[millisecond] = self._clock.callLater(delay + 0.001, due)

    def pause(self) -> Deferred[None]:
        """Fires after the time between two regular looks."""
        over: Deferred[None] = Deferred()
        self._clock.callLater(POLL, lambda: over.callback(None))
        return over

    def _look(self) -> None:
        self._poll = self._clock.callLater(POLL, self._look)
        self._wake()

    def _take(self) -> None:
        self._soon = None
        self._turn()
