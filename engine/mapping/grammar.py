"""The grammar of rules: field references, conditions and values as small frozen trees.

A rule's value is one line: ``PID-8 via AdministrativeSex``, ``OBX-14 or OBR-7``,
``PV1-7 as Practitioner``, ``-> Patient``, ``=final``, ``loinc#49541-6``, ``join(CX.1, CX.2)``.
A condition is a short sentence: ``PV1-2 is P and PV1-45 is valued``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from engine.errors import Place

# ``place``, which is where something was written, takes no part in comparisons: two that say
# the same are the same wherever they stand.


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a value stands: a field of a segment, or relative to the repetition in hand.

    ``segment`` is "" for a relative reference (``.4.1`` or, in a datatype map, ``CX.4.1``).
    """

    segment: str
    field: int | None = None
    repetition: int | None = None
    where: Condition | None = None
    component: int | None = None
    subcomponent: int | None = None
    read_as: str = ""
    datatype: str = ""
    place: Place | None = dataclasses.field(default=None, compare=False)

    def __str__(self) -> str:
        text = f"{self.segment}-{self.field}" if self.segment else self.datatype
        if self.repetition is not None:
            text += f"[{self.repetition}]"
        for number in (self.component, self.subcomponent):
            if number is not None:
                text += f".{number}"
        return text or "."


@dataclass(frozen=True, slots=True)
class Compare:
    """``REF is VALUE``, ``REF in (…)`` and their negations; an absent field satisfies neither."""

    ref: Ref
    values: tuple[str | Ref, ...]
    negated: bool = False
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """A test of one value: ``is valued``, ``is empty``, ``is longer than 8``, ``matches /x/``."""

    ref: Ref
    kind: str
    operand: str = ""
    negated: bool = False
    quantifier: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """``count of PID-11 is 1`` or ``is more than 1``: how many repetitions stand there."""

    ref: Ref
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Within:
    """``within order``: the segment stands in an open group of that name."""

    group: str
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Has:
    """``has SPM``: the group or message in hand holds such a segment."""

    segment: str
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Follows:
    """``follows PID``: the segment that this one is attached to is such a one."""

    segment: str
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    term: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Terms that must all hold."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Terms of which one must hold."""

    terms: tuple[Condition, ...]


Condition = Compare | Test | Count | Within | Has | Follows | Not | All | Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant, written ``=final``."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A constant code with its system, written ``loinc#49541-6``."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to what another rule file made in this scope, written ``-> Patient``.

    ``-> Observation where OBX-3.1 is OBR-26.1.1`` looks in the whole message: the first path is
    of the segments about the other resource, the second of those about this one. ``is under``
    asks for a sub-id one level down (``1.2`` under ``1``), in the same groups.
    """

    name: str
    where: tuple[tuple[Ref, Ref, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A function over values, written ``join(PID-5.2, PID-5.1)``."""

    function: str
    arguments: tuple[Value, ...]
    place: Place | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """The first valued of some values, through a table and to a named type when one is given."""

    choices: tuple[Ref | Call, ...]
    table: str = ""
    target: str = ""
    table_place: Place | None = dataclasses.field(default=None, compare=False)


Value = Source | Literal | Code | Link | Call
