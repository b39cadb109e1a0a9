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
    """Bytes in flight: taken when read from a socket, given back when their message is answered.

    When the budget is used up, connections wait. Frames that are half read are freed only by
    reading on, so one connection that is inside a frame stays allowed until its frame ends:
    the process holds at most the limit, one frame, and one read for each connection.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._allowed: Spender | None = None
        self._waiting: dict[Spender, None] = {}

    @property
    def waiting(self) -> int:
        """How many connections wait."""
        return len(self._waiting)

    def change(self, spender: Spender, by: int) -> bool:
        """Take (or give back) bytes; the answer says whether the spender may read on."""
        self.used += by
        if by < 0:
            self._wake()
        return self._may_read(spender)

    def give(self, amount: int) -> None:
        """Give back what a connection that is gone still held."""
        self.used -= amount
        self._wake()

    def leave(self, spender: Spender) -> None:
        """Forget a spender that is gone."""
        self._waiting.pop(spender, None)
        if self._allowed is spender:
            self._allowed = None
        self._wake()

    def _may_read(self, spender: Spender) -> bool:
        if self.used <= self.limit:
            self._waiting.pop(spender, None)
            return True
        if self._allowed is spender and not spender.inside:
            self._allowed = None
        if self._allowed is None and spender.inside:
            self._allowed = spender
        if self._allowed is spender:
            self._waiting.pop(spender, None)
            return True
        self._waiting[spender] = None
        self._wake()
        return False

    def _wake(self) -> None:
        """Let those go on who may."""
        if self.used <= self.limit:
            waiting, self._waiting = self._waiting, {}
            for spender in waiting:
                spender.resume()
        elif self._allowed is None:
            chosen = next((one for one in self._waiting if one.inside), None)
            if chosen is not None:
                self._allowed = chosen
                del self._waiting[chosen]
                chosen.resume()
