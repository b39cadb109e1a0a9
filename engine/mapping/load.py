"""YAML and CSV to the model: the standard library, and a feed's overlay on it.

Every problem of every file is collected with its place; none hides another.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeVar

from engine.documents import Node, load_document, suggest
from engine.errors import ConfigurationError, Place, Problem
from engine.fhir import definitions
from engine.hl7v2 import dictionary
from engine.mapping import site
from engine.mapping.codesystems import CodeSystems
from engine.mapping.conceptmap import ConceptMap, load_concept_map
from engine.mapping.expressions import parse_value
from engine.mapping.feedcheck import FeedCheck, check_policies
from engine.mapping.grammar import Condition, Ref, Source, Value
from engine.mapping.groups import Group, Groups
from engine.mapping.language import MessageCondition, parse_condition
from engine.mapping.model import (
    DatatypeMap,
    DeclaredField,
    Ignored,
    Key,
    Library,
    MessageMap,
    SegmentMap,
)
from engine.mapping.rules import RuleReader
from engine.mapping.sentences import parse_condition_tree

T = TypeVar("T")


class Folder(Protocol):
    """What is needed of a folder: pathlib.Path and importlib.resources both have it."""

    @property
    def name(self) -> str:
        """Its last part."""

    def iterdir(self) -> Iterable[Folder]:
        """What is inside."""

    def is_file(self) -> bool:
        """Whether it is a file."""

    def is_dir(self) -> bool:
        """Whether it is a folder."""

    def read_text(self, encoding: str) -> str:
        """The text of a file."""

    def joinpath(self, child: str, /) -> Folder:
        """Something inside."""


@dataclass
class Problems:
    """Problems collected while reading goes on."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place | None, what: str, instead: str | None = None) -> None:
        """Note one problem."""
        self.found.append(Problem(place, what, instead))

    def guard(self, read: Callable[[], T], otherwise: T) -> T:
        """What ``read`` gives, or ``otherwise`` with its problems noted."""
        try:
            return read()
        except ConfigurationError as error:
            self.found.extend(error.problems)
            return otherwise

    def raise_any(self) -> None:
        """End here when there are problems."""
        if self.found:
            raise ConfigurationError(self.found)


def files(folder: Folder, suffix: str) -> list[Folder]:
    """The files of a folder with this suffix, by name; none when it is absent."""
    if not folder.is_dir():
        return []
    found = [item for item in folder.iterdir() if item.is_file() and item.name.endswith(suffix)]
    return sorted(found, key=lambda item: item.name)


def _keys(
    problems: Problems, node: Node, known: Iterable[str], required: Iterable[str] = ()
) -> None:
    known = list(known)
    if node.kind != "map":
        problems.add(node.place, "expected keys and values here")
        return
    for key, place in node.keys.items():
        if key not in known:
            problems.add(place, f"unknown key '{key}'", suggest(key, known))
    for key in required:
        if key not in node.entries:
            problems.add(node.place, f"missing key '{key}'", EXAMPLES.get(key))


NOT_UTF8 = ("the file is not UTF-8", "save it as UTF-8")

#: What a key that is missing may look like.
EXAMPLES = {
    "mapping": "such as mapping: north-lab",
    "type": "such as type: ST",
    "name": "such as name: fasting status",
    "knows": "knows: part, whole or shared",
}


def _text(node: Node | None, default: str = "") -> str:
    return node.text if node is not None and node.kind == "text" else default


def _texts(node: Node | None) -> tuple[str, ...]:
    if node is None or node.kind == "null":
        return ()
    if node.kind == "list":
        return tuple(item.text for item in node.items if item.kind == "text")
    return (node.text,)


