"""A feed's ``mapping.yaml`` over the standard library: what it replaces, removes and adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.documents import Node, suggest, texts
from engine.errors import Place
from engine.fhir import definitions
from engine.hl7v2 import dictionary
from engine.mapping import site
from engine.mapping.feedcheck import FeedCheck
from engine.mapping.folders import Folder, text_of, texts_of
from engine.mapping.load import StandardReader
from engine.mapping.model import (
    DatatypeMap,
    DeclaredField,
    Library,
    SegmentMap,
)

_CALLED = re.compile(r"\bsite\.([a-z_]\w*)\(")


class LibraryReader(StandardReader):
    """Reads the standard folder once, and feeds' overlays over it."""

    def feeds(self, folder: Path) -> list[Path]:
        """The folders of feeds inside: those that hold a ``mapping.yaml``."""
        try:
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
            return [feed for feed in inside if (feed / "mapping.yaml").is_file()]
        except OSError as error:
            place = Place(folder.name, 1, 1)
            self.problems.add(place, f"the folder cannot be read: {error.strerror}")
            return []

    def overlay(self, base: Library, folder: Folder, label: str) -> Library:
        """The library as ``mapping.yaml`` and ``conceptmaps/`` of a feed's folder change it."""
        node = self._document(folder.joinpath("mapping.yaml"), label)
        if node is None or node.kind != "map":
            return base
        known = ("mapping", "extends", "about", "segments", "rules", "ignore", "maps", "identity")
        self.problems.keys(node, (*known, "systems", "authorities", "unmapped"), ("mapping",))
        entries = node.entries
        functions = self._functions(folder.joinpath(site.FILE), label, entries.get("rules"))
        tables = self._tables(folder.joinpath("conceptmaps"), f"{label}/conceptmaps")
        merged = {name: base.tables[name].extended(table) if name in base.tables else table
                  for name, table in tables.items()}  # fmt: skip
        declared = self._declared(entries.get("segments"))
        segments, datatypes = self._overlaid(base, entries.get("rules"))
        maps = entries.get("maps")
        default = {**base.default, **_added(base, segments)}
        if maps is not None:
            default.update({key: texts_of(item) for key, item in maps.entries.items()})
        systems = entries.get("systems")
        own_systems = {k: text_of(v) for k, v in systems.entries.items()} if systems else {}
        policies = entries.get("unmapped")
        if folder.joinpath("conceptmaps").joinpath("policies.yaml").is_file():
            stray = Place(f"{label}/conceptmaps/policies.yaml", 1, 1)
            self.problems.add(stray, "this file is not read", "write unmapped: in mapping.yaml")
        authorities = entries.get("authorities")
        own_authorities = (
            {k: text_of(v) for k, v in authorities.entries.items()} if authorities else {}
        )
        made = replace(
            base,
            name=text_of(entries.get("mapping"), label),
            place=node.keys.get("mapping", node.place),
            segments=segments,
            datatypes=datatypes,
            default=default,
            tables={**base.tables, **merged},
            systems={**base.systems, **own_systems},
            keys={**base.keys, **self.structure.keys(entries.get("identity"))},
            declared={**base.declared, **declared},
            authorities={**base.authorities, **own_authorities},
            ignored=(*base.ignored, *self._ignored(entries.get("ignore"))),
            pinned=self._pinned(base, entries.get("extends")),
            policies={**base.policies, **_policies(policies)},
            functions=functions,
        )
        FeedCheck(base, made, node, self.problems.add).run(tables)
        return made

    def _pinned(self, base: Library, node: Node | None) -> str:
        """The message map that ``extends: standard/ORU_R01`` names, or ""."""
        first, _, name = text_of(node, "standard").partition("/")
        if first != "standard" and node is not None:
            what = f"'{first}' is nothing to extend: a feed extends standard"
            self.problems.add(node.place, what, "write standard, or standard/ORU_R01")
        if not name:
            return ""
        if name not in base.messages and node is not None:
            advice = suggest(name, base.messages)
            self.problems.add(node.place, f"no message map 'standard/{name}'", advice)
        return name

    def _functions(
        self, file: Folder, label: str, rules: Node | None
    ) -> Mapping[str, Callable[..., Any]]:
        if not file.is_file():
            return {}
        text = self._read(file, label)
        functions, problems = site.load(text, f"{label}/{file.name}") if text else ({}, [])
        self.problems.found += problems
        if (text and not problems) or rules is None:
            return functions
        # the file has them, as far as anybody can say who could not read it
        called = (_CALLED.findall(written) for written in texts(rules))
        return {name: _unread for names in called for name in names}

    def _declared(self, node: Node | None) -> dict[str, dict[int, DeclaredField]]:
        found: dict[str, dict[int, DeclaredField]] = {}
        for segment, fields in node.entries.items() if node else ():
            found[segment] = {}
            for number, item in fields.entries.items():
                if not number.isdigit():
                    place = fields.keys[number]
                    what = f"'{number}' is not a field number of {segment}"
                    self.problems.add(place, what, "write a number, such as 3")
                    digits = re.findall(r"\d+", number)
                    if not digits:
                        continue
                    number = digits[-1]
                self.problems.keys(item, ("name", "type"), ("name", "type"))
                found[segment][int(number)] = DeclaredField(
                    int(number),
                    text_of(item.entries.get("name")),
                    text_of(item.entries.get("type")),
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
                self._inside(item)
            elif self._can_be(segment, rest[:-1], place, base):
                known = segments.get(name)
                segments[name] = self._overlaid_segment(known, segment, rest[:-1], item)
            else:
                self._inside(item)
        return segments, datatypes

    def _inside(self, rules: Node) -> None:
        """Tell what is wrong with values, though nobody knows what they are for."""
        for key, item in rules.entries.items():
            if item.kind != "null" and key not in ("per", "into", "when"):
                self.rules.body(item)

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
            per=text_of(options.get("per"), base.per),
            per_place=options["per"].place if "per" in options else base.per_place,
            into=self._yes(options["into"]) if "into" in options else base.into,
            when=self._condition(options["when"]) if "when" in options else base.when,
        )


def _unread(run: Any, *texts: Any) -> None:
    """A function of a file that cannot be run; nothing is converted with it."""


def _like(resource: str, segments: Mapping[str, SegmentMap]) -> str | None:
    """A map that makes a resource of this name, for somebody who named the resource alone."""
    makers = [item for item in segments.values() if item.resource == resource]
    first = min(makers, key=lambda item: (item.into, -len(item.rules)), default=None)
    return f"did you mean '{first.name}'?" if first is not None else None


def _policies(node: Node | None) -> dict[str, str]:
    return {key: text_of(item) for key, item in node.entries.items()} if node else {}


def _added(base: Library, segments: Mapping[str, SegmentMap]) -> dict[str, tuple[str, ...]]:
    """Segment maps that a feed brings apply in every message, after the standard's own."""
    added: dict[str, tuple[str, ...]] = {}
    for name, segment_map in segments.items():
        if name not in base.segments:
            before = added.get(segment_map.segment, base.default.get(segment_map.segment, ()))
            added[segment_map.segment] = (*before, segment_map.resource)
    return added
