"""Values to lines of Python: fetched, converted, and put where the slot says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import Place
from engine.fhir.definitions import Element
from engine.hl7v2 import dictionary
from engine.mapping import constants
from engine.mapping.conditions import ConditionWriter
from engine.mapping.emit import Emitter
from engine.mapping.fetch import Fetcher, Raw, Site
from engine.mapping.functions import FUNCTIONS
from engine.mapping.grammar import Call, Condition, Link, Literal, Ref, Source, Value
from engine.mapping.grammar import Code as CodeValue
from engine.mapping.made import Link as Referral
from engine.mapping.model import Body, Leaf

if TYPE_CHECKING:
    from engine.mapping.compile import Compiler

Put = Callable[[str], None]


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


class ValueWriter:
    """Writes the values of one map."""

    def __init__(self, compiler: Compiler, emitter: Emitter, type_name: str) -> None:
        self.compiler = compiler
        self.emitter = emitter
        self.type = type_name
        self.fetch = Fetcher(compiler, emitter)
        self._conditions = ConditionWriter(compiler, emitter, self.fetch)
        self._address = ""
        #: whether this writes a function of one field's text, which does not know its place
        self.within_block = False

    def condition(self, condition: Condition, site: Site) -> str:
        """A condition as a Python expression."""
        return self._conditions.expression(condition, site)

    def fail(self, place: Place | None, what: str, instead: str | None = None) -> None:
        """Note a problem under the address of the rule in hand."""
        self.compiler.fail(place, f"{self._address}: {what}", instead)

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
        referral = Referral(slot.key, target, slot.element.is_list, slot.address)
        name = self.emitter.constant(referral)
        if self.compiler.trace or slot.holder != "b":
            self._referral(name, slot, self._where(link, place, slot))
        elif not link.where:
            self.emitter.line(f"linked += ({name},)")
        else:
            self.linked()  # what stands before it stands before it in the resource
            where = self._where(link, place, slot)
            asks = f"if {where[0][1]}:" if slot.element.is_list and where else "if True:"
            with self.emitter.block(asks):
                self._referral(name, slot, where)

    def _referral(self, name: str, slot: Slot, where: Sequence[tuple[str, str]]) -> None:
        """A link by itself, with what it asks of the other resource."""
        pairs = "".join(f"({at}, {text}), " for at, text in where)
        alone = slot.site.alone or "False"
        self.emitter.line(f"run.links.append((made, {slot.holder}, ({name},), {alone}, ({pairs})))")

    def linked(self) -> None:
        """The links of the resource itself that were met so far, together."""
        with self.emitter.block("if linked:"):
            self.emitter.line("run.links.append((made, b, linked, False, ())); linked = ()")

    def _where(self, link: Link, place: Place, slot: Slot) -> list[tuple[str, str]]:
        """What the other resource's segments must say, as pairs of a place and a text."""
        pairs = []
        for theirs, mine, under in link.where:
            found = self.fetch.raw(mine, slot.site)
            if found is None or not theirs.segment:
                self.fail(place, f"'{mine if found is None else theirs}' is not known here")
                continue
            part, sub = theirs.component or 1, theirs.subcomponent or 1
            at = (theirs.segment, theirs.field, part, sub, under)
            pairs.append((str(at), self.fetch.text(found)))
        return pairs

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
                self.emitter.line(f"run.failed({slot.address!r}, {part}, error)")
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
            self.emitter.line(f"run.failed({slot.address!r}, 0, error)")
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
