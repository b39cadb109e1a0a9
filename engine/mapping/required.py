"""Required elements: what a message does not give of them is said to be unknown."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from engine.fhir import definitions
from engine.fhir.uris import ABSENT
from engine.mapping.made import Body

_UNKNOWN: list[Body] = [{"url": ABSENT, "valueCode": "unknown"}]


class Filler(NamedTuple):
    """One required element: the keys that satisfy it, and what says "unknown"."""

    keys: tuple[str, ...]
    key: str
    value: Any


_FILLERS: dict[str, tuple[Filler, ...]] = {}


def require(body: Body) -> None:
    """Say of each required element that the message does not give that it is unknown."""
    _require(body, body["resourceType"])


def _require(body: Body, type_name: str) -> None:
    for keys, key, value in fillers(type_name):
        for name in keys:
            if name in body:
                break
        else:
            body[key] = value
    for key, inner in parts(type_name):
        if key in body:
            found = body[key]
            for part in found if isinstance(found, list) else (found,):
                _require(part, inner)


@cache
def parts(type_name: str) -> tuple[tuple[str, str], ...]:
    """The elements of a type that have required elements of their own, and their types.

    Backbone elements only: what R4 requires of a datatype (a text of an Annotation) no rule omits.
    """
    return tuple(
        (name, element.type)
        for name, element in definitions.elements(type_name).items()
        if element.type.startswith(type_name)
        and element.type != type_name  # a section of a section
        and (fillers(element.type) or parts(element.type))
    )


def fillers(type_name: str) -> tuple[Filler, ...]:
    """The required elements of a type."""
    found = _FILLERS.get(type_name)
    if found is None:
        found = _FILLERS[type_name] = tuple(
            _filler(type_name, element) for element in _required(type_name)
        )
    return found


def _filler(type_name: str, element: definitions.Element) -> Filler:
    keys: tuple[str, ...] = (element.name,)
    if element.choice_group:
        keys = tuple(definitions.choices(type_name, element.choice_group))
    if element.codes and "unknown" in element.codes:
        return Filler(keys, element.name, "unknown")
    value = _unknown(element.type)
    key = element.name
    if definitions.is_primitive(element.type):
        key = "_" + element.name
        keys = (*keys, *("_" + item for item in keys))
    return Filler(keys, key, [value] if element.is_list else value)


def _unknown(type_name: str) -> Body:
    """A value that is not known; what such a value must hold is not known either."""
    inner = () if definitions.is_primitive(type_name) else fillers(type_name)
    if not inner:
        return {"extension": _UNKNOWN}
    return {filler.key: filler.value for filler in inner}


def _required(type_name: str) -> list[definitions.Element]:
    """The required elements of a type, one for each choice."""
    names = definitions.required(type_name)
    elements = definitions.elements(type_name)
    return [
        elements[name] if name in elements else elements[definitions.choices(type_name, name)[0]]
        for name in names
    ]