class LibraryReader:
    """Reads the standard folder once, and feeds' overlays over it."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.rules = RuleReader(self.problems.add)

    # ------------------------------------------------------------ the standard

    def standard(self, folder: Folder, label: str) -> Library:
        """Read a whole library: segments, datatypes, messages, tables, groups and keys."""
        messages, default = self._messages(folder.joinpath("messages"), f"{label}/messages")
        ignored: list[Ignored] = []
        library = Library(
            name="standard",
            segments=self._segments(folder.joinpath("segments"), f"{label}/segments", ignored),
            datatypes=self._datatypes(folder.joinpath("datatypes"), f"{label}/datatypes"),
            messages=messages,
            default=default,
            tables=self._tables(folder.joinpath("conceptmaps"), f"{label}/conceptmaps"),
            extensions=self._extensions(folder, label),
            systems=self._systems(folder, label),
            codesystems=CodeSystems(
                {row[0]: row[1] for row in self._csv(folder, "codesystems.csv")}
            ),
            groups=self._groups(folder, label),
            keys=self._identity(folder, label),
        )
        policies = self._standard_policies(library, folder.joinpath("conceptmaps"), label)
        return replace(library, ignored=tuple(ignored), policies=policies)

    def _standard_policies(self, library: Library, folder: Folder, label: str) -> dict[str, str]:
        """What becomes of codes outside the standard's own tables."""
        file = folder.joinpath("policies.yaml")
        node = self._document(file, f"{label}/conceptmaps") if file.is_file() else None
        if node is None:
            return {}
        check_policies(node, library.tables, self.problems.add)
        return _policies(node)

    def _read(self, file: Folder, label: str) -> str | None:
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            line = bytes(error.object).count(b"\n", 0, error.start) + 1
            self.problems.add(Place(f"{label}/{file.name}", line, 1), *NOT_UTF8)
            return None

    def _document(self, file: Folder, label: str) -> Node | None:
        text = self._read(file, label)
        if text is None:
            return None
        return self.problems.guard(lambda: load_document(text, f"{label}/{file.name}"), None)

    def _segments(
        self, folder: Folder, label: str, ignored: list[Ignored]
    ) -> dict[str, SegmentMap]:
        found: dict[str, SegmentMap] = {}
        for file in files(folder, ".yaml"):
            node = self._document(file, label)
            if node is None:
                continue
            known = ("segment", "resource", "per", "into", "when", "rules", "ignore", "about")
            _keys(self.problems, node, known, ("segment", "resource", "rules"))
            segment_map = self._segment_map(node)
            if f"{segment_map.name}.yaml" != file.name:
                self.problems.add(node.place, f"this file should be named {segment_map.name}.yaml")
            found[segment_map.name] = segment_map
            ignored += self._ignored(node.entries.get("ignore"))
        return found

    def _segment_map(self, node: Node) -> SegmentMap:
        entries = node.entries
        segment, resource = _text(entries.get("segment")), _text(entries.get("resource"))
        name = f"{segment}[{resource}]"
        rules = entries.get("rules")
        return SegmentMap(
            name=name,
            segment=segment,
            resource=resource,
            rules=self.rules.rules(name, rules) if rules is not None else {},
            place=node.place,
            per=_text(entries.get("per"), "segment"),
            into=self._yes(entries["into"]) if "into" in entries else False,
            when=self._condition(entries.get("when")),
        )

    def _yes(self, node: Node) -> bool:
        if node.text not in ("yes", "no"):
            self.problems.add(node.place, f"'{node.text}' is neither yes nor no", "write into: yes")
        return node.text == "yes"

    def _condition(self, node: Node | None) -> Condition | None:
        if node is None:
            return None
        return self.problems.guard(lambda: parse_condition_tree(node.text, node.place), None)

    def _ignored(self, node: Node | None) -> list[Ignored]:
        """``ignore:`` is a list of paths or segments, or of ``PATH: reason``."""
        if node is None or node.kind == "null":
            return []
        pairs: list[tuple[str, str, Place]] = []
        if node.kind == "map":
            pairs = [(key, _text(item), node.keys[key]) for key, item in node.entries.items()]
        else:
            items = node.items if node.kind == "list" else [node]
            pairs = [(item.text, "", item.place) for item in items]
        return [
            Ignored(self._ignored_ref(text, place), reason, place) for text, reason, place in pairs
        ]

    def _ignored_ref(self, text: str, place: Place) -> Ref | str:
        if len(text) == 3:
            return text
        try:
            ref = getattr(parse_value(text, place), "choices", (None,))[0]
        except ConfigurationError:
            ref = None
        if not isinstance(ref, Ref) or not ref.segment:
            self.problems.add(place, f"'{text}' is not a segment or a path", "write PID-2 or ZAU")
            return text
        return ref

    def _datatypes(self, folder: Folder, label: str) -> dict[str, DatatypeMap]:
        found: dict[str, DatatypeMap] = {}
        for file in files(folder, ".yaml"):
            node = self._document(file, label)
            if node is None:
                continue
            known = ("datatype", "to", "resource", "also", "when", "rules", "about")
            _keys(self.problems, node, known, ("datatype", "rules"))
            entries = node.entries
            resource = "resource" in entries
            target = _text(entries.get("resource" if resource else "to"))
            datatype = _text(entries.get("datatype"))
            name = f"{datatype}[{target}]"
            rules = entries.get("rules")
            if f"{name}.yaml" != file.name:
                self.problems.add(node.place, f"this file should be named {name}.yaml")
            found[name] = DatatypeMap(
                name=name,
                datatype=datatype,
                target=target,
                rules=self.rules.rules(name, rules) if rules is not None else {},
                place=node.place,
                resource=resource,
                also=_texts(entries.get("also")),
                when=self._condition(entries.get("when")),
            )
        return found

    def _messages(
        self, folder: Folder, label: str
    ) -> tuple[dict[str, MessageMap], dict[str, tuple[str, ...]]]:
        found: dict[str, MessageMap] = {}
        default: dict[str, tuple[str, ...]] = {}
        for file in files(folder, ".yaml"):
            node = self._document(file, label)
            if node is None:
                continue
            _keys(self.problems, node, ("message", "for", "maps", "about"), ("message", "maps"))
            name = _text(node.entries.get("message"))
            maps_node = node.entries.get("maps")
            maps = (
                {key: _texts(item) for key, item in maps_node.entries.items()} if maps_node else {}
            )
            if name == "any":
                default = maps
            else:
                structures = (name, *_texts(node.entries.get("for")))
                found[name] = MessageMap(name, structures, maps, node.place)
        return found, default

    def _tables(self, folder: Folder, label: str) -> dict[str, ConceptMap]:
        found: dict[str, ConceptMap] = {}
        for file in files(folder, ".csv"):
            name = file.name.removesuffix(".csv")
            text = self._read(file, label)
            if text is None:
                continue
            read = partial(load_concept_map, name, text, f"{label}/{file.name}")
            table: ConceptMap | None = self.problems.guard(read, None)
            if table is not None:
                found[name] = table
        return found

    def _csv(self, folder: Folder, name: str) -> list[list[str]]:
        file = folder.joinpath(name)
        if not file.is_file():
            return []
        return list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))[1:]

    def _extensions(self, folder: Folder, label: str) -> dict[str, tuple[str, str]]:
        rows = self._csv(folder, "extensions.csv")
        for number, row in enumerate(rows, 2):
            if len(row) < 3:
                place = Place(f"{label}/extensions.csv", number, 1)
                self.problems.add(place, "an extension needs an alias, a URL and a value type")
        return {row[0]: (row[1], row[2]) for row in rows if len(row) >= 3}

    def _systems(self, folder: Folder, label: str) -> dict[str, str]:
        rows = self._csv(folder, "systems.csv")
        for number, row in enumerate(rows, 2):
            if len(row) < 2:
                place = Place(f"{label}/systems.csv", number, 1)
                self.problems.add(place, "a system needs a name and a URI")
        return {row[0]: row[1] for row in rows if len(row) >= 2}

    def _groups(self, folder: Folder, label: str) -> Groups:
        node = self._document(folder.joinpath("groups.yaml"), label)
        if node is None:
            return Groups(())
        _keys(self.problems, node, ("groups", "attached"), ("groups",))
        kinds = []
        entries = node.entries["groups"].entries
        for name, item in entries.items():
            _keys(self.problems, item, ("opens", "closes", "leads"), ("opens",))
            ranks = tuple(tuple(text.split()) for text in _texts(item.entries.get("opens")))
            closes = _texts(item.entries.get("closes"))
            for closed in closes:
                if closed not in entries:
                    self.problems.add(item.place, f"no group '{closed}'", suggest(closed, entries))
            known = tuple(closed for closed in closes if closed in entries)
            kinds.append(Group(name, ranks, known, _texts(item.entries.get("leads"))))
        return Groups(tuple(kinds), frozenset(_texts(node.entries.get("attached"))))

    def _identity(self, folder: Folder, label: str) -> dict[str, Key]:
        node = self._document(folder.joinpath("identity.yaml"), label)
        return {} if node is None else self._key_table(node)

    def _key_table(self, node: Node) -> dict[str, Key]:
        return {name: self._key(name, item) for name, item in node.entries.items()}

    def _key(self, name: str, node: Node) -> Key:
        _keys(self.problems, node, ("knows", "match", "prefer", "keys", "assumed"), ("knows",))
        knows = _text(node.entries.get("knows"))
        kinds = ("part", "whole", "shared")
        if knows not in kinds and "knows" in node.entries:
            place = node.entries["knows"].place
            self.problems.add(
                place, f"'{knows}' is not part, whole or shared", suggest(knows, kinds)
            )
        keys_node = node.entries.get("keys")
        lists = keys_node.items if keys_node is not None and keys_node.kind == "list" else []
        return Key(
            resource=name,
            knows=knows,
            by_identifier=_text(node.entries.get("match")) == "identifier",
            prefer=_texts(node.entries.get("prefer")),
            keys=tuple(tuple(self._atom(item) for item in line.items) for line in lists),
            assumed=self._assumed(node.entries.get("assumed")),
        )

    def _assumed(self, node: Node | None) -> tuple[tuple[str, MessageCondition], ...]:
        if node is None:
            return ()
        read = {
            element: self.problems.guard(partial(parse_condition, item.text, item.place), None)
            for element, item in node.entries.items()
        }
        return tuple((element, condition) for element, condition in read.items() if condition)

    def _atom(self, node: Node) -> str | Value:
        if node.text.rstrip("?") in ("patient", "visit", "order", "message", "channel", "set"):
            return node.text
        text = node.text.removesuffix("?")
        value = self.problems.guard(lambda: parse_value(text, node.place), None)
        if value is None:
            return ""
        first = value.choices[0] if isinstance(value, Source) else None
        if isinstance(first, Ref) and not first.segment:
            advice = f"write it like {first.datatype or 'PID'}-{first.component or 1}"
            self.problems.add(node.place, f"'{text}' is not a path", advice)
        if isinstance(value, Source) and text != node.text:
            return replace(value, table="?")
        return value

    # ------------------------------------------------------------ a feed

    def overlay(self, base: Library, folder: Folder, label: str) -> Library:
        """The library as ``mapping.yaml`` and ``conceptmaps/`` of a feed's folder change it."""
        node = self._document(folder.joinpath("mapping.yaml"), label)
        if node is None or node.kind != "map":
            return base
        known = ("mapping", "extends", "about", "segments", "rules", "ignore", "maps", "identity")
        _keys(self.problems, node, (*known, "systems", "authorities", "unmapped"), ("mapping",))
        entries = node.entries
        before = len(self.problems.found)
        functions = self._functions(folder.joinpath(site.FILE), label)
        tables = self._tables(folder.joinpath("conceptmaps"), f"{label}/conceptmaps")
        merged = {name: base.tables[name].extended(table) if name in base.tables else table
                  for name, table in tables.items()}  # fmt: skip
        declared = self._declared(entries.get("segments"))
        segments, datatypes = self._overlaid(base, entries.get("rules"))
        maps = entries.get("maps")
        default = {**base.default, **_added(base, segments)}
        if maps is not None:
            default.update({key: _texts(item) for key, item in maps.entries.items()})
        identity = entries.get("identity")
        systems = entries.get("systems")
        own_systems = {k: _text(v) for k, v in systems.entries.items()} if systems else {}
        policies = entries.get("unmapped")
        if folder.joinpath("conceptmaps").joinpath("policies.yaml").is_file():
            stray = Place(f"{label}/conceptmaps/policies.yaml", 1, 1)
            self.problems.add(stray, "this file is not read", "write unmapped: in mapping.yaml")
        authorities = entries.get("authorities")
        own_authorities = (
            {k: _text(v) for k, v in authorities.entries.items()} if authorities else {}
        )
        made = replace(
            base,
            name=_text(entries.get("mapping"), label),
            segments=segments,
            datatypes=datatypes,
            default=default,
            tables={**base.tables, **merged},
            systems={**base.systems, **own_systems},
            keys={**base.keys, **(self._key_table(identity) if identity else {})},
            declared={**base.declared, **declared},
            authorities={**base.authorities, **own_authorities},
            ignored=(*base.ignored, *self._ignored(entries.get("ignore"))),
            pinned=self._pinned(base, entries.get("extends")),
            policies={**base.policies, **_policies(policies)},
            functions=functions,
        )
        check = FeedCheck(base, made, node, self.problems.add)
        check.names()
        if len(self.problems.found) == before:
            check.whole(tables)
        return made

    def _pinned(self, base: Library, node: Node | None) -> str:
        """The message map that ``extends: standard/ORU_R01`` names, or ""."""
        first, _, name = _text(node, "standard").partition("/")
        if first != "standard" and node is not None:
            what = f"'{first}' is nothing to extend: a feed extends standard"
            self.problems.add(node.place, what, "write standard, or standard/ORU_R01")
        if not name:
            return ""
        if name not in base.messages and node is not None:
            advice = suggest(name, base.messages)
            self.problems.add(node.place, f"no message map 'standard/{name}'", advice)
        return name

    def _functions(self, file: Folder, label: str) -> Mapping[str, site.SiteFunction]:
        text = self._read(file, label) if file.is_file() else None
        if text is None:
            return {}
        functions, problems = site.load(text, f"{label}/{file.name}")
        self.problems.found += problems
        return functions

    def _declared(self, node: Node | None) -> dict[str, dict[int, DeclaredField]]:
        found: dict[str, dict[int, DeclaredField]] = {}
        for segment, fields in node.entries.items() if node else ():
            found[segment] = {}
            for number, item in fields.entries.items():
                if not number.isdigit():
                    place = fields.keys[number]
                    what = f"'{number}' is not a field number of {segment}"
                    self.problems.add(place, what, "write a number, such as 3")
                    continue
                _keys(self.problems, item, ("name", "type", "table"), ("name", "type"))
                found[segment][int(number)] = DeclaredField(
                    int(number),
                    _text(item.entries.get("name")),
                    _text(item.entries.get("type")),
                    item.place,
                )
        return found

    def _overlaid(
        self, base: Library, node: Node | None
    ) -> tuple[dict[str, SegmentMap], dict[str, DatatypeMap]]:
        segments, datatypes = dict(base.segments), dict(base.datatypes)
        for name, item in node.entries.items() if node else ():
            place = node.keys[name] if node else item.place
            if name in datatypes:
                old = datatypes[name]
                datatypes[name] = replace(old, rules=self.rules.overlaid(name, old.rules, item))
                continue
            segment, bracket, rest = name.partition("[")
            if not bracket or not rest.endswith("]") or len(segment) != 3:
                advice = _like(name, segments) or suggest(name, [*segments, *datatypes])
                advice = advice or "write it like PID[Patient]"
                self.problems.add(place, f"'{name}' names no segment map", advice)
            elif self._can_be(segment, rest[:-1], place, base):
                known = segments.get(name)
                segments[name] = self._overlaid_segment(known, segment, rest[:-1], item)
        return segments, datatypes

    def _can_be(self, segment: str, resource: str, place: Place, base: Library) -> bool:
        """Whether there may be a map of a segment and a resource; no is noted."""
        kind = resource.partition("-")[0]
        if kind not in definitions.resource_types():
            near = suggest(kind, definitions.resource_types())
            self.problems.add(place, f"'{kind}' is no resource of FHIR R4", near)
            return False
        if not segment.startswith("Z") and not dictionary.is_segment(segment):
            near = suggest(segment, base.default)
            self.problems.add(place, f"no version of HL7 v2 has a segment {segment}", near)
            return False
        return True

    def _overlaid_segment(
        self, old: SegmentMap | None, segment: str, resource: str, node: Node
    ) -> SegmentMap:
        name = f"{segment}[{resource}]"
        base = old or SegmentMap(name, segment, resource, {}, node.place)
        options = {key: node.entries[key] for key in ("per", "into", "when") if key in node.entries}
        return replace(
            base,
            rules=self.rules.overlaid(name, base.rules, node, skip=tuple(options)),
            per=_text(options.get("per"), base.per),
            per_place=options["per"].place if "per" in options else base.per_place,
            into=self._yes(options["into"]) if "into" in options else base.into,
            when=self._condition(options["when"]) if "when" in options else base.when,
        )


def _like(resource: str, segments: Mapping[str, SegmentMap]) -> str | None:
    """A map that makes a resource of this name, for somebody who named the resource alone."""
    makers = [item for item in segments.values() if item.resource == resource]
    first = min(makers, key=lambda item: (item.into, -len(item.rules)), default=None)
    return f"did you mean '{first.name}'?" if first is not None else None


def _policies(node: Node | None) -> dict[str, str]:
    return {key: _text(item) for key, item in node.entries.items()} if node else {}


def _added(base: Library, segments: Mapping[str, SegmentMap]) -> dict[str, tuple[str, ...]]:
    """Segment maps that a feed brings apply in every message, after the standard's own."""
    added: dict[str, tuple[str, ...]] = {}
    for name, segment_map in segments.items():
        if name not in base.segments:
            before = added.get(segment_map.segment, base.default.get(segment_map.segment, ()))
            added[segment_map.segment] = (*before, segment_map.resource)
    return added
