"""PID-3[1].4.1: how people and rules name a place in a message."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHAPE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})"
    r"(?:\((?P<sequence>[1-9]\d{0,8})\))?"
    r"(?:-(?P<field>[1-9]\d{0,3})"
    r"(?:\[(?P<repetition>[1-9]\d{0,8})\])?"
    r"(?:\.(?P<component>[1-9]\d{0,3})"
    r"(?:\.(?P<subcomponent>[1-9]\d{0,3}))?)?)?"
)
_SEPARATORS = re.compile(r"[-.:/ ]+")


@dataclass(frozen=True, slots=True)
class Path:
    """Segment, field, repetition, component, subcomponent; every number counts from 1.

    What is None is not narrowed: ``PID-3`` are all repetitions, or the first where one value
    is asked for. ``OBX(2)-5`` is field 5 of the second OBX of the message.
    """

    segment: str
    field: int | None = None
    repetition: int | None = None
    component: int | None = None
    subcomponent: int | None = None
    sequence: int | None = None

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path as people write it.

        Raises:
            ValueError: it is not one; the text says what to write instead.

        """
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a path; {_advice(text)}")
        numbers = {
            name: int(number) if number else None
            for name, number in match.groupdict().items()
            if name != "segment"
        }
        return cls(match["segment"], **numbers)

    def __str__(self) -> str:
        text = self.segment if self.sequence is None else f"{self.segment}({self.sequence})"
        if self.field is not None:
            text += f"-{self.field}"
        if self.repetition is not None:
            text += f"[{self.repetition}]"
        for number in (self.component, self.subcomponent):
            if number is not None:
                text += f".{number}"
        return text

    def __lt__(self, other: Path) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, int, int, int, int, int]:
        """Message order; what is not narrowed stands before what is."""
        return (
            self.segment,
            self.sequence or 0,
            self.field or 0,
            self.repetition or 0,
            self.component or 0,
            self.subcomponent or 0,
        )


def _advice(text: str) -> str:
    """What was probably meant by ``PID.3``, ``pid-3``, ``PID-3-4`` or ``PID_3.4``."""
    name, *numbers = _SEPARATORS.split(text.strip().upper().replace("_", "-", 1))
    if 1 <= len(numbers) <= 3:
        meant = f"{name}-{'.'.join(numbers)}"
        if _SHAPE.fullmatch(meant):
            return f"write it like {meant}"
    if any(number.isdigit() and not int(number) for number in re.findall(r"\d+", text)):
        return "everything counts from 1; write it like PID-3[1].4"
    return "write it like PID-3[1].4"
