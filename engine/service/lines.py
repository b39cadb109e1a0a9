"""Log lines in groups: one system call for what is said within a moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO


class Lines:
    """A stream for the log. A system call for each line costs a busy listener more than the line.

    ``soon`` calls what it is given within a moment, in the reactor's thread. What a killed
    process had not written yet is lost; the store, not the log, is the record.
    """

    def __init__(self, stream: TextIO, soon: Callable[[Callable[[], None]], Any]) -> None:
        self._stream = stream
        self._soon = soon
        self._lines: deque[str] = deque()
        self._asked = False

    def write(self, line: str) -> None:
        """Say it within a moment; from any thread, as log lines come."""
        self._lines.append(line)
        if not self._asked:
            self._asked = True
            self._soon(self.close)

    def flush(self) -> None:
        """Leave it to the moment's end: structlog asks for this after each line."""

    def isatty(self) -> bool:
        """Whether people read it as it comes."""
        return self._stream.isatty()

    def close(self) -> None:
        """Write what waits."""
        self._asked = False  # first: a line that comes from now on asks again, or is taken along
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        with suppress(OSError):  # its disk is full, its reader is gone: the engine's work goes on
            self._stream.write("".join(lines))
            self._stream.flush()
