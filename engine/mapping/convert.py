"""Which conversion turns a v2 type into a FHIR type: a datatype map, a table, or a primitive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.fhir import bindings, definitions
from engine.fhir.definitions import Element
from engine.mapping import coding, identity, primitives
from engine.mapping.conceptmap import ConceptMap, folded_name
from engine.mapping.constants import advice
from engine.mapping.emit import Emitter
from engine.mapping.fetch import Raw
from engine.mapping.functions import Function
from engine.mapping.made import Shared, dumps
from engine.mapping.memo import memoised, remembered_text
from engine.mapping.model import DatatypeMap, Library
from engine.mapping.runtime import Run

if TYPE_CHECKING:
    from engine.mapping.compile import Compiler

Convert = Callable[..., Any]

#: Primitives whose texts are long to take apart, and repeat within a message.
_TIMES = frozenset({"date", "dateTime", "instant", "time"})


@dataclass(frozen=True, slots=True)
class Conversion:
    """One way from a raw text to a FHIR value, as code."""

    call: Convert
    #: further arguments after (run, v): the separator, a table …
    separated: bool = False
    extra: tuple[Any, ...] = ()
    fallible: bool = False
    #: takes all repetitions of a field as one text
    whole: bool = False
    #: its values already carry where they come from, in a tracing compilation
    traced: bool = False
    table: str = ""

    def expression(self, emitter: Emitter, item: Raw, trace: bool) -> str:
        """The call, for the variable that the raw text is in."""
        arguments = ["run", item.code]
        if self.separated:
            arguments.append(item.sep)
        arguments += [emitter.constant(value) for value in self.extra]
        if self.traced and trace:
            arguments.append(item.at)
        return f"{emitter.constant(self.call)}({', '.join(arguments)})"


_SAYS = {"boolean": frozenset({"true", "false"})}


def _via(
    call: Convert, table: ConceptMap, local: Convert, policy: str, run: Run, v: str, sep: str
) -> Any:
    return call(run, v, sep, table, local, policy)


def _as_code(table: ConceptMap, kind: str, policy: str, run: Run, v: str, sep: str) -> Any:
    return coding.code(run, v, sep, table, kind, policy)


class Conversions:
    """All conversions of one library."""

    def __init__(self, library: Library, compiler: Compiler) -> None:
        self._library = library
        self._compiler = compiler
        self._maps: dict[tuple[str, str], str] = {}
        for name, datatype_map in library.datatypes.items():
            for datatype in (datatype_map.datatype, *datatype_map.also):
                self._maps.setdefault((datatype, datatype_map.target), name)
        self._sites = {f"site.{name}": Function(call) for name, call in library.functions.items()}

    def site(self, name: str) -> Function | None:
        """A function that a site registered under ``site.name``."""
        return self._sites.get(name)

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of all of them."""
        return tuple(self._sites)

    def targets(self, datatype: str) -> tuple[str, ...]:
        """What datatype maps make of a v2 type."""
        kin = (datatype, primitives.family(datatype))
        return tuple(sorted({target for kind, target in self._maps if kind in kin}))

    def find(self, raw: Raw, element: Element, table: str, target: str) -> Conversion | None:
        """The conversion of a raw text to an element, or None when there is no way."""
        wanted = target or element.type
        if table:
            return self._tabled(raw, element, table, wanted)
        name = self._maps.get((raw.type, wanted))
        if name is None and not (raw.type in ("ID", "IS") and definitions.is_primitive(wanted)):
            name = self._maps.get((primitives.family(raw.type), wanted))
        if name is not None:
            datatype_map = self._library.datatypes[name]
            if datatype_map.resource != (element.type == "Reference"):
                return None
            return Conversion(self._compiler.datatype(name), separated=True, traced=True)
        return self._primitive(raw, element, wanted)

    def _primitive(self, raw: Raw, element: Element, wanted: str) -> Conversion | None:
        if wanted == "code" and element.codes:
            return Conversion(primitives.bound_code, extra=(element.codes,), fallible=True)
        found = primitives.find(raw.type, wanted)
        if found is None:
            return None
        call, whole = found
        if wanted in ("Coding", "CodeableConcept") and raw.table:
            return Conversion(coding.of_table, extra=(raw.table, wanted), table=f"HL7{raw.table}")
        if wanted in _TIMES:
            call = remembered_text(f"{raw.type} {wanted}", call)
        return Conversion(call, separated=wanted not in primitives.FLAT, fallible=True, whole=whole)

    # ------------------------------------------------------------ tables

    def table(self, name: str) -> ConceptMap | None:
        """A code table by its name, whatever the case and the blanks (the guide varies them)."""
        found = self._library.tables.get(name)
        if found is not None:
            return found
        folded = folded_name(name)
        return next(
            (t for key, t in self._library.tables.items() if folded_name(key) == folded), None
        )

    def near(self, name: str) -> str | None:
        """The nearest table name."""
        return advice(name, self._library.tables)

    def _tabled(self, raw: Raw, element: Element, name: str, wanted: str) -> Conversion | None:
        table = self.table(name)
        if table is None:
            self._compiler.fail(None, f"no table '{name}'", self.near(name))
            return Conversion(primitives.nothing)
        if wanted in ("CodeableConcept", "Coding"):
            return self._coded(raw, element, table, name, wanted)
        if definitions.is_primitive(wanted):
            self._allowed(table, element)
            kind = wanted if wanted in ("boolean", "integer", "positiveInt") else "code"
            extra = (table, kind, self._policy(table))
            if self._compiler.trace:
                return Conversion(coding.code, separated=True, extra=extra, table=name)
            quick = memoised(f"{name} as {kind}", partial(_as_code, *extra))
            return Conversion(quick, separated=True, table=name)
        return None

    def _policy(self, table: ConceptMap) -> str:
        """What becomes of a code that a table does not hold."""
        policies = self._library.policies
        return policies.get(table.name) or policies.get("default", "keep")

    def _allowed(self, table: ConceptMap, element: Element) -> None:
        """Whether the element allows what the table says."""
        known = _SAYS.get(element.type, element.codes)
        for row in table.rows if known else ():
            if row.target.code not in known:
                near = advice(row.target.code, known) or f"there are: {', '.join(sorted(known))}"
                what = f"'{row.target.code}' is not a code of {element.owner}.{element.name}"
                self._compiler.fail(row.target_place, what, near)

    def _coded(
        self, raw: Raw, element: Element, table: ConceptMap, name: str, wanted: str
    ) -> Conversion:
        """A CodeableConcept or Coding through a table, the sender's own coding with it."""
        plain = self._maps.get((raw.type, wanted)) or self._maps.get(("CWE", wanted))
        local = self._compiler.datatype(plain) if plain else coding.plain
        policy = self._policy(table)
        extra: tuple[Any, ...] = (table, local, policy)
        call: Convert = coding.concept if wanted == "CodeableConcept" else coding.single
        language = f"{element.owner}.{element.name}" in bindings.LANGUAGES
        closed = wanted == "CodeableConcept" and (bool(element.codes) or language)
        if closed:
            call, extra = coding.closed, (table, local, bool(element.codes), policy)
        if closed or self._compiler.trace or policy in ("hold", "reject"):
            return Conversion(call, separated=True, extra=extra, traced=True, table=name)
        quick = memoised(
            f"{raw.type} via {name} {wanted}", partial(_via, call, table, local, policy)
        )
        return Conversion(quick, separated=True, table=name)

    def mapped(self, emitter: Emitter, name: str, element: Element, variable: str) -> str | None:
        """An expression that maps a decoded text through a table."""
        table = self.table(name)
        if table is None:
            return None
        call = emitter.constant(coding.text_code)
        policy = self._policy(table)
        named = emitter.constant(table)
        return f"{call}(run, {variable}, {named}, {element.type!r}, {policy!r})"

    # ------------------------------------------------------------ resources of fields

    def resource(self, datatype_map: DatatypeMap, build: Convert) -> Convert:
        """A conversion that makes a resource and yields the reference to it."""
        key = self._library.keys.get(datatype_map.type)
        type_name = datatype_map.type

        def make(run: Run, v: str, sep: str, *at: Any) -> Any:
            body = build(run, v, sep, *at)
            if body is None:
                return None
            body = {"resourceType": type_name, **body}
            criterion = identity.criterion(run.plain(body), key) if key is not None else ""
            seed = criterion or f"{run.context.channel}|{dumps(run.plain(body))}"
            uuid = identity.uuid_of(f"{type_name}|{seed}")
            return run.share(Shared(type_name, body, uuid, criterion))

        return make
