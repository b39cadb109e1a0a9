"""Where a value stands, as lines of Python: fields, repetitions, components and their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.hl7v2 import dictionary
from engine.mapping.emit import Emitter
from engine.mapping.grammar import Ref

if TYPE_CHECKING:
    from engine.mapping.compile import Compiler

NO_SEPARATOR = "'\\x00'"


def head(code: str) -> str:
    """The decoded first part of a text: of letters and digits alone, or empty, the text itself."""
    return f"(run.head({code}) if {code} and not {code}.isalnum() else {code})"


def start(emitter: Emitter, segment: str, names: set[str]) -> None:
    """The first lines of a function of a segment: its fields, and those of others that it reads."""
    emitter.line("f = run.fields(i); C = run.C; R = run.R; S = run.S; fresh = run.fresh")
    emitter.line("near = run.around(i)")
    for name in sorted(names - {segment}):
        emitter.line(f"f_{name} = near.get({name!r}) or run.near({name!r}, i)")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a rule stands: in a segment map, a datatype map, or inside a loop of either."""

    segment: str = ""
    datatype: str = ""
    #: variable that holds the parts of the repetition or component in hand, "" when none is
    parts: str = ""
    raw: str = ""
    raw_type: str = ""
    #: separator below the parts, as code
    below: str = ""
    #: code of the position of the repetition in hand (trace only)
    at: str = ""
    address: str = ""
    #: variable that tells whether a block holds nothing but links
    alone: str = ""
    index: str = ""
    field: int = 0
    #: own fields whose first value stands in a variable already, for conditions
    hoisted: frozenset[int] = frozenset()
    #: several segments may stand in one place among the groups: what is the same is asked once
    once: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """A text of the message, as code, with its type and its place."""

    code: str
    type: str
    #: "field" (repetitions inside), "repetition", "component" or "sub"
    level: str
    #: separator of its parts, as code
    sep: str
    at: str
    index: str = ""
    field: int = 0
    part: int = 0
    table: str = ""
    repeats: bool = False
    ref: Ref | None = None


