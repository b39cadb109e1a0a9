"""Which rule made which element, and which field nobody read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from engine.hl7v2 import dictionary
from engine.hl7v2.message import Message, Segment
from engine.mapping.grammar import Ref
from engine.mapping.groups import Scope
from engine.mapping.library import Mapping
from engine.mapping.made import Body, Made
from engine.mapping.model import Ignored, Library
from engine.mapping.result import Context, Mapped
from engine.mapping.trace import Origin, Position, TracingRun, path_to

#: What frames a message rather than says something: delimiters, and what acknowledges.
STRUCTURAL = frozenset({("MSH", 1), ("MSH", 2)})
#: Opens no order, and says what ORC-7 and OBR-27 say of the one before it.
_TIMING = frozenset({"TQ1"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One populated subcomponent of a message, and what became of it."""

    position: Position
    #: the segment's name, or "line" for a line that is none
    segment: str
    sequence: int
    value: str
    #: "mapped", "ignored", "repeated", "reported" or "unmapped"
    fate: str
    elements: tuple[Origin, ...] = ()
    why: str = ""

    @property
    def path(self) -> str:
        """PID-3[2].4.1, with the numbers that tell it apart."""
        _, number, repetition, component, subcomponent = self.position
        text = f"{self.segment}-{number}"
        if repetition > 1:
            text += f"[{repetition}]"
        if component > 1 or subcomponent > 1:
            text += f".{component}"
        return text + (f".{subcomponent}" if subcomponent > 1 else "")


@dataclass(slots=True)
class Explained:
    """A message, what it became, and the way of each value."""

    mapped: Mapped
    origins: list[Origin]
    leaves: list[Leaf]
    #: index of a segment -> UUID of the resource that it made, or added to first
    made_by: dict[int, str]
    #: elements that the rules say themselves
    constants: list[Origin]
    #: what links to what other maps made: resource, the object and key that hold it, its rule
    _links: list[tuple[Made, Body, str, str]]

    def links(self) -> Iterator[Origin]:
        """Elements that refer to what other maps made, as far as there was something."""
        for made, holder, key, rule in self._links:
            path = path_to(made.body, holder) if made.full and key in holder else None
            if path is not None:
                where = f"{path}.{key}" if path else key
                yield Origin(made.uuid, made.name, where, (), rule, "")


class TracingMapping(Mapping):
    """The same rules as the fast mapping, compiled to tell where each value comes from."""

    run_class = TracingRun

    def __init__(self, library: Library) -> None:
        super().__init__(library, trace=True)

    def convert(self, message: Message, context: Context) -> Mapped:
        """Map a message; the same result as the fast mapping's."""
        return self.explain(message, context).mapped

    def explain(self, message: Message, context: Context) -> Explained:
        """Map a message and account for every populated field."""
        run = cast(TracingRun, self.run(message, context))
        traces = run.settle()
        mapped = self._finished(run)
        origins: list[Origin] = []
        constants: list[Origin] = []
        for kind, owner, path, trace in traces:
            uuid = owner.uuid if owner is not None else ""
            name = owner.name if kind == 0 else owner.type if kind == 1 else ""
            rest = (trace.rule, trace.table, trace.through, trace.constant)
            origin = Origin(uuid, name, path, trace.sources, *rest)
            (constants if trace.constant else origins).append(origin)
        reported = {
            (issue.at.segment, issue.at.sequence, issue.at.field)
            for issue in mapped.issues
            if issue.at is not None
        }
        links = [
            (made, holder, link.key, link.rule)
            for made, holder, some, *_ in run.links
            for link in some
        ]
        leaves = list(_account(message, origins, self.library, reported, run.scopes))
        made_by: dict[int, str] = {}
        for (_, index), made in run.by_segment.items():
            if made.full:
                made_by.setdefault(index, made.uuid)
        return Explained(mapped, origins, leaves, made_by, constants, links)


