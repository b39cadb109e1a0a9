"""What only shows when a feed's mapping is seen as a whole.

Names that lead nowhere, rules that contradict each other, and what is there for nothing. What
merely follows from a mistake that is told elsewhere is not told: what could not be read is known
by how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from engine.documents import Node, suggest, texts
from engine.errors import Place
from engine.fhir import definitions
from engine.hl7v2 import dictionary
from engine.mapping.conceptmap import POLICIES, ConceptMap, folded_name
from engine.mapping.grammar import Ref, Source
from engine.mapping.known import Unknown, is_name, unknown_field, unknown_segment
from engine.mapping.model import Ignored, Library, Rule, SegmentMap
from engine.mapping.survey import body_refs, tables_of

Note = Callable[[Place | None, str, str | None], None]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_OID = re.compile(r"[0-2](\.\d+)+")
_VIA = re.compile(r"\bvia\s+([\w./-]+(?:\[[^\]]*\])?)")
#: Keys of mapping.yaml under which there are names and values.
_MAPS = ("segments", "rules", "maps", "identity", "systems", "authorities", "unmapped")


class FeedCheck:
    """The checks of one feed."""

    def __init__(self, base: Library, made: Library, node: Node, note: Note) -> None:
        self._base = base
        self._made = made
        self._node = node
        self._note = note

    def run(self, tables: Iterable[str]) -> None:
        """Note what leads nowhere, and what does not fit together; ``tables`` are the feed's."""
        self._shapes()
        self._declared()
        self._uris("systems")
        self._uris("authorities")
        self._maps()
        self._policies()
        self._identity()
        self._ignored()
        self._required()
        self._unused(tables)

    def _rules(self) -> Mapping[str, Node]:
        """The rules as they are written, by the map that they are for."""
        node = self._node.entries.get("rules")
        return node.entries if node is not None else {}

    def _entries(self, key: str) -> Iterator[tuple[str, Place, Node]]:
        node = self._node.entries.get(key)
        for name, item in node.entries.items() if node is not None else ():
            yield name, node.keys[name], item  # type: ignore[union-attr]

    # ------------------------------------------------------------ names

    def _shapes(self) -> None:
        for key in _MAPS:
            node = self._node.entries.get(key)
            if node is not None and node.kind not in ("map", "null"):
                self._note(node.place, f"expected keys and values here, under {key}:", None)

    def _declared(self) -> None:
        for segment, place, fields in self._entries("segments"):
            if not is_name(segment):  # a sender may have segments that the standard has not
                self._tell(place, unknown_segment(segment))
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
                name = f"{segment}[{named.text}]"
                if named.kind == "text" and not {name} & {*self._made.segments, *self._rules()}:
                    known = [
                        m.resource for m in self._made.segments.values() if m.segment == segment
                    ]
                    near = suggest(named.text, known) or f"there are: {', '.join(known) or 'none'}"
                    self._note(named.place, f"no segment map {name}", near)

    def _policies(self) -> None:
        node = self._node.entries.get("unmapped")
        if node is not None:
            check_policies(node, self._made.tables, self._note)

    def _identity(self) -> None:
        made = {item.resource for item in self._made.segments.values()} | {"default"}
        made |= {written.partition("[")[2].removesuffix("]") for written in self._rules()}
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
        self._tell(place, unknown_field(ref.segment, ref.field or 0, self._made.declared))

    def _tell(self, place: Place | None, missing: Unknown | None) -> None:
        if missing is not None:
            self._note(place, *missing)

    # ------------------------------------------------------------ contradictions

    def _ignored(self) -> None:
        for item in self._made.ignored[len(self._base.ignored) :]:
            segment = item.ref if isinstance(item.ref, str) else item.ref.segment
            if item.ref == "":
                continue  # it could not be read
            missing = unknown_segment(segment, self._made.declared)
            if missing is not None:
                own = f"if it is the sender's own, declare it: segments: {{{segment}: {{}}}}"
                self._note(item.place, missing[0], missing[1] or own)
            if isinstance(item.ref, Ref) and not missing and not segment.startswith("Z"):
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
                if not any(self._says(other, element) for other in together):
                    what = f"{item.name} has no rule for '{element}', which {item.type} requires"
                    self._note(self._place(item), what, f"add {element}: …")

    def _says(self, item: SegmentMap, element: str) -> bool:
        """Whether a map has a rule for an element, if one that cannot be read or is misspelt."""
        node = self._rules().get(item.name)
        written = {*item.rules, *(node.entries if node is not None else ())}
        heads = {re.split(r"[.(]", key.removeprefix("+"))[0] for key in written}
        if heads & {element, *definitions.choices(item.type, element)}:
            return True
        known = definitions.elements(item.type)
        return any(suggest(head, [element]) for head in heads if head not in known)

    def _place(self, item: SegmentMap) -> Place:
        rules = self._node.entries.get("rules")
        return rules.keys.get(item.name, item.place) if rules is not None else item.place

    # ------------------------------------------------------------ what nobody asks

    def _unused(self, tables: Iterable[str]) -> None:
        asked = {
            folded_name(name)
            for rules in self._rules().values()
            for text in texts(rules)
            for name in _VIA.findall(text)
        }
        asked |= {
            folded_name(name)
            for maps in (self._made.segments, self._made.datatypes)
            for item in maps.values()
            for rule in item.rules.values()
            for name in tables_of(rule.body)
        }
        known = {folded_name(name) for name in self._made.tables}
        misspelt = asked - known
        folder = self._node.place.file.removesuffix("mapping.yaml")
        for name in tables:
            if folded_name(name) not in asked and not suggest(folded_name(name), misspelt):
                place = Place(f"{folder}conceptmaps/{name}.csv", 1, 1)
                near = suggest(name, self._base.tables) or f"write: … via {name}"
                self._note(place, f"no rule asks the table '{name}'", near)


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


__all__ = ["FeedCheck"]
