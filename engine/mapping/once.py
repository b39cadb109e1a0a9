"""What every segment of one place among the groups is told alike: asked once, for the first.

All results of an order read the same OBR, and what a rule asks of that alone has one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.mapping.runtime import Run

Build = Callable[[Run, int], Any]


class Condition:
    """Whether a condition on other segments holds, for the segments of a place."""

    __slots__ = ("_holds",)

    def __init__(self, holds: Build) -> None:
        self._holds = holds

    def __call__(self, run: Run, index: int) -> bool:
        """The answer, which generated code looks up itself from the second time on."""
        answer = run.around(index)[self] = bool(self._holds(run, index))
        return answer


class Values:
    """What rules make of other segments alone, for the segments of a place."""

    __slots__ = ("_build",)

    def __init__(self, build: Build) -> None:
        self._build = build

    def __call__(self, run: Run, index: int) -> list[Any]:
        """The values; what is said of them is said of each segment again."""
        around = run.around(index)
        known = around.get(self)
        # an issue that waits for its place is given one where values are made
        if known is None or run.fresh:
            return self._first(run, index, around)
        values, issues, unmapped = known
        if issues or unmapped:
            run.issues += issues
            run.unmapped += unmapped
        made: list[Any] = values
        return made

    def _first(self, run: Run, index: int, around: dict[Any, Any]) -> list[Any]:
        fresh, issues, unmapped = bool(run.fresh), len(run.issues), len(run.unmapped)
        values: list[Any] = self._build(run, index)
        if not fresh and not run.fresh:
            around[self] = values, run.issues[issues:], run.unmapped[unmapped:]
        return values
