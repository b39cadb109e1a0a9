"""What only shows when a feed's mapping is seen as a whole.

Names that lead nowhere, rules that contradict each other, and what is there for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from engine.documents import Node, suggest
from engine.errors import Place
from engine.fhir import definitions
from engine.hl7v2 import dictionary
from engine.mapping.conceptmap import POLICIES, ConceptMap, folded_name
from engine.mapping.grammar import Ref, Source
from engine.mapping.model import Ignored, Library, Rule, SegmentMap
from engine.mapping.survey import body_refs, tables_of

Note = Callable[[Place | None, str, str | None], None]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_OID = re.compile(r"[0-2](\.\d+)+")


class FeedCheck:
    """The checks of one feed."""

    def __init__(self, base: Library, made: Library, node: Node, note: Note) -> None:
        self._base = base
        self._made = made
        self._node = node
        self._note = note

    def names(self) -> None:
        """Note what leads nowhere."""
        self._declared()
        self._uris("systems")
        self._uris("authorities")
        self._maps()
        self._policies()
        self._identity()

    def whole(self, tables: Mapping[str, ConceptMap]) -> None:
        """Note what does not fit together; ``tables`` are the feed's own.

        Asked only of a feed whose parts are right: a rule that cannot be read asks no table.
        """
        self._ignored()
        self._required()
        self._unused(tables)

    def _entries(self, key: str) -> Iterator[tuple[str, Place, Node]]:
        node = self._node.entries.get(key)
        for name, item in node.entries.items() if node is not None else ():
            yield name, node.keys[name], item  # type: ignore[union-attr]

    # ------------------------------------------------------------ names

    def _declared(self) -> None:
        for _, _, fields in self._entries("segments"):
            for field in fields.entries.values():
                kind = field.entries.get("type")
                if kind is not None and not dictionary.is_type(kind.text):
                    near = suggest(kind.text, dictionary.types()) or "such as ST, CWE or DTM"
                    self._note(kind.place, f"'{kind.text}' is no data type of HL7 v2", near)

    def _uris(self, key: str) -> None:
        for _, _, item in self._entries(key):
            if not _URI.fullmatch(item.text):
                oid = _OID.fullmatch(item.text)
                near = f"write urn:oid:{item.text}" if oid else "such as urn:oid:2.999.1"
                self._note(item.place, f"'{item.text}' is not a URI", near)

    def _maps(self) -> None:
        for segment, _, item in self._entries("maps"):
            for named in item.items or [item]:
                if named.kind == "text" and f"{segment}[{named.text}]" not in self._made.segments:
                    known = [
                        m.resource for m in self._made.segments.values() if m.segment == segment
                    ]
                    near = suggest(named.text, known) or f"there are: {', '.join(known) or 'none'}"
                    self._note(named.place, f"no segment map {segment}[{named.text}]", near)

    def _policies(self) -> None:
        node = self._node.entries.get("unmapped")
        if node is not None:
            check_policies(node, self._made.tables, self._note)

    def _identity(self) -> None:
        made = {item.resource for item in self._made.segments.values()} | {"default"}
        known = made | set(definitions.resource_types()) | set(self._base.keys)
        for name, place, _ in self._entries("identity"):
            if name not in known:
                near = suggest(name, made) or "a resource, by the name that its map gives it"
                self._note(place, f"no map makes '{name}'", near)
            for line in self._made.keys[name].keys:
                for atom in line:
                    for ref in atom.choices if isinstance(atom, Source) else ():
                        if isinstance(ref, Ref) and ref.segment:
                            self._field(ref, ref.place)

    def _field(self, ref: Ref, place: Place | None) -> None:
        if ref.field in self._made.declared.get(ref.segment, {}):
            return
        if dictionary.field(ref.segment, ref.field or 0) is None:
            count = dictionary.field_count(ref.segment)
            near = f"{ref.segment} has {count} fields" if count else (
                f"declare it: segments: {{{ref.segment}: {{{ref.field}: {{name: …, type: …}}}}}}"
            )  # fmt: skip
            self._note(place, f"{ref} is not known", near)

    # ------------------------------------------------------------ contradictions

    def _ignored(self) -> None:
        for item in self._made.ignored[len(self._base.ignored) :]:
            if isinstance(item.ref, Ref) and not item.ref.segment.startswith("Z"):
                self._field(item.ref, item.place)
            reader = next(self._readers(item), None)
            if reader is not None:
                what = f"{item.ref} is ignored, but {reader.address} reads it"
                self._note(item.place, what, "remove the rule, with null, or take this away")

    def _readers(self, item: Ignored) -> Iterator[Rule]:
        """Live rules that make something of what is ignored; a condition may look at it."""
        for name, rule in self._live():
            for ref in body_refs(rule.body, conditions=False):
                if _same(item.ref, ref, name):
                    yield rule

    def _live(self) -> Iterator[tuple[str, Rule]]:
        for segment, resources in self._made.default.items():
            for resource in resources:
                item = self._made.segments.get(f"{segment}[{resource}]")
                for rule in item.rules.values() if item is not None else ():
                    yield segment, rule

    def _required(self) -> None:
        """A resource that only this feed makes must say what FHIR requires of it."""
        own = [
            item for name, item in self._made.segments.items() if name not in self._base.segments
        ]
        known = {item.resource for item in self._base.segments.values()}
        for item in own:
            if item.into or item.resource in known:
                continue
            together = [other for other in own if other.resource == item.resource]
            for element in definitions.required(item.type):
                if not any(_says(other, element) for other in together):
                    what = f"{item.name} has no rule for '{element}', which {item.type} requires"
                    self._note(self._place(item), what, f"add {element}: …")

    def _place(self, item: SegmentMap) -> Place:
        rules = self._node.entries.get("rules")
        return rules.keys.get(item.name, item.place) if rules is not None else item.place

    # ------------------------------------------------------------ what nobody asks

    def _unused(self, tables: Mapping[str, ConceptMap]) -> None:
        asked = {
            folded_name(name)
            for maps in (self._made.segments, self._made.datatypes)
            for item in maps.values()
            for rule in item.rules.values()
            for name in tables_of(rule.body)
        }
        for name, table in tables.items():
            if folded_name(name) not in asked:
                place = table.rows[0].place if table.rows else None
                where = Place(place.file, 1, 1) if place is not None else None
                near = suggest(name, self._base.tables) or f"write: … via {name}"
                self._note(where, f"no rule asks the table '{name}'", near)


def check_policies(node: Node, tables: Mapping[str, ConceptMap], note: Note) -> None:
    """``TABLE: policy``, and ``default: policy`` for the tables that are not named."""
    for table, item in node.entries.items():
        if table not in tables and table != "default":
            note(node.keys[table], f"no table '{table}'", suggest(table, tables))
        if item.text not in POLICIES:
            near = suggest(item.text, POLICIES) or f"write one of {', '.join(POLICIES)}"
            note(item.place, f"'{item.text}' is no policy", near)


def _same(ignored: Ref | str, ref: Ref, segment: str) -> bool:
    if isinstance(ignored, str):
        return ref.segment == ignored and segment == ignored
    if (ref.segment, ref.field) != (ignored.segment, ignored.field):
        return False
    return None in (ignored.component, ref.component) or ignored.component == ref.component


def _says(item: SegmentMap, element: str) -> bool:
    names = {element, *definitions.choices(item.type, element)}
    return any(re.split(r"[.(]", key)[0] in names for key in item.rules)


__all__ = ["FeedCheck"]
