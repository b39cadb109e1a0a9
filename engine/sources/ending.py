"""The end of a connection that we close: last answers first, then patience, then the cut."""

from __future__ import annotations

from collections.abc import Callable

from engine.sources.timing import Alarm, Clock

#: Seconds that a peer has to read our last answer before the connection is cut.
LINGER = 5.0


class Ending:
    """Closes a connection so that the peer can still read what we said.

    To close a socket that holds unread bytes makes the kernel send a reset, which may destroy
    our last answer before the peer has read it. So what still comes is read and discarded, our
    side is closed after the last answer, and the rest is cut when the peer does not close too.
    """

    def __init__(self, clock: Clock, close: Callable[[], None], cut: Callable[[], None]) -> None:
        self._close = close
        self._alarm = Alarm(clock, cut)
        self.begun = False
        self.said_all = False

    def begin(self) -> None:
        """Nothing that comes from now on is handled."""
        self.begun = True

    def say_no_more(self) -> None:
        """The last answer has been written: close our side, and give the peer its time."""
        if not self.said_all:
            self.begun = self.said_all = True
            self._alarm.set(LINGER)
            self._close()

    def over(self) -> None:
        """The connection is gone."""
        self._alarm.cancel()
