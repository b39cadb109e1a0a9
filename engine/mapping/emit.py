"""Python source, line by line: the smallest thing that compiled maps are written with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Emitter:
    """Lines with indentation, fresh names, and the objects that the code refers to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        #: field -> the texts that the code compares its hoisted first value with
        self.compared: dict[int, set[str]] = {}
        self._depth = 0
        self._count = 0

    def line(self, text: str) -> None:
        """One line at the depth in hand."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A line that ends in a colon, and what is under it."""
        self.line(head)
        self._depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.line("pass")
        self._depth -= 1

    def fresh(self, stem: str = "x") -> str:
        """A name that is not in use."""
        self._count += 1
        return f"{stem}{self._count}"

    def constant(self, value: Any) -> str:
        """A name for an object in the namespace of the code."""
        if isinstance(value, str | int) and not isinstance(value, bool):
            return repr(value)
        name = f"K{len(self.names)}"
        self.names[name] = value
        return name

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)

    def function(self, filename: str, name: str) -> Any:
        """Compile the lines and return the function of that name."""
        namespace = dict(self.names)
        exec(compile(self.text, filename, "exec"), namespace)
        return namespace[name]
