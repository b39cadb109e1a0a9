"""Answers leave in the order of their messages, although they become ready in any order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Slot:
    """The place of one answer in its connection's order; filled once, with bytes or nothing."""

    __slots__ = ("_afterwards", "_queue", "answer", "left", "size")

    def __init__(self, queue: AnswerQueue, size: int) -> None:
        self._queue = queue
        self._afterwards: Callable[[], None] | None = None
        #: the bytes of the message, which the connection holds in flight until this leaves
        self.size = size
        self.answer: bytes | None = None
        self.left = False

    @property
    def filled(self) -> bool:
        """Whether the answer is known."""
        return self.answer is not None

    def fill(self, answer: bytes) -> None:
        """Say what the answer is, b"" for none; it leaves as soon as those before it have."""
        self.answer = answer
        self._queue.filled(self)

    def afterwards(self, call: Callable[[], None]) -> None:
        """Run this once the answer has left, now if it has already."""
        if self.left:
            call()
        else:
            self._afterwards = call

    def leave(self) -> None:
        """The queue's word that the answer is on its way."""
        self.left = True
        if self._afterwards is not None:
            call, self._afterwards = self._afterwards, None
            call()


class AnswerQueue:
    """Slots in the order of their messages.

    ``write`` gets each answer in turn, ``dropped`` is called for each that the peer did not
    wait for, and ``moved`` after some have left. ``pending`` and ``size`` are what has not left
    yet, in answers and in bytes of messages.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        dropped: Callable[[], None],
        moved: Callable[[], None],
    ) -> None:
        self._write = write
        self._dropped = dropped
        self._moved = moved
        self._slots: deque[Slot] = deque()
        self._closed = False
        self.size = 0

    @property
    def pending(self) -> int:
        """How many answers have not left."""
        return len(self._slots)

    def open(self, size: int) -> Slot:
        """The next place in the order."""
        slot = Slot(self, size)
        self._slots.append(slot)
        self.size += size
        return slot

    def filled(self, slot: Slot) -> None:
        """Send what has become sendable."""
        if self._slots and self._slots[0] is slot:
            self._flush()
            self._moved()

    def close(self) -> None:
        """The peer is gone: nothing leaves any more, and each answer still to come is dropped."""
        self._closed = True

    def _flush(self) -> None:
        while self._slots and (answer := self._slots[0].answer) is not None:
            slot = self._slots.popleft()
            self.size -= slot.size
            if answer:
                if self._closed:
                    self._dropped()
                else:
                    self._write(answer)
            slot.leave()
