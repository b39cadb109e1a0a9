"""Rules to lines of Python: where a value is fetched, converted, and put.

Every ``put`` receives the name of a variable that holds one converted value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.errors import Place
from engine.fhir import definitions
from engine.fhir.definitions import Element
from engine.hl7v2 import dictionary
from engine.mapping import constants
from engine.mapping.conditions import ConditionWriter
from engine.mapping.emit import Emitter
from engine.mapping.fetch import Fetcher, Raw, Site
from engine.mapping.functions import FUNCTIONS
from engine.mapping.grammar import Call, Condition, Link, Literal, Ref, Source, Value
from engine.mapping.grammar import Code as CodeValue
from engine.mapping.invariants import ordered
from engine.mapping.made import Link as Referral
from engine.mapping.memo import memoised
from engine.mapping.model import Block, Body, Each, Filled, Leaf, Make, Rule, Several, When
from engine.mapping.survey import is_constant, is_pure, is_static, links_of, value_refs

if TYPE_CHECKING:
    from engine.mapping.compile import Compiler

Put = Callable[[str], None]

#: The one element of a datatype map to a primitive (``XPN[string]``): the value itself.
WHOLE = "$value"

_EXTENSION = re.compile(r"extension\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Slot:
    """The element that a body fills: its definition, and the variable that holds it."""

    holder: str
    key: str
    element: Element
    address: str
    site: Site
    #: look first whether the element is there: another alternative or segment may have made it
    guard: bool = True


class Writer:
    """Writes the rules of one map."""

    def __init__(self, compiler: Compiler, emitter: Emitter, type_name: str) -> None:
        self.compiler = compiler
        self.emitter = emitter
        self.type = type_name
        self.fetch = Fetcher(compiler, emitter)
        self._conditions = ConditionWriter(compiler, emitter, self.fetch)
        self._address = ""
        #: variables that held nothing when the code began to fill them
        self.fresh: set[str] = set()
        self._filled: set[tuple[str, str]] = set()
        self._flags: dict[tuple[str, str], str] = {}
        #: whether the map only adds to what another segment makes
        self.joining = False
        #: whether this writes a function of one field's text, which does not know its place
        self.within_block = False

    def condition(self, condition: Condition, site: Site) -> str:
        """A condition as a Python expression."""
        return self._conditions.expression(condition, site)

    def fail(self, place: Place | None, what: str, instead: str | None = None) -> None:
        """Note a problem under the address of the rule in hand."""
        self.compiler.fail(place, f"{self._address}: {what}", instead)

    # ------------------------------------------------------------ rules and elements

    def rule(self, rule: Rule, holder: str, site: Site, *, guard: bool = True) -> None:
        """Write one rule of a map."""
        self._address = rule.address
        key, body = constants.reader.nested(rule.element, rule.body, rule.place)
        self._element(holder, self.type, key, body, replace(site, address=rule.address), guard)

    def _element(
        self, holder: str, type_name: str, key: str, body: Body, site: Site, guard: bool = True
    ) -> None:
        extension = _EXTENSION.fullmatch(key)
        if extension:
            self._extension(holder, extension[1], body, site)
            return
        element = definitions.element(type_name, key)
        if key == WHOLE:
            element = Element(WHOLE, type_name, False, "", False, type_name)
        if element is None:
            names = definitions.names(type_name)
            self.fail(
                body.place, f"{type_name} has no element '{key}'", constants.advice(key, names)
            )
            return
        if isinstance(body, Block) and definitions.is_primitive(element.type):
            self._primitive_extension(holder, element, body, site)
            return
        self._body(body, Slot(holder, key, element, site.address, site, guard))

    def _primitive_extension(self, holder: str, element: Element, body: Block, site: Site) -> None:
        """Extensions on a primitive stand beside it, under ``_name`` (FHIR JSON, 2.6.2.3).

        Beside a code of a required binding only where there is one, unless they say that there
        is none: the sender's own code does not stand for it.
        """
        key, listed = element.name, element.is_list
        name = self.emitter.fresh("e")
        self.emitter.line(f"{name} = {{}}")
        for inner, item in body.fields:
            if not _EXTENSION.fullmatch(inner):
                self.fail(item.place, f"'{key}' is a primitive: only extension(…) fits inside")
                return
            self._element(name, "Element", inner, item, site)
        # beside a list of primitives stands a list, of which this is the first
        beside = "[{}])[0]" if listed else "{})"
        kept = f"{holder}.setdefault({'_' + key!r}, {beside}.setdefault('extension', [])"
        absent = any("data-absent-reason" in inner for inner, _ in body.fields)
        coded = bool(element.codes) and not absent
        with self.emitter.block(f"if {name} and {key!r} in {holder}:" if coded else f"if {name}:"):
            self.emitter.line(f"{kept}.extend({name}['extension'])")

    def _extension(self, holder: str, alias: str, body: Body, site: Site) -> None:
        url, kind = self.compiler.library.extensions.get(alias, (alias, ""))
        put_list = f"{holder}.setdefault('extension', [])"
        if isinstance(body, Block):
            self._extension_block(put_list, url, body, site)
            return
        if isinstance(body, Several):
            for item in body.items:
                self._extension(holder, alias, item, site)
            return
        if isinstance(body, When | Each) and _ends_in_block(body):
            self._wrapped(body, site, lambda inner, at: self._extension(holder, alias, inner, at))
            return
        if not kind:
            near = constants.advice(alias, self.compiler.library.extensions)
            self.fail(
                body.place,
                f"the value type of extension '{alias}' is not known",
                near or "say it: extension(…).valueString: …; extensions.csv has the short names",
            )
            return
        key = "value" + kind[0].upper() + kind[1:]
        element = definitions.element("Extension", key)
        if element is None:
            self.fail(body.place, f"extension '{alias}' has no value of type '{kind}'")
            return

        def put(value: str) -> None:
            self.emitter.line(f"{put_list}.append({{'url': {url!r}, {key!r}: {value}}})")

        many = replace(element, is_list=True)
        self._values(body, Slot(holder, key, many, site.address, site), put)

    def _extension_block(self, put_list: str, url: str, body: Block, site: Site) -> None:
        """An extension with elements; one that holds a link is kept until it is resolved."""
        name = self.emitter.fresh("e")
        self.emitter.line(f"{name} = {{'url': {url!r}}}")
        self.fresh.add(name)
        if links_of(body):
            site = replace(site, alone="True")
            self.emitter.line(f"{put_list}.append({name})")
        for key, item in body.fields:
            self._element(name, "Extension", key, item, site)
        if not links_of(body):
            with self.emitter.block(f"if len({name}) > 1:"):
                self.emitter.line(f"{put_list}.append({name})")

    def _wrapped(self, body: Body, site: Site, write: Callable[[Body, Site], None]) -> None:
        if isinstance(body, When):
            with self.emitter.block(f"if {self.condition(body.condition, site)}:"):
                self._wrapped(body.body, site, write)
        elif isinstance(body, Each):
            for inner in self._repetitions(body.ref, site):
                self._wrapped(body.body, inner, write)
        else:
            write(body, site)

    def _repetitions(self, ref: Ref, site: Site) -> Any:
        """The site inside the loop over a field's repetitions (a generator of one)."""
        raw = self.fetch.raw(ref, site)
        if raw is None:
            self.fail(None, f"{ref} is not known")
            return
        with self.fetch.each(raw) as item:
            yield self.fetch.inside(item, site)

    # ------------------------------------------------------------ putting

    def _put(self, slot: Slot) -> Put:
        """Put a value where the slot says: append to a list, or set once."""

        def append(value: str) -> None:
            if self.compiler.trace:
                self.emitter.line(f"run.append({slot.holder}, {slot.key!r}, {value})")
                return
            name = self.emitter.fresh("l")
            self.emitter.line(f"{name} = {slot.holder}.get({slot.key!r})")
            with self.emitter.block(f"if {name} is None:"):
                self.emitter.line(f"{slot.holder}[{slot.key!r}] = [{value}]")
            with self.emitter.block(f"elif {value} not in {name}:"):
                self.emitter.line(f"{name}.append({value})")

        flag = self._flags.get((slot.holder, slot.element.choice_group))

        def assign(value: str) -> None:
            self.emitter.line(f"{slot.holder}[{slot.key!r}] = {value}")
            if flag:
                self.emitter.line(f"{flag} = True")

        return append if slot.element.is_list else assign

    def _body(self, body: Body, slot: Slot) -> None:
        if slot.element.is_list or not slot.guard:
            self._values(body, slot, self._put(slot))
            return
        for item in body.items if isinstance(body, Several) else (body,):
            absent = self._absent(slot)
            if absent is None:
                self._values(item, slot, self._put(slot))
                continue
            with self.emitter.block(f"if {absent}:"):
                self._values(item, slot, self._put(slot))
            if self.joining and isinstance(body, Block) and slot.holder == "b":
                with self.emitter.block("else:"):
                    self._join(body, slot)

    def _join(self, body: Block, slot: Slot) -> None:
        """Add to a complex element that another segment made what it did not say."""
        name = self.emitter.fresh("j")
        # a copy: the one that is there may be remembered for other messages too
        self.emitter.line(
            f"{name} = {slot.holder}[{slot.key!r}] = dict({slot.holder}[{slot.key!r}])"
        )
        for key, item in body.fields:
            self._element(name, slot.element.type, key, item, slot.site)

    def _absent(self, slot: Slot) -> str | None:
        """Whether the element, or any other of its choice (value[x]), is still to be made.

        None when it cannot have been made: this is the first code that fills it.
        """
        group = slot.element.choice_group
        fresh, name = slot.holder in self.fresh, (slot.holder, group or slot.key)
        first = name not in self._filled
        self._filled.add(name)
        if not group:
            return None if fresh and first else f"{slot.key!r} not in {slot.holder}"
        flag = self._flags.get(name)
        if flag is None:
            flag = self._flags[name] = self.emitter.fresh("g")
            keys = self.emitter.constant(frozenset(definitions.choices(slot.element.owner, group)))
            start = "False" if fresh else f"not {keys}.isdisjoint({slot.holder})"
            self.emitter.line(f"{flag} = {start}")
        return None if fresh and first else f"not {flag}"

    def _values(self, body: Body, slot: Slot, put: Put) -> None:
        """Write a body so that each value it yields is put."""
        match body:
            case _ if is_static(body):
                put(self._constant(body, slot))
            case Leaf(value, place):
                self._value(value, place, slot, put)
            case Block(fields):
                self._block(fields, slot, put)
            case When(condition, inner):
                with self.emitter.block(f"if {self.condition(condition, slot.site)}:"):
                    self._values(inner, slot, put)
            case Each(ref, inner):
                for site in self._repetitions(ref, slot.site):
                    self._values(inner, replace(slot, site=site), put)
            case Filled(source, over, under, place):
                self._value(source, place, slot, lambda x: self._lay(x, over, under, slot, put))
            case Several(items):
                for item in items:
                    self._values(item, slot, put)
            case Make():
                self._make(body, slot, put)

    def _make(self, make: Make, slot: Slot, put: Put) -> None:
        """A resource made on the spot, and the reference to it."""
        resource, block, place = make.resource, make.block, make.place
        kind = resource.partition("-")[0]
        if kind not in definitions.resource_types():
            near = constants.advice(kind, definitions.resource_types())
            self.fail(place, f"'make: {resource}' needs a resource of FHIR R4", near)
            return
        if slot.element.type != "Reference":
            what = f"'make: {resource}' needs a Reference"
            self.fail(place, what, f"{slot.key} is {slot.element.type}")
            return
        element = Element(slot.key, kind, False, "", False, kind)
        key = self.compiler.library.keys.get(kind)
        name = self.emitter.fresh("m")

        def made(body: str) -> None:
            if make.included and self.compiler.trace:
                self.emitter.line(f"run.within({body}, {make.included!r})")
            key_name = self.emitter.constant(key)
            self.emitter.line(f"{name} = run.make({kind!r}, {body}, {key_name}, i)")
            put(name)

        self._block(block.fields, replace(slot, element=element), made)

    def _lay(
        self,
        value: str,
        over: Block | Leaf | None,
        under: Block | Leaf | None,
        slot: Slot,
        put: Put,
    ) -> None:
        """Copy a converted value (it may be shared) and lay elements over and under it."""
        name = self.emitter.fresh("y")
        self.emitter.line(f"{name} = dict({value})")
        single = replace(slot, element=replace(slot.element, is_list=False))
        for layer, guard in ((over, False), (under, True)):
            if isinstance(layer, Leaf):
                self._value(layer.value, layer.place, single, self._merge(name, guard))
                continue
            for key, item in layer.fields if layer else ():
                self._element(name, slot.element.type, key, item, slot.site, guard)
        put(name)

    def _merge(self, name: str, under: bool) -> Put:
        """Merge another value's elements into a variable: under what is there, or over it."""

        def put(other: str) -> None:
            parts = (other, name) if under else (name, other)
            self.emitter.line(f"{name} = {{**{parts[0]}, **{parts[1]}}}")

        return put

    def _block(self, fields: tuple[tuple[str, Body], ...], slot: Slot, put: Put) -> None:
        """A complex value; constants alone do not make one, a link does."""
        number = self._only_field(fields, slot)
        if number is not None:
            self._remembered(fields, number, slot, put)
            return
        name = self.emitter.fresh("x")
        kind = slot.element.type
        self.emitter.line(f"{name} = {{}}")
        self.fresh.add(name)
        fixed = [(key, body) for key, body in fields if is_constant(body)]
        linked = [(key, body) for key, body in fields if links_of(body)]
        rest = [(k, b) for k, b in fields if (k, b) not in fixed and (k, b) not in linked]
        if not rest and not linked:  # then a constant with a condition says what the message does
            rest = [(key, body) for key, body in fixed if not is_static(body)]
            fixed = [(key, body) for key, body in fixed if is_static(body)]
        for key, body in rest:
            self._element(name, kind, key, body, slot.site)
        if linked:
            alone = self.emitter.fresh("a")
            self.emitter.line(f"{alone} = not {name}")
            for key, body in fixed:
                self._element(name, kind, key, body, slot.site)
            for key, body in linked:
                site = replace(slot.site, alone=alone)
                self._element(name, kind, key, body, site)
            self._put_always(name, slot, put)
            return
        with self.emitter.block(f"if {name}:"):
            for key, body in fixed:
                self._element(name, kind, key, body, slot.site)
            if kind == "Period" and len(fields) > 1:
                self.emitter.line(f"{name} = {self.emitter.constant(ordered)}(run, {name})")
                self._placed(slot)
            put(name)

    def _only_field(self, fields: tuple[tuple[str, Body], ...], slot: Slot) -> int | None:
        """The one field that makes all of a flat block, so that its text can be remembered."""
        site, values = slot.site, [body.value for _, body in fields if isinstance(body, Leaf)]
        inside = site.datatype or site.parts or not site.segment or self.within_block
        if self.compiler.trace or inside or len(values) < len(fields):
            return None
        if slot.element.type in ("Reference", "Identifier") or not all(map(is_pure, values)):
            return None
        refs = {(ref.segment, ref.field, ref.where) for v in values for ref in value_refs(v)}
        if len(refs) != 1 or sum(not isinstance(v, Literal | CodeValue) for v in values) < 2:
            return None
        segment, number, where = refs.pop()
        return number if segment == site.segment and where is None else None

    def _remembered(
        self, fields: tuple[tuple[str, Body], ...], number: int, slot: Slot, put: Put
    ) -> None:
        """Write a block as a function of one field's text, which is called once for each text."""
        name, inner = self.emitter.fresh("x"), Emitter()
        writer = Writer(self.compiler, inner, self.type)
        writer._address, writer.within_block = self._address, True
        with inner.block("def build(run, v, sep):"):
            inner.line(f"C = run.C; R = run.R; S = run.S; f = {{{number}: v}}")
            writer._block(fields, slot, lambda made: inner.line(f"return {made}"))
        build = memoised(f"{slot.address} {name}", inner.function(f"<{slot.address}>", "build"))
        self.emitter.line(f"{name} = {self.emitter.constant(build)}(run, f[{number}], C)")
        with self.emitter.block("if fresh:"):
            self.emitter.line(f"run.place({slot.address!r}, i, {number})")
        with self.emitter.block(f"if {name} is not None:"):
            # a copy: what is remembered is not to be changed
            self.emitter.line(f"{name} = dict({name})")
            put(name)

    def _put_always(self, name: str, slot: Slot, put: Put) -> None:
        """A block with links is told apart from its like only when they are resolved."""
        if slot.element.is_list:
            self.emitter.line(f"{slot.holder}.setdefault({slot.key!r}, []).append({name})")
        else:
            put(name)

    # ------------------------------------------------------------ values

    def _value(self, value: Value, place: Place, slot: Slot, put: Put) -> None:
        match value:
            case Literal() | CodeValue():
                put(self._constant(Leaf(value, place), slot))
            case Link():
                self._link(value, place, slot)
            case Call():
                self._call(value, place, slot, put)
            case Source():
                self._source(value, place, slot, put)

    def _constant(self, body: Body, slot: Slot) -> str:
        """A static body as code: one object for ever, or in a tracing compilation its rule too."""
        value = self.emitter.constant(constants.of(body, slot.element, self))
        return f"run.constant({value}, {slot.address!r})" if self.compiler.trace else value

    def _link(self, link: Link, place: Place, slot: Slot) -> None:
        target = link.name
        inside = slot.key == "reference" and slot.element.type == "string"
        if slot.element.type != "Reference" and not inside:
            what = f"'-> {target}' needs a Reference"
            self.fail(place, what, f"{slot.key} is {slot.element.type}")
            return
        if slot.site.datatype:
            self.fail(place, "a datatype map cannot refer to what segment maps make")
            return
        known = {item.resource for item in self.compiler.library.segments.values()}
        if target not in known:
            self.fail(place, f"no segment map makes '{target}'", constants.advice(target, known))
            return
        alone = slot.site.alone or "False"
        reference = Referral(slot.key, target, slot.element.is_list, slot.address)
        self.emitter.line(
            f"run.links.append((made, {slot.holder}, {self.emitter.constant(reference)}, {alone}, "
            f"{self._where(link, place, slot)}))"
        )

    def _where(self, link: Link, place: Place, slot: Slot) -> str:
        """What the other resource's segments must say, as pairs of a place and a text."""
        pairs = []
        for theirs, mine, under in link.where:
            found = self.fetch.raw(mine, slot.site)
            if found is None or not theirs.segment:
                self.fail(place, f"'{mine if found is None else theirs}' is not known here")
                continue
            part, sub = theirs.component or 1, theirs.subcomponent or 1
            at = (theirs.segment, theirs.field, part, sub, under)
            pairs.append(f"({at}, {self.fetch.text(found)})")
        return f"({''.join(pair + ', ' for pair in pairs)})"

    def _source(self, source: Source, place: Place, slot: Slot, put: Put) -> None:
        """The first valued of the choices, converted."""
        choices, table, target = source.choices, source.table, source.target
        if table and self.compiler.conversions.table(table) is None:
            near = self.compiler.conversions.near(table)
            self.fail(source.table_place or place, f"no table '{table}'", near)
            return
        if len(choices) == 1:
            self._choice(choices[0], table, target, place, slot, put)
            return
        found = self.emitter.fresh("d")
        self.emitter.line(f"{found} = False")

        def taken(value: str) -> None:
            put(value)
            self.emitter.line(f"{found} = True")

        for choice in choices:
            with self.emitter.block(f"if not {found}:"):
                self._choice(choice, table, target, place, slot, taken)

    def _choice(
        self, choice: Ref | Call, table: str, target: str, place: Place, slot: Slot, put: Put
    ) -> None:
        if isinstance(choice, Call):
            self._call(choice, place, slot, put, table=table)
            return
        raw = self.fetch.raw(choice, slot.site)
        if raw is None:
            advice = self.fetch.advice(choice, slot.site)
            self.fail(choice.place or place, f"{choice} is not known", advice)
            return
        conversion = self.compiler.conversions.find(raw, slot.element, table, target)
        if conversion is None or not dictionary.is_type(raw.type or "varies"):
            self._no_way(choice, raw, target, place, slot)
            return
        whole = conversion.whole or not slot.element.is_list
        with self.fetch.one(raw, whole=conversion.whole) if whole else self.fetch.each(raw) as item:
            self._convert(conversion, item, slot, put)

    def _no_way(self, ref: Ref, raw: Raw, target: str, place: Place, slot: Slot) -> None:
        """There is no conversion: say what there is."""
        place = ref.place or place
        known = self.compiler.conversions.targets(raw.type)
        near: str | None
        if target and target not in known:
            near = constants.advice(target, known) or f"there are: {', '.join(known)}"
            self.fail(place, f"there is no map {raw.type}[{target}]", near)
        elif raw.type and not dictionary.is_type(raw.type):
            near = constants.advice(raw.type, dictionary.types())
            self.fail(place, f"'{raw.type}' is no data type of HL7 v2", near)
        else:
            self.fail(
                place,
                f"{ref} is {raw.type or 'of no known type'}: it does not convert to "
                f"{target or slot.element.type}",
                "name a component, or a conversion with 'as'",
            )

    def _convert(self, conversion: Any, item: Raw, slot: Slot, put: Put) -> None:
        name = self.emitter.fresh("x")
        expression = conversion.expression(self.emitter, item, self.compiler.trace)
        part = item.part or 0
        if conversion.fallible:
            with self.emitter.block("try:"):
                self.emitter.line(f"{name} = {expression}")
            with self.emitter.block("except ValueError as error:"):
                self.emitter.line(f"{name} = None")
                self.emitter.line(f"run.note({slot.address!r}, {part}, str(error))")
        else:
            self.emitter.line(f"{name} = {expression}")
        if self.compiler.trace and not conversion.traced:
            table = conversion.table
            at = item.at if conversion.whole else f"run.first({item.at})"
            self.emitter.line(f"{name} = run.t({name}, {slot.address!r}, {table!r}, {at})")
        elif self.compiler.trace:
            final = slot.address.partition("].")[0] + "]" in self.compiler.library.segments
            self.emitter.line(f"{name} = run.under({name}, {slot.address!r}, {final})")
        self._place(item, slot)
        with self.emitter.block(f"if {name} is not None:"):
            if slot.element.type == "Identifier" and item.field and not slot.site.datatype:
                segment = item.ref.segment if item.ref is not None else slot.site.segment
                with self.emitter.block("if run.assigner:"):
                    self.emitter.line(
                        f"{name} = run.assigned({name}, {segment + '-' + str(item.field)!r})"
                    )
            put(name)

    def _placed(self, slot: Slot) -> None:
        """Say of an issue of several fields in which segment it happened."""
        if slot.site.segment and not self.within_block:
            with self.emitter.block("if fresh:"):
                self.emitter.line(f"run.place({slot.address!r}, i, 0)")

    def _place(self, item: Raw, slot: Slot) -> None:
        """Say where an issue happened, at the site that knows the field."""
        if item.index and item.field and not self.within_block:
            with self.emitter.block("if fresh:"):
                self.emitter.line(f"run.place({slot.address!r}, {item.index}, {item.field})")

    def _call(self, call: Call, place: Place, slot: Slot, put: Put, table: str = "") -> None:
        name = self.emitter.fresh("x")
        expression, refs = self._call_expression(call, place, slot.site)
        if expression is None:
            return
        if _asks_only(call) and not self.compiler.trace:
            asked = " or ".join(dict.fromkeys(raw.code for raw in refs))
            expression = f"{expression} if {asked} else None"
        with self.emitter.block("try:"):
            self.emitter.line(f"{name} = {expression}")
        with self.emitter.block("except ValueError as error:"):
            self.emitter.line(f"{name} = None")
            self.emitter.line(f"run.note({slot.address!r}, 0, str(error))")
        if table:
            mapped = self.compiler.conversions.mapped(self.emitter, table, slot.element, name)
            if mapped is None:
                self.fail(place, f"no table '{table}'", self.compiler.conversions.near(table))
                return
            with self.emitter.block(f"if {name} is not None:"):
                self.emitter.line(f"{name} = {mapped}")
        if self.compiler.trace:
            said = "".join(f", *run.said({name}, {raw.code}, {raw.at})" for raw in refs)
            self.emitter.line(f"{name} = run.t({name}, {slot.address!r}, {table!r}{said})")
        for raw in refs[:1]:
            self._place(raw, slot)
        with self.emitter.block(f"if {name} is not None:"):
            if slot.element.is_list:
                with self.emitter.block(f"for {name} in run.listed({name}):"):
                    put(name)
            else:
                put(name)

    def _call_expression(
        self, call: Call, place: Place, site: Site
    ) -> tuple[str | None, list[Raw]]:
        function = FUNCTIONS.get(call.function) or self.compiler.conversions.site(call.function)
        if function is None:
            known = sorted([*FUNCTIONS, *self.compiler.conversions.sites])
            near = constants.advice(call.function, known) or f"there are: {', '.join(known)}"
            self.fail(call.place or place, f"no function '{call.function}'", near)
            return None, []
        if wrong := function.wrong_count(len(call.arguments)):
            what = f"{call.function}() takes {wrong}"
            self.fail(call.place or place, what, f"{call.function}{function.signature}")
            return None, []
        refs: list[Raw] = []
        arguments = ["run"]
        for argument in call.arguments:
            text = self._argument(argument, function, place, site, refs)
            if text is None:
                return None, []
            arguments.append(text)
        return f"{self.emitter.constant(function.call)}({', '.join(arguments)})", refs

    def _argument(
        self, argument: Value, function: Any, place: Place, site: Site, refs: list[Raw]
    ) -> str | None:
        if isinstance(argument, Literal):
            return repr(argument.text)
        if isinstance(argument, Call):
            expression, inner = self._call_expression(argument, place, site)
            refs += inner
            return expression
        if isinstance(argument, Source) and not argument.table and not argument.target:
            texts = []
            for choice in argument.choices:
                if isinstance(choice, Call):
                    self.fail(place, "a function takes no choice of functions", "name one of them")
                    return None
                raw = self.fetch.raw(choice, site)
                if raw is None:
                    at = choice.place or place
                    self.fail(at, f"{choice} is not known", self.fetch.advice(choice, site))
                    return None
                refs.append(raw)
                texts.append(self.fetch.text(raw, raw_text=function.raw))
            return "(" + " or ".join(texts) + ")"
        self.fail(place, "a function takes paths, constants and functions")
        return None


def _asks_only(call: Call) -> bool:
    """Whether a function says nothing unless one of the paths that it takes does."""
    return bool(call.arguments) and all(isinstance(item, Source) for item in call.arguments)


def _ends_in_block(body: Body) -> bool:
    while isinstance(body, When | Each):
        body = body.body
    return isinstance(body, Block)
