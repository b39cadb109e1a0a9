"""Segment and datatype maps to plain Python functions, with every type resolved once.

A segment map becomes ``f(run, i)``: it reads segment number ``i`` and adds to its resource. A
datatype map becomes ``f(run, v, sep)``: it turns one repetition or component into one FHIR
value. With ``trace`` the same rules are compiled a second time so that each value carries the
field it came from (see explain.py); the fast functions pay nothing for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.documents import suggest
from engine.errors import Place, Problem
from engine.mapping.body import WHOLE, Writer
from engine.mapping.convert import Conversions
from engine.mapping.emit import Emitter
from engine.mapping.fetch import Site, head, start
from engine.mapping.invariants import ordered
from engine.mapping.made import MESSAGE, PARENT, SEGMENT, Spec
from engine.mapping.memo import memoised
from engine.mapping.model import DatatypeMap, Library, SegmentMap
from engine.mapping.shapes import SegmentCode, SegmentFunction
from engine.mapping.survey import (
    field_elements,
    links_of,
    often_asked,
    referenced_segments,
    split_constants,
)

DatatypeFunction = Callable[..., Any]


class Compiler:
    """Compiles the maps of one library on demand and keeps the functions."""

    def __init__(self, library: Library, *, trace: bool = False) -> None:
        self.library = library
        self.trace = trace
        self.problems: list[Problem] = []
        self.conversions = Conversions(library, self)
        self._segments: dict[str, SegmentCode] = {}
        self._datatypes: dict[str, DatatypeFunction] = {}
        self._pending: set[str] = set()

    # ------------------------------------------------------------ segments

    def segment(self, name: str) -> SegmentCode:
        """A segment map as code."""
        code = self._segments.get(name)
        if code is None:
            code = self._segments[name] = self._segment(self.library.segments[name])
        return code

    def spec(self, segment_map: SegmentMap) -> Spec:
        """What the map's function opens."""
        named = {"segment": SEGMENT, "parent": PARENT, "message": MESSAGE}
        per = named.get(segment_map.per)
        if per is None:
            if segment_map.per in self.library.groups.names:
                per = self.library.groups.number(segment_map.per)
            else:
                known = (*named, *self.library.groups.names)
                near = suggest(segment_map.per, known) or f"per: one of {', '.join(known)}"
                place = segment_map.per_place or segment_map.place
                self.fail(place, f"no group '{segment_map.per}'", near)
                per = SEGMENT
        return Spec(segment_map.resource, segment_map.type, per, segment_map.into, segment_map.name)

    def _segment(self, segment_map: SegmentMap) -> SegmentCode:
        emitter = Emitter()
        writer = Writer(self, emitter, segment_map.type)
        writer.joining = segment_map.into
        spec = self.spec(segment_map)
        hoisted = often_asked(segment_map)
        once = not self.trace and not self.library.groups.opens(segment_map.segment)
        site = Site(segment=segment_map.segment, hoisted=hoisted, once=once)
        if spec.per == SEGMENT:
            writer.fresh.add("b")
        constants, sources, trailing = split_constants(segment_map.rules.values())
        with emitter.block("def function(run, i):"):
            start(emitter, segment_map.segment, referenced_segments(segment_map))
            for number in sorted(hoisted):
                emitter.line(f"h{number} = {head(f'f[{number}]')}")
            if segment_map.when is not None:
                with emitter.block(f"if not ({writer.condition(segment_map.when, site)}):"):
                    emitter.line("return")
            if spec.per == SEGMENT and not spec.into:
                emitter.line(f"made = run.new({emitter.constant(spec)}, i)")
            else:
                emitter.line(f"made = run.open({emitter.constant(spec)}, i)")
                with emitter.block("if made is None:"):
                    emitter.line("return")
            emitter.line("b = made.body")
            linked = any(links_of(rule.body) for rule in segment_map.rules.values())
            if linked:
                emitter.line("linked = ()")
            for rule in constants:
                writer.rule(rule, "b", site)
            emitter.line("n = len(b)")
            for rule in sources:
                writer.rule(rule, "b", site)
            with emitter.block("if len(b) > n:"):
                emitter.line("made.full = True")
            deletions = field_elements(segment_map)
            if deletions:
                with emitter.block("if i in run.nulls:"):
                    emitter.line("made.full = True")
                    emitter.line(f"run.delete(made, {emitter.constant(deletions)}, i)")
            if trailing:
                with emitter.block("if made.full:"):
                    for rule in trailing:
                        writer.rule(rule, "b", site)
            if linked:
                writer.linked()
        filename = f"<{segment_map.name}>"
        function: SegmentFunction = emitter.function(filename, "function")
        compared = {number: frozenset(texts) for number, texts in emitter.compared.items()}
        return SegmentCode(function, emitter.text, emitter.names, filename, compared)

    # ------------------------------------------------------------ datatypes

    def datatype(self, name: str) -> DatatypeFunction:
        """The function of a datatype map; a map that needs itself is bound late."""
        function = self._datatypes.get(name)
        if function is not None:
            return function
        if name in self._pending:
            return lambda *arguments: self._datatypes[name](*arguments)
        self._pending.add(name)
        datatype_map = self.library.datatypes[name]
        function = self._datatype(datatype_map)
        self._pending.discard(name)
        self._datatypes[name] = function
        return function

    def _datatype(self, datatype_map: DatatypeMap) -> DatatypeFunction:
        emitter = Emitter()
        dispatch = WHOLE in datatype_map.rules
        reference = dispatch and datatype_map.resource
        writer = Writer(self, emitter, "Reference" if reference else datatype_map.type)
        site = Site(datatype=datatype_map.datatype, parts="p", raw="v", below="sub", at="at")
        at = ", at" if self.trace else ""
        with emitter.block(f"def build(run, v, sep{at}):"):
            emitter.line("C = run.C; R = run.R; S = run.S; sub = S if sep == C else '\\x00'; i = 0")
            emitter.line("p = v.split(sep); p += run.pad")
            if datatype_map.when is not None:
                with emitter.block(f"if not ({writer.condition(datatype_map.when, site)}):"):
                    emitter.line("return None")
            emitter.line("b = {}")
            writer.fresh.add("b")
            self._datatype_rules(writer, datatype_map.rules.values(), site)
        build: DatatypeFunction = emitter.function(f"<{datatype_map.name}>", "build")
        if datatype_map.resource and not dispatch:
            build = self.conversions.resource(datatype_map, build)
        return build if self.trace else memoised(datatype_map.name, build)

    def _datatype_rules(self, writer: Writer, rules: Any, site: Site) -> None:
        emitter = writer.emitter
        constants, sources, trailing = split_constants(rules)
        for rule in sources:
            writer.rule(rule, "b", site)
        with emitter.block("if not b:"):
            emitter.line("return None")
        for rule in (*constants, *trailing):
            writer.rule(rule, "b", site, guard=True)
        if writer.type == "Period":
            emitter.line(f"return {emitter.constant(ordered)}(run, b)")
        else:
            emitter.line(f"return b.get({WHOLE!r}, b)")

    # ------------------------------------------------------------ checking

    def check(self) -> list[Problem]:
        """Compile everything; every problem that the maps have."""
        for name in self.library.datatypes:
            self.datatype(name)
        for name in self.library.segments:
            self.segment(name)
        return self.problems

    def fail(self, place: Place | None, what: str, instead: str | None = None) -> None:
        """Note one problem; compiling goes on."""
        problem = Problem(place, what, instead)
        if problem not in self.problems:
            self.problems.append(problem)