def populated(message: Message) -> Iterator[tuple[Position, Segment, str]]:
    """Every populated subcomponent of a message, decoded; ``""`` is a deletion, not a value.

    A line that is no segment has no fields that anybody knows: it is one value, in field 0.
    """
    delimiters = message.delimiters
    for index, segment in enumerate(message.segments):
        if segment.odd:
            if line := message.unescape(segment.text).strip():
                yield (index, 0, 1, 1, 1), segment, line
            continue
        for number, raw in enumerate(segment.fields):
            if number == 0 or not raw or (segment.name, number) in STRUCTURAL:
                continue
            for repetition, item in enumerate(_split(raw, delimiters.repetition), 1):
                for component, part in enumerate(_split(item, delimiters.component), 1):
                    for sub, text in enumerate(_split(part, delimiters.subcomponent), 1):
                        value = message.unescape(text).strip()
                        if value and value != '""':
                            yield (index, number, repetition, component, sub), segment, value


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


def _account(
    message: Message,
    origins: list[Origin],
    library: Library,
    reported: set[tuple[str, int, int | None]],
    scopes: Sequence[Scope],
) -> Iterator[Leaf]:
    index: dict[tuple[int, int], list[tuple[Position, Origin]]] = {}
    for origin in origins:
        for source in origin.sources:
            index.setdefault(source[:2], []).append((source, origin))
    ignored = _Ignored(library)
    leaves = []
    for position, segment, value in populated(message):
        found = [o for source, o in index.get(position[:2], ()) if _covers(source, position)]
        elements = tuple(o for o in found if o.type)
        if found:
            fate, why = "mapped", ""
        elif (reason := ignored.reason(segment.name, position)) is not None:
            fate, why = "ignored", reason
        elif (segment.name, segment.sequence, position[1]) in reported:
            fate, why = "reported", "an issue says why"
        else:
            fate, why = "unmapped", ""
        leaves.append(Leaf(position, segment.label, segment.sequence, value, fate, elements, why))
    yield from _repeated(leaves, scopes, library.groups.openers("order") | _TIMING)


def _repeated(
    leaves: list[Leaf], scopes: Sequence[Scope], of_an_order: frozenset[str]
) -> Iterator[Leaf]:
    """An unmapped value that a mapped one of the same order says already is repeated.

    ORC and OBR say the same order twice; nothing of the second is lost.
    """
    said: dict[tuple[Scope | int, str], str] = {}

    def place(leaf: Leaf) -> Scope | int:
        """The order that a leaf tells of; any other segment tells of itself alone."""
        index = leaf.position[0]
        return scopes[index] if leaf.segment in of_an_order else index

    for leaf in leaves:
        if leaf.fate == "mapped":
            said.setdefault((place(leaf), leaf.value), leaf.path)
    for leaf in leaves:
        where = said.get((place(leaf), leaf.value)) if leaf.fate == "unmapped" else None
        if where is None or len(leaf.value) < 2:
            yield leaf
        else:
            yield replace(leaf, fate="repeated", why=f"as {where}")


def _covers(source: Position, leaf: Position) -> bool:
    """Whether a source position (0: all) takes in a leaf."""
    return all(not a or a == b for a, b in zip(source[2:], leaf[2:], strict=True))


def _said(item: Ignored) -> str:
    """Why something is ignored, and which line says so."""
    where = f"{item.place.file}:{item.place.line}"
    return f"{item.reason} ({where})" if item.reason else f"by {where}"


class _Ignored:
    """What a library drops on purpose."""

    def __init__(self, library: Library) -> None:
        self._segments = {i.ref: _said(i) for i in library.ignored if isinstance(i.ref, str)}
        self._fields: dict[tuple[str, int], list[tuple[Ref, str]]] = {}
        for item in library.ignored:
            if isinstance(item.ref, Ref):
                slot = (item.ref.segment, item.ref.field or 0)
                self._fields.setdefault(slot, []).append((item.ref, _said(item)))

    def reason(self, segment: str, position: Position) -> str | None:
        """Why a leaf is ignored, "" when no reason is given, None when it is not."""
        if segment in self._segments:
            return self._segments[segment]
        for ref, reason in self._fields.get((segment, position[1]), ()):
            if ref.component in (None, position[3]):
                return reason
        field = dictionary.field(segment, 1) if position[1] == 1 else None
        return "set id" if field is not None and field.type == "SI" else None
