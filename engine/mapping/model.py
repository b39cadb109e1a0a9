"""A mapping as it was written: segment maps, datatype maps, message maps and a feed's overlay.

Frozen values without behaviour; load.py makes them from YAML, compile.py turns them into code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Place
from engine.mapping.codesystems import CodeSystems
from engine.mapping.conceptmap import ConceptMap
from engine.mapping.grammar import Condition, Ref, Value
from engine.mapping.groups import Groups
from engine.mapping.language import MessageCondition

# ---------------------------------------------------------------- the body of a rule


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value written on one line."""

    value: Value
    place: Place


@dataclass(frozen=True, slots=True)
class Block:
    """Elements of a complex type, in the order in which they were written."""

    fields: tuple[tuple[str, Body], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class When:
    """A body that applies under a condition."""

    condition: Condition
    body: Body
    place: Place


@dataclass(frozen=True, slots=True)
class Each:
    """A body made once for each repetition of a field."""

    ref: Ref
    body: Body
    place: Place


@dataclass(frozen=True, slots=True)
class Filled:
    """A converted value with elements laid over it (``with``) or under it (``default``)."""

    source: Value
    over: Block | Leaf | None
    under: Block | Leaf | None
    place: Place


@dataclass(frozen=True, slots=True)
class Several:
    """A list: every one that applies, or for a single element the first that applies."""

    items: tuple[Body, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Make:
    """A resource made on the spot; the value is the reference to it."""

    resource: str
    block: Block
    place: Place
    #: the segment map whose rules the block took in, "" when it is all its own
    included: str = ""


Body = Leaf | Block | When | Each | Filled | Several | Make


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what its element is made from. Its address is ``SEGMENT[Resource].element``."""

    address: str
    element: str
    body: Body
    place: Place


# ---------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class SegmentMap:
    """One segment and one resource: ``PID[Patient]``."""

    name: str
    segment: str
    resource: str
    rules: Mapping[str, Rule]
    place: Place
    #: the group in which there is one such resource: a group's name, "segment", "parent", "message"
    per: str = "segment"
    #: only adds to a resource that is there, and never makes one
    into: bool = False
    when: Condition | None = None
    per_place: Place | None = None

    @property
    def type(self) -> str:
        """The FHIR type: ``Observation`` of ``Observation-LivingWill``."""
        return self.resource.partition("-")[0]


@dataclass(frozen=True, slots=True)
class DatatypeMap:
    """One v2 datatype and one FHIR datatype or resource: ``CX[Identifier]``."""

    name: str
    datatype: str
    target: str
    rules: Mapping[str, Rule]
    place: Place
    resource: bool = False
    #: other v2 datatypes that are read in the same way (CE and CF as CWE)
    also: tuple[str, ...] = ()
    when: Condition | None = None

    @property
    def type(self) -> str:
        """The FHIR type: ``Identifier`` of ``Identifier-Extension``."""
        return self.target.partition("-")[0]


@dataclass(frozen=True, slots=True)
class MessageMap:
    """Which segment maps apply in a message structure, where it differs from any message."""

    name: str
    structures: tuple[str, ...]
    #: segment -> names of resources it maps to; a segment that is not named keeps its default
    maps: Mapping[str, tuple[str, ...]]
    place: Place


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two resources the same one, and how much a message knows of it."""

    resource: str
    knows: str
    by_identifier: bool
    #: identifier types in the order of preference, when there are several identifiers
    prefer: tuple[str, ...]
    #: lists of atoms, the first list that is complete counts
    keys: tuple[tuple[str | Value, ...], ...]
    #: elements that a message under a condition only infers: they replace nothing that is known
    assumed: tuple[tuple[str, MessageCondition], ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """A field of a Z-segment, as a feed declares it."""

    number: int
    name: str
    type: str
    place: Place


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field or segment that is read and dropped on purpose, with the reason when given."""

    ref: Ref | str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that one mapping consists of, overlays applied."""

    name: str
    segments: Mapping[str, SegmentMap]
    datatypes: Mapping[str, DatatypeMap]
    messages: Mapping[str, MessageMap]
    default: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, ConceptMap]
    extensions: Mapping[str, tuple[str, str]]
    systems: Mapping[str, str]
    groups: Groups
    keys: Mapping[str, Key]
    ignored: tuple[Ignored, ...] = ()
    declared: Mapping[str, Mapping[int, DeclaredField]] = field(default_factory=dict)
    #: assigning authority (namespace or universal id) -> system of its identifiers
    authorities: Mapping[str, str] = field(default_factory=dict)
    #: the message map that this feed is pinned to, or "" for the one of the message's type
    pinned: str = ""
    policies: Mapping[str, str] = field(default_factory=dict)
    #: functions that the site wrote for this feed, by name
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    #: whose codes are all known
    codesystems: CodeSystems = field(default_factory=CodeSystems)
    #: where a feed says its name
    place: Place | None = None
