"""Log lines in groups, from whatever thread they come."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable

from engine.service.lines import Lines


class Overtaken(deque[str]):
    """Lines of which the first is followed by one of another thread, at the worst moment."""

    def __init__(self, other: Callable[[], object]) -> None:
        super().__init__()
        self._other = other

    def append(self, line: str) -> None:
        super().append(line)
        if line == "first\n":
            thread = threading.Thread(target=self._other)
            thread.start()
            thread.join()


def test_lines_of_two_threads_at_once_are_written_and_so_are_those_that_follow() -> None:
    out, asked = io.StringIO(), deque[Callable[[], None]]()
    lines = Lines(out, asked.append)
    lines._lines = Overtaken(lambda: lines.write("other\n"))
    lines.write("first\n")
    lines.write("next\n")
    while asked:
        asked.popleft()()
    assert out.getvalue().splitlines() == ["first", "other", "next"]
    lines.write("later\n")
    while asked:
        asked.popleft()()
    assert out.getvalue().splitlines()[-1] == "later"


def test_a_line_that_comes_while_others_are_written_is_written_too() -> None:
    asked = deque[Callable[[], None]]()

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if text == "first\n":
                lines.write("meanwhile\n")
            return super().write(text)

    out = Out()
    lines = Lines(out, asked.append)
    lines.write("first\n")
    while asked:
        asked.popleft()()
    assert out.getvalue().splitlines() == ["first", "meanwhile"]


def test_what_is_said_within_a_moment_is_written_at_once() -> None:
    out, asked = io.StringIO(), deque[Callable[[], None]]()
    lines = Lines(out, asked.append)
    for number in range(3):
        lines.write(f"{number}\n")
    assert len(asked) == 1
    asked.popleft()()
    assert out.getvalue() == "0\n1\n2\n"


class Unread(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    asked = deque[Callable[[], None]]()
    lines = Lines(Unread(), asked.append)
    lines.write("first\n")
    asked.popleft()()
    lines.write("next\n")
    assert len(asked) == 1
