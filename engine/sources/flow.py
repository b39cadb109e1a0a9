"""Whether a connection may read: back-pressure with its reasons."""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag, auto


class Hold(Flag):
    """Why a connection is not read."""

    NONE = 0
    ANSWERS = auto()  # too many of its messages wait for their answer
    BUDGET = auto()  # the process holds as many bytes as it may
    PEER = auto()  # the peer does not read its answers


_NONE = Hold.NONE


class Flow:
    """The reasons not to read; pauses at the first of them and resumes after the last."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._reasons = Hold.NONE

    @property
    def held(self) -> bool:
        """Whether the connection is not read now."""
        return bool(self._reasons)

    def held_for(self, reason: Hold) -> bool:
        """Whether this is one of the reasons."""
        return reason in self._reasons

    def hold(self, reason: Hold) -> None:
        """Stop reading for this reason too."""
        was_held, self._reasons = self.held, self._reasons | reason
        if not was_held:
            self._pause()

    def release(self, reason: Hold) -> None:
        """Forget this reason; read on when it was the last."""
        if self._reasons is not _NONE and reason in self._reasons:
            self._reasons &= ~reason
            if not self.held:
                self._resume()
