"""The end of a conversion: links, required elements, identity, and what is handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import Location
from engine.fhir import definitions
from engine.mapping import identity
from engine.mapping.dosage import fold
from engine.mapping.grammar import Ref, Source
from engine.mapping.links import Linker
from engine.mapping.model import Key, Library
from engine.mapping.references import make_literal
from engine.mapping.result import Knows, Mapped, Resource
from engine.mapping.runtime import Body, Made, Run

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_UNKNOWN: list[Body] = [{"url": ABSENT, "valueCode": "unknown"}]

Atom = Callable[["Finisher", Made], str]


class Keys:
    """The key table of a library, ready to be asked."""

    def __init__(self, library: Library) -> None:
        self._keys = {
            name: (key, tuple(tuple(_atom(atom) for atom in line) for line in key.keys))
            for name, key in library.keys.items()
        }
        self._default = self._keys.get("default", (Key("", "whole", False, (), ()), ()))
        names = library.groups.names
        self.order = names.index("order") if "order" in names else 0
        self.strict = (self.order,)

    def of(self, made: Made) -> tuple[Key, tuple[tuple[tuple[Atom, bool], ...], ...]]:
        """The key of a resource: by its full name, by its type, or the default."""
        found = self._keys.get(made.name)
        return found or self._keys.get(made.body["resourceType"], self._default)


class Finisher:
    """Finishes one run."""

    def __init__(self, run: Run, keys: Keys) -> None:
        self.run = run
        self.keys = keys
        self._linker = Linker(run, keys.strict)
        self._seen: dict[str, int] = {}
        self._orders: dict[int, str] = {}

    def finish(self) -> Mapped:
        """Everything that the message became."""
        run = self.run
        run.made = [made for made in run.made if made.full]
        self._linker = Linker(run, self.keys.strict)
        self._linker.resolve()
        for made in run.made:
            fold(made.body)
            require(made.body)
            self.identify(made)
        self._linker.settle()
        make_literal(run.made)
        for shared in run.shared.values():
            require(shared.body)
        resources = [self._resource(made) for made in run.made]
        resources += [
            Resource(
                body={
                    "resourceType": shared.type,
                    "id": identity.id_of(shared.uuid),
                    **shared.body,
                },
                criterion=shared.criterion,
                knows=Knows.SHARED,
                removed=(),
                origin=Location(run.message.segments[shared.index].name),
                uuid=shared.uuid,
            )
            for shared in run.shared.values()
        ]
        return Mapped(resources, run.issues, run.hold, run.reject, run.unmapped)

    def _resource(self, made: Made) -> Resource:
        key, _ = self.keys.of(made)
        segment = self.run.message.segments[made.index]
        made.body["id"] = identity.id_of(made.uuid)
        return Resource(
            body=made.body,
            criterion=made.criterion,
            knows=Knows(key.knows),
            removed=tuple(self.run.removed.get(id(made), ())),
            origin=Location(segment.name, segment.sequence),
            uuid=made.uuid,
        )

    # ------------------------------------------------------------ identity

    def identify(self, made: Made) -> str:
        """The UUID of a resource; two resources of one message never share it."""
        if made.uuid:
            return made.uuid
        key, lines = self.keys.of(made)
        made.criterion = identity.criterion(made.body, key)
        seed = made.criterion or self._keyed(made, lines)
        seed = f"{made.name}|{seed}"
        number = self._seen.get(seed, 0)
        self._seen[seed] = number + 1
        made.uuid = identity.uuid_of(f"{seed}|{number}" if number else seed)
        made.reference["reference"] = "urn:uuid:" + made.uuid
        return made.uuid

    def _keyed(self, made: Made, lines: tuple[tuple[tuple[Atom, bool], ...], ...]) -> str:
        """The first list of atoms that is complete, within the channel; else the message's own."""
        for line in lines:
            values = []
            for atom, optional in line:
                value = atom(self, made)
                if not value and not optional:
                    break
                values.append(value)
            else:
                return self.run.context.channel + "|" + "|".join(values)
        return self.run.context.channel + "|" + message_key(self, made)

    def patient(self, made: Made) -> str:
        """The UUID of the patient that a resource is about, or ""."""
        other = self._linker.one(made, "Patient")
        return self.identify(other) if other is not None else ""

    def visit(self, made: Made) -> str:
        """The UUID of its encounter, or ""."""
        other = self._linker.one(made, "Encounter")
        return self.identify(other) if other is not None else ""

    def order(self, made: Made) -> str:
        """The filler's, else the placer's number of the order that a resource stands in."""
        group = made.scope[self.keys.order]
        if not group:
            return ""
        number = self._orders.get(group)
        if number is None:
            number = self._orders[group] = self._order_number(made)
        return number

    def _order_number(self, made: Made) -> str:
        for segment, field in (("OBR", 3), ("ORC", 3), ("OBR", 2), ("ORC", 2)):
            raw = self.run.near(segment, made.index)[field]
            if raw:
                return f"{field}:{raw}"
        return ""


