"""Rules to lines of Python: elements, blocks, and which of several values applies.

Every ``put`` receives the name of a variable that holds one converted value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.fhir import definitions
from engine.fhir.definitions import Element
from engine.fhir.uris import ABSENCE
from engine.mapping import constants
from engine.mapping.emit import Emitter
from engine.mapping.fetch import Site
from engine.mapping.grammar import Ref
from engine.mapping.invariants import ordered
from engine.mapping.made import LONG
from engine.mapping.model import Block, Body, Each, Filled, Leaf, Make, Rule, Several, When
from engine.mapping.remembering import RememberingWriter
from engine.mapping.survey import (
    is_constant,
    is_static,
    links_of,
)
from engine.mapping.values import Put, Slot

if TYPE_CHECKING:
    from engine.mapping.compile import Compiler

#: The one element of a datatype map to a primitive (``XPN[string]``): the value itself.
WHOLE = "$value"

#: Types whose values nothing changes any more, and in which no issue is about a whole segment.
_CODED = frozenset({"CodeableConcept", "Coding"})

_EXTENSION = re.compile(r"extension\(([^)]*)\)")


class Writer(RememberingWriter):
    """Writes the rules of one map."""

    def __init__(self, compiler: Compiler, emitter: Emitter, type_name: str) -> None:
        super().__init__(compiler, emitter, type_name)
        #: variables that held nothing when the code began to fill them
        self.fresh: set[str] = set()
        self._filled: set[tuple[str, str]] = set()
        self._flags: dict[tuple[str, str], str] = {}
        #: whether the map only adds to what another segment makes
        self.joining = False

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
        absent = any(ABSENCE in inner for inner, _ in body.fields)
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
            within = f"{value} not in {name} if len({name}) < {LONG}"
            with self.emitter.block(f"elif {within} else not run.lists({name}, {value}):"):
                self.emitter.line(f"{name}.append({value})")

        flag = self._flags.get((slot.holder, slot.element.choice_group))

        def assign(value: str) -> None:
            self.emitter.line(f"{slot.holder}[{slot.key!r}] = {value}")
            if flag:
                self.emitter.line(f"{flag} = True")

        return append if slot.element.is_list else assign

    def _body(self, body: Body, slot: Slot) -> None:
        coded = slot.element.is_list and slot.element.type in _CODED
        if slot.site.once and coded and not is_static(body):
            self._coded(body, slot)
            return
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
            case Several(items):
                for item in items:
                    self._values(item, slot, put)
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
        number, count = self._one_field(fields, slot)
        if count == len(fields):
            name = self._remembered(fields, number, slot)
            with self.emitter.block(f"if {name} is not None:"):
                # a copy: what is remembered is not to be changed
                self.emitter.line(f"{name} = dict({name})")
                put(name)
            return
        kind = slot.element.type
        if count:
            name = self._remembered(fields[:count], number, slot)
            self.emitter.line(f"{name} = {{}} if {name} is None else dict({name})")
            fields = fields[count:]
        else:
            name = self.emitter.fresh("x")
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

    def _put_always(self, name: str, slot: Slot, put: Put) -> None:
        """A block with links is told apart from its like only when they are resolved."""
        if slot.element.is_list:
            self.emitter.line(f"{slot.holder}.setdefault({slot.key!r}, []).append({name})")
        else:
            put(name)


def _ends_in_block(body: Body) -> bool:
    while isinstance(body, When | Each):
        body = body.body
    return isinstance(body, Block)