class Fetcher:
    """Writes the lines that fetch a reference."""

    def __init__(self, compiler: Compiler, emitter: Emitter) -> None:
        self.compiler = compiler
        self.emitter = emitter

    # ------------------------------------------------------------ what a reference is

    def raw(self, ref: Ref, site: Site) -> Raw | None:
        """The text that a reference names, narrowed later; None when nothing is known of it."""
        if ref.segment:
            return self._field(ref, site)
        if not site.parts:
            return None
        if ref.datatype and site.datatype and ref.datatype != site.datatype:
            return None
        return self._relative(ref, site)

    def _field(self, ref: Ref, site: Site) -> Raw | None:
        number = ref.field or 0
        known = self._field_type(ref.segment, number)
        if known is None:
            return None
        kind, table, repeats = known
        if ref.component is not None:
            part = self._part_type(kind, ref)
            if part is None:
                return None
            kind, table = part
        own = ref.segment == site.segment
        code = f"f[{number}]" if own else f"f_{ref.segment}[{number}]"
        index = "i" if own else f"run.nearest({ref.segment!r}, i)"
        return Raw(
            code=code,
            type=ref.read_as or kind,
            level="field",
            sep="C",
            at=f"({index}, {number}, 1, {ref.component or 0}, {ref.subcomponent or 0})",
            index=index,
            field=number,
            part=ref.component or 0,
            table=table,
            repeats=repeats and ref.repetition is None,
            ref=ref,
        )

    def _field_type(self, segment: str, number: int) -> tuple[str, str, bool] | None:
        declared = self.compiler.library.declared.get(segment, {}).get(number)
        if declared is not None:
            return declared.type, "", True
        field = dictionary.field(segment, number)
        if field is None:
            return None
        return field.type, field.table or "", field.repeats

    def _part_type(self, kind: str, ref: Ref) -> tuple[str, str] | None:
        """The type and table of the component, and subcomponent, that a reference names."""
        if kind in ("varies", "VARIES", "*", ""):
            return "ST", ""
        table = ""
        for number in (ref.component, ref.subcomponent):
            if number is None:
                break
            components = dictionary.components(kind)
            if not components:
                return (kind, table) if number == 1 else None
            if number > len(components):
                return None
            kind, table = components[number - 1].type, components[number - 1].table or ""
        return kind, table

    def _relative(self, ref: Ref, site: Site) -> Raw | None:
        base = site.datatype or site.raw_type
        if ref.component is None:
            sep = "sep" if site.datatype else "C"
            return Raw(
                site.raw, ref.read_as or base, "repetition", sep, site.at, site.index, site.field
            )
        part = self._part_type(base, ref)
        if part is None:
            return None
        code = f"{site.parts}[{ref.component - 1}]"
        level, below = "component", site.below
        if ref.subcomponent is not None:
            code = f"run.part({code}, {ref.subcomponent}, {site.below})"
            level, below = "sub", NO_SEPARATOR
        return Raw(
            code=code,
            type=ref.read_as or part[0],
            level=level,
            sep=below,
            at=f"run.down({site.at}, {ref.component}, {ref.subcomponent or 0})"
            if site.at
            else "()",
            index=site.index,
            field=site.field,
            part=ref.component,
            table=part[1],
            ref=ref,
        )

    def advice(self, ref: Ref, site: Site) -> str | None:
        """What to write instead of a reference that is not known."""
        if not ref.segment:
            kind = site.datatype or site.raw_type
            if kind and ref.datatype in ("", kind):
                return _parts(kind, ref)
            if dictionary.field_count(ref.datatype):
                return f"write it like {ref.datatype}-{ref.component or 1}"
            return f"a relative path starts at the {ref.datatype or 'repetition'} in hand"
        count = dictionary.field_count(ref.segment)
        known = self._field_type(ref.segment, ref.field or 0)
        if known is not None:
            return _parts(known[0], ref)
        if not count and (ref.segment.startswith("Z") or ref.segment in self._declared):
            return f"declare it: segments: {{{ref.segment}: {{{ref.field}: {{name: …, type: …}}}}}}"
        if not count:
            return f"no version of HL7 v2 has a segment {ref.segment}"
        return f"{ref.segment} has {count} fields"

    @property
    def _declared(self) -> Mapping[str, object]:
        return self.compiler.library.declared

    # ------------------------------------------------------------ fetching

    @contextmanager
    def one(self, raw: Raw, *, whole: bool = False) -> Iterator[Raw]:
        """The first repetition (or the one named), narrowed; the body runs when it is valued."""
        with ExitStack() as stack:
            name = self.emitter.fresh("v")
            self.emitter.line(f"{name} = {raw.code}")
            stack.enter_context(self.emitter.block(f"if {name}:"))
            if raw.level != "field":
                yield replace(raw, code=name)
                return
            ref = raw.ref
            narrowed = ref is not None and (ref.where is not None or ref.repetition is not None)
            at = raw.at.replace(f", {raw.field}, 1,", f", {raw.field}, 0,", 1)
            if not whole or narrowed or raw.part:
                at = self._repetition(name, raw)
                stack.enter_context(self.emitter.block(f"if {name}:"))
            yield self._part(name, raw, at, stack)

    def _repetition(self, name: str, raw: Raw) -> str:
        """Narrow to one repetition; the position it has."""
        ref = raw.ref
        line = self.emitter.line
        if ref is not None and ref.where is not None:
            test = self.predicate(ref, raw)
            line(f"{name} = run.picked({name}, {test})")
        elif ref is not None and ref.repetition is not None:
            line(f"{name} = run.nth({name}, {ref.repetition})")
            return raw.at.replace(f", {raw.field}, 1,", f", {raw.field}, {ref.repetition},", 1)
        else:
            with self.emitter.block(f"if R in {name}:"):
                line(f"{name} = {name}.split(R, 1)[0]")
        return raw.at

    def _part(self, name: str, raw: Raw, at: str, stack: ExitStack) -> Raw:
        ref = raw.ref
        if ref is None or ref.component is None:
            return replace(raw, code=name, level="repetition", at=at)
        level, sep = "component", "S"
        self.emitter.line(f"{name} = run.part({name}, {ref.component}, C)")
        if ref.subcomponent is not None:
            self.emitter.line(f"{name} = run.part({name}, {ref.subcomponent}, S)")
            level, sep = "sub", NO_SEPARATOR
        stack.enter_context(self.emitter.block(f"if {name}:"))
        return replace(raw, code=name, level=level, sep=sep, at=at)

    @contextmanager
    def each(self, raw: Raw) -> Iterator[Raw]:
        """Every repetition, or the ones that meet the predicate."""
        ref = raw.ref
        if raw.level != "field" or (ref is not None and ref.repetition is not None):
            with self.one(raw) as item:
                yield item
            return
        with ExitStack() as stack:
            name, count = self.emitter.fresh("v"), self.emitter.fresh("r")
            code = raw.code
            stack.enter_context(self.emitter.block(f"if {code}:"))
            if self.compiler.trace:
                head = f"for {count}, {name} in enumerate({code}.split(R), 1):"
            else:
                head = f"for {name} in {code}.split(R) if R in {code} else ({code},):"
            stack.enter_context(self.emitter.block(head))
            test = name
            if ref is not None and ref.where is not None:
                test = f"{name} and {self.predicate(ref, raw)}(run, {name})"
            stack.enter_context(self.emitter.block(f"if {test}:"))
            at = raw.at.replace(f", {raw.field}, 1,", f", {raw.field}, {count},", 1)
            yield self._part(name, raw, at, stack)

    def inside(self, item: Raw, site: Site) -> Site:
        """The site of a loop's body: relative paths start at this repetition."""
        parts = self.emitter.fresh("p")
        self.emitter.line(f"{parts} = {item.code}.split({item.sep}); {parts} += run.pad")
        below = "S" if item.sep == "C" else NO_SEPARATOR
        return replace(
            site,
            datatype="",
            parts=parts,
            raw=item.code,
            raw_type=item.type,
            below=below,
            at=item.at,
            index=item.index or site.index,
            field=item.field or site.field,
        )

    # ------------------------------------------------------------ inline

    def text(self, raw: Raw, *, raw_text: bool = False) -> str:
        """The first value as an expression: decoded, or as it stands."""
        if raw.level != "field":
            return raw.code if raw_text else head(raw.code)
        narrowed = self._narrowed(raw, raw_text=raw_text)
        if narrowed == raw.code:
            return narrowed if raw_text else head(narrowed)
        # most fields of most messages are empty, and nothing has to be looked for in them
        return f"({narrowed} if {raw.code} else '')"

    def _narrowed(self, raw: Raw, *, raw_text: bool) -> str:
        """The part of a field that a reference names."""
        ref, code = raw.ref, raw.code
        if ref is not None and ref.where is not None:
            code = f"run.picked({code}, {self.predicate(ref, raw)})"
        elif ref is not None and ref.repetition is not None:
            code = f"run.nth({code}, {ref.repetition})"
        elif raw.part:
            code = f"run.nth({code}, 1)"
        if raw.part and ref is not None:
            if not raw_text:
                return f"run.value({code}, {raw.part}, {ref.subcomponent or 1})"
            code = f"run.part({code}, {raw.part}, C)"
            return f"run.part({code}, {ref.subcomponent}, S)" if ref.subcomponent else code
        return code if raw_text or code == raw.code else f"run.head({code})"

    def predicate(self, ref: Ref, raw: Raw) -> str:
        """A name for the compiled predicate of ``PID-3[.5 is MR]``."""
        from engine.mapping.conditions import predicate

        assert ref.where is not None
        kind = self._field_type(ref.segment, ref.field or 0)
        base = ref.read_as or (kind[0] if kind else raw.type)
        return self.emitter.constant(predicate(self.compiler, ref.where, base))


def _parts(kind: str, ref: Ref) -> str:
    """How many parts there are, where a reference asks for one too many."""
    first = dictionary.components(kind)
    if ref.subcomponent is not None and 0 < (ref.component or 0) <= len(first):
        kind, first = (inner := first[(ref.component or 1) - 1].type), dictionary.components(inner)
    return f"{kind} has {len(first) or 'no'} components"