def message_key(finisher: Finisher, made: Made) -> str:
    """The message itself: its sender and control id; what it says cannot be known again."""
    message = finisher.run.message
    return f"{message.sender}|{message.control_id}|{message.value('MSH-7')}"


_CONTEXT: dict[str, Atom] = {
    "patient": Finisher.patient,
    "visit": Finisher.visit,
    "order": Finisher.order,
    "message": message_key,
    "channel": lambda finisher, made: finisher.run.context.channel,
    "set": lambda finisher, made: str(made.index),
}


def _atom(atom: Any) -> tuple[Atom, bool]:
    """An atom of a key as a function, and whether it may be absent (``OBX-4?``)."""
    if isinstance(atom, str):
        return _CONTEXT.get(atom.rstrip("?"), message_key), atom.endswith("?")
    if not isinstance(atom, Source):
        return message_key, True
    refs = [choice for choice in atom.choices if isinstance(choice, Ref)]
    return (lambda finisher, made: _first(finisher, made, refs)), atom.table == "?"


def _first(finisher: Finisher, made: Made, refs: list[Ref]) -> str:
    run = finisher.run
    own = run.message.segments[made.index].name
    for ref in refs:
        fields = run.fields(made.index) if ref.segment == own else run.near(ref.segment, made.index)
        value = fields[ref.field or 0]
        if value and ref.component is not None:
            value = run.part(run.nth(value, 1), ref.component, run.C)
        if value:
            return value
    return ""


# ---------------------------------------------------------------- required elements

_REQUIRED: dict[str, tuple[tuple[tuple[str, ...], str, Any], ...]] = {}


def required(type_name: str) -> tuple[tuple[tuple[str, ...], str, Any], ...]:
    """For each required element of a type: the keys that satisfy it, and what says "unknown"."""
    found = _REQUIRED.get(type_name)
    if found is None:
        found = _REQUIRED[type_name] = tuple(
            _filler(type_name, element) for element in _required(type_name)
        )
    return found


def _filler(type_name: str, element: definitions.Element) -> tuple[tuple[str, ...], str, Any]:
    keys: tuple[str, ...] = (element.name,)
    if element.choice_group:
        keys = tuple(definitions.choices(type_name, element.choice_group))
    if element.codes and "unknown" in element.codes:
        return keys, element.name, "unknown"
    value = _unknown(element.type)
    key = element.name
    if definitions.is_primitive(element.type):
        key = "_" + element.name
        keys = (*keys, *("_" + item for item in keys))
    return keys, key, [value] if element.is_list else value


def _unknown(type_name: str) -> Body:
    """A value that is not known; what such a value must hold is not known either."""
    inner = () if definitions.is_primitive(type_name) else required(type_name)
    if not inner:
        return {"extension": _UNKNOWN}
    return {key: value for _, key, value in inner}


def require(body: Body) -> None:
    """Say of each required element that the message does not give that it is unknown."""
    for keys, key, value in required(body["resourceType"]):
        for name in keys:
            if name in body:
                break
        else:
            body[key] = value


def _required(type_name: str) -> list[definitions.Element]:
    """The required elements of a type, one for each choice."""
    names = definitions.required(type_name)
    elements = definitions.elements(type_name)
    return [
        elements[name] if name in elements else elements[definitions.choices(type_name, name)[0]]
        for name in names
    ]
