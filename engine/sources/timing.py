"""Patience with a sender: inside a frame, at what may be its end, and between frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

#: Silence after a bare FS, on a tolerant port, that counts as the frame's end.
BARE_END = 0.5
#: The slowest sender of a large frame that is waited for: each of these many bytes buys a second.
BYTES_PER_SECOND = 64 * 1024


class DelayedCall(Protocol):
    """What a clock promises to call (Twisted's IDelayedCall, in types that mypy reads)."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Clock(Protocol):
    """Monotonic time and alarms (Twisted's IReactorTime): the reactor, or a test's clock."""

    def seconds(self) -> float:
        """The time now."""
        ...

    def callLater(  # noqa: N802 - Twisted's name
        self, delay: float, call: Callable[..., Any], *args: object
    ) -> DelayedCall:
        """Call after so many seconds."""
        ...


class Alarm:
    """One call that may be to come."""

    def __init__(self, clock: Clock, due: Callable[[], None]) -> None:
        self._clock = clock
        self._due = due
        self._call: DelayedCall | None = None

    @property
    def is_set(self) -> bool:
        """Whether it is to come."""
        return self._call is not None

    def set(self, seconds: float) -> None:
        """Have it come after so long; it is not set."""
        self._call = self._clock.callLater(seconds, self._ring)

    def cancel(self) -> None:
        """Have it not come."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _ring(self) -> None:
        self._call = None
        self._due()


class FrameTimer:
    """Runs out when a frame does not end in time: ``seconds``, and more the more has come.

    A timer that started anew with each byte would wait for ever on a sender of one byte a
    minute. While the engine itself does not read (back-pressure), the time stands still.
    """

    def __init__(self, clock: Clock, seconds: float, expired: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expired = expired
        self._alarm = Alarm(clock, self._due)
        self.running = False  # whether a frame is open
        self._started = 0.0
        self._suspended_at: float | None = None
        self._bytes = 0

    def progress(self, *, inside: bool, received: int, new_frame: bool) -> None:
        """Tell what a read has brought: is a frame open now, and is it another than before."""
        if not inside:
            self.stop()
        elif not self.running or new_frame:
            self.stop()
            self.running, self._started, self._bytes = True, self._clock.seconds(), received
            self._schedule()
        else:
            self._bytes += received

    def suspend(self) -> None:
        """Back-pressure begins: the sender is not to blame."""
        if self._suspended_at is None:
            self._suspended_at = self._clock.seconds()
        self._alarm.cancel()

    def resume(self) -> None:
        """Back-pressure ends."""
        if self._suspended_at is not None:
            self._started += self._clock.seconds() - self._suspended_at
            self._suspended_at = None
            self._schedule()

    def stop(self) -> None:
        """No frame is open, or the connection is gone."""
        self.running = False
        self._alarm.cancel()

    def _left(self) -> float:
        allowed = self._seconds + self._bytes / BYTES_PER_SECOND
        return self._started + allowed - self._clock.seconds()

    def _schedule(self) -> None:
        if self.running and self._suspended_at is None:
            self._alarm.set(max(self._left(), 0.0))

    def _due(self) -> None:
        if self._left() > 0:  # bytes have come since, and bought time
            self._schedule()
        else:
            self.running = False
            self._expired()


class SilenceTimer:
    """Runs out when nothing follows what may be the end of a frame.

    While the engine itself does not read, there is no silence: what follows may have come.
    """

    def __init__(self, clock: Clock, expired: Callable[[], None]) -> None:
        self._expired = expired
        self._alarm = Alarm(clock, self._due)
        self._watching = False
        self._suspended = False

    def watch(self, watching: bool) -> None:
        """Wait anew, if the last bytes may be an end."""
        self._watching = watching
        self._schedule()

    def suspend(self) -> None:
        """Nothing is read for a while."""
        self._suspended = True
        self._alarm.cancel()

    def resume(self) -> None:
        """What comes is read again: the silence begins now."""
        if self._suspended:
            self._suspended = False
            self._schedule()

    def stop(self) -> None:
        """There is nothing to wait for any more."""
        self.watch(False)

    def _schedule(self) -> None:
        self._alarm.cancel()
        if self._watching and not self._suspended:
            self._alarm.set(BARE_END)

    def _due(self) -> None:
        self._watching = False
        self._expired()


class IdleTimer:
    """Runs out when a connection brings nothing for so long; 0 seconds: never."""

    def __init__(self, clock: Clock, seconds: float, expired: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expired = expired
        self._alarm = Alarm(clock, self._due)
        self._last = 0.0

    def start(self) -> None:
        """Begin to wait."""
        if self._seconds > 0:
            self._last = self._clock.seconds()
            self._alarm.set(self._seconds)

    def touch(self) -> None:
        """Something came; looked at when the timer is due, so that a read costs one assignment."""
        if self._alarm.is_set:
            self._last = self._clock.seconds()

    def stop(self) -> None:
        """The connection is gone."""
        self._alarm.cancel()

    def _due(self) -> None:
        left = self._last + self._seconds - self._clock.seconds()
        if left > 0:
            self._alarm.set(left)
        else:
            self._expired()
