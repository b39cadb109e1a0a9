"""One budget for the bytes that the whole process holds in flight, however many connections."""

from __future__ import annotations

from typing import Protocol


class Spender(Protocol):
    """A connection that holds bytes and can be told to wait."""

    @property
    def inside(self) -> bool:
        """Whether it is inside a frame, so that only reading on can free what it holds."""
        ...

    def resume(self) -> None:
        """Read on; the budget allows it."""
        ...


class Budget:
    """Bytes in flight: of frames that are half read, and of messages without their answer.

    When the budget is used up, connections wait until messages are answered. Frames that are
    half read are freed only by reading on: when nothing else is in flight, one connection that
    is inside a frame may go on alone until that frame is answered. So the process holds at most
    the limit, one frame, and one read for each connection.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        #: bytes of frames that are half read
        self.partial = 0
        #: bytes of messages that wait for their answer
        self.whole = 0
        self._alone: Spender | None = None
        self._waiting: dict[Spender, None] = {}

    @property
    def used(self) -> int:
        """All bytes in flight."""
        return self.partial + self.whole

    @property
    def waiting(self) -> int:
        """How many connections wait."""
        return len(self._waiting)

    def change(self, spender: Spender, partial: int, whole: int) -> bool:
        """Count bytes, or give them back; the answer says whether the spender may read on."""
        self._count(partial, whole)
        if self.partial + self.whole <= self.limit:
            if self._waiting:
                self._waiting.pop(spender, None)
            return True
        if spender is self._alone:
            if spender.inside and not self.whole:
                return True
            self._alone = None
        self._waiting[spender] = None
        self._let_one_go_on()
        return spender not in self._waiting

    def give(self, partial: int, whole: int) -> None:
        """Count what a connection that is gone still held, and gives back now."""
        self._count(partial, whole)

    def leave(self, spender: Spender) -> None:
        """Forget a spender that is gone."""
        self._waiting.pop(spender, None)
        if self._alone is spender:
            self._alone = None
        self._wake()

    def _count(self, partial: int, whole: int) -> None:
        self.partial += partial
        self.whole += whole
        if (partial < 0 or whole < 0) and (self._waiting or self._alone is not None):
            self._wake()

    def _wake(self) -> None:
        """Let those go on who may."""
        if self.used <= self.limit:
            self._alone = None
            waiting, self._waiting = self._waiting, {}
            for spender in waiting:
                spender.resume()
        else:
            self._let_one_go_on()

    def _let_one_go_on(self) -> None:
        if self.whole or self._alone is not None:
            return
        chosen = next((spender for spender in self._waiting if spender.inside), None)
        if chosen is not None:
            self._alone = chosen
            del self._waiting[chosen]
            chosen.resume()
