"""Resources in the making: what maps open, add to and refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from engine.mapping.groups import Scope

Body = dict[str, Any]
#: a place in the segments of another resource, and whether it must be one level down (``1.2``)
Spot = tuple[str, int, int, int, bool]
#: what a link asks of the other resource: a place in its segments, and the text to stand there
Where = tuple[tuple[Spot, str], ...]


#: So long a list is known by the texts of its values: to compare with each takes too long.
LONG = 32


@dataclass(slots=True)
class Listed:
    """What a long list holds."""

    items: list[Any]
    texts: set[str]
    count: int


def dumps(value: Any) -> str:
    """The canonical text of a value: what it says and nothing else."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Spec:
    """What a segment map makes: the resource's name, type and the group it is unique in."""

    name: str
    type: str
    per: int  # number of the group in a scope; SEGMENT, PARENT or MESSAGE below
    into: bool
    rule: str


SEGMENT, PARENT, MESSAGE = -1, -2, -3


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One ``-> Patient`` of a rule: the element that refers, and to what."""

    key: str
    target: str
    many: bool
    rule: str


class Made:
    """A resource in the making, with where it came from and its place among the groups."""

    __slots__ = (
        "body", "criterion", "full", "index", "known", "name", "reference", "scope", "uuid",
    )  # fmt: skip

    def __init__(self, name: str, body: Body, index: int, scope: Scope) -> None:
        self.name = name
        self.body = body
        self.index = index
        self.scope = scope
        self.full = False
        #: what it is known by, once it is identified
        self.known: Any = None
        self.uuid = ""
        self.criterion = ""
        #: what every reference to this resource is, one object for all of them
        self.reference: Body = {}


@dataclass(slots=True)
class Shared:
    """A resource made from a field (a person, an organization), known by what it says."""

    type: str
    body: Body
    uuid: str
    criterion: str
    index: int = 0
    #: all of it, as it is handed on: a field that repeats in other messages makes this object again
    settled: Body | None = None
