"""A batch in portions, so that nobody waits for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.sources.flow import Flow
from engine.sources.timing import Clock, DelayedCall


class Portions:
    """The batch that a connection is taking, if it takes one: nothing is read meanwhile.

    The first portion is taken at once, each other in a turn of its own, as soon as ``flow`` has
    room for it; after each of those ``taken`` is called.
    """

    def __init__(self, clock: Clock, flow: Flow, taken: Callable[[], None]) -> None:
        self._clock = clock
        self._flow = flow
        self._taken = taken
        self._batch: Iterator[int] | None = None
        self._next: DelayedCall | None = None
        #: whether there is more to be taken; and, then, how many bytes
        self.more = False
        self.left = 0

    def begin(self, batch: Iterator[int]) -> None:
        """Take the first portion; each step of ``batch`` is one, and tells the bytes left."""
        self._batch, self.more = batch, True
        self._take(batch)

    def go_on(self) -> None:
        """There is room for the next portion."""
        if self._next is None and not self._flow.held:
            self._next = self._clock.callLater(0, self._due)

    def leave(self) -> None:
        """Take no more of it: nobody waits for its answers, and nothing was promised."""
        self._batch, self.more, self.left = None, False, 0
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _due(self) -> None:
        self._next = None
        if self._batch is not None and not self._flow.held:
            self._take(self._batch)
            self._taken()

    def _take(self, batch: Iterator[int]) -> None:
        left = next(batch, None)
        if left is None:
            self._batch, self.more, self.left = None, False, 0
        elif self.more:  # it has not been left meanwhile
            self.left = left
            self.go_on()
