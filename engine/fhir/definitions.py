"""What FHIR R4 says of its elements: name, type, list, choice, required codes, targets.

The element lists are fhirclient's; what its models blur is completed from three small tables
(primitives.py, bindings.py, targets.py). A module of fhirclient is imported when a type of it is
first asked for.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import orjson

from engine.fhir.bindings import REQUIRED
from engine.fhir.primitives import DECLARED, RESOURCES
from engine.fhir.targets import TARGETS
from engine.fhir.validity import PATTERNS
from engine.fhir.validity import valid as valid  # asked for together with the types

#: The primitive types of R4.
PRIMITIVES = frozenset(PATTERNS)

# fhirclient's Python types that are R4 primitives; str and int are told apart by primitives.py
_PLAIN = {
    "FHIRDate": "date",
    "FHIRDateTime": "dateTime",
    "FHIRInstant": "instant",
    "FHIRTime": "time",
    "bool": "boolean",
    "float": "decimal",
    "int": "integer",
    "str": "string",
}

_RENAMED = {"FHIRReference": "Reference", "SubstanceSpecificationstr": "BackboneElement"}

#: A choice names its type in its JSON name: ``valueMarkdown``.
_CHOICE_SUFFIXES = {name[0].upper() + name[1:]: name for name in PRIMITIVES}


@dataclass(frozen=True, slots=True)
class Element:
    """One element, by its JSON name, as the type ``owner`` has it."""

    name: str
    type: str
    is_list: bool
    #: ``value`` for every one of valueQuantity, valueString …; "" for an element of one type
    choice_group: str
    required: bool
    owner: str
    #: what a Reference may point to; empty when any resource, or not known
    targets: tuple[str, ...] = ()
    #: the codes that a required binding allows; empty when there is none
    codes: frozenset[str] = frozenset()


def resource_types() -> tuple[str, ...]:
    """The names of all resources of R4."""
    return _resources()


@cache
def _resources() -> tuple[str, ...]:
    return tuple(RESOURCES.split())


def is_primitive(type_name: str) -> bool:
    """Whether a type is a primitive of R4."""
    return type_name in PRIMITIVES


def is_type(type_name: str) -> bool:
    """Whether R4 has a primitive, datatype, backbone element or resource of this name."""
    return type_name in PRIMITIVES or _class(type_name) is not None


def element(type_name: str, path: str) -> Element | None:
    """The element of a type by its JSON name, or by a dotted path of names.

    Types are named as in FHIR, backbone elements by their path without dots: ``PatientContact``.
    """
    found: Element | None = None
    for name in path.split("."):
        if found is not None:
            type_name = found.type
        found = elements(type_name).get(name)
        if found is None:
            return None
    return found


@cache
def whole_of_parts(type_name: str, name: str) -> str:
    """The type of a single element whose own elements are facts apart; "" for any other.

    A stay's hospitalization, or the start and the end of a period: a source may tell them one
    by one. A datatype such as CodeableConcept is one statement.
    """
    found = elements(type_name).get(name)
    if found is None or found.is_list:
        return ""
    backbone = found.type.startswith(type_name) and bool(elements(found.type))
    return found.type if backbone or found.type == "Period" else ""


def names(type_name: str) -> tuple[str, ...]:
    """The JSON names of all elements of a type; none for a type that R4 does not have."""
    return tuple(elements(type_name))


def choices(type_name: str, group: str) -> tuple[str, ...]:
    """The JSON names that a choice can take: all of ``valueQuantity`` … for ``value``."""
    return tuple(e.name for e in elements(type_name).values() if e.choice_group == group)


def required(type_name: str) -> tuple[str, ...]:
    """What a type must have: names of elements, and of choice groups once each."""
    found = (e.choice_group or e.name for e in elements(type_name).values() if e.required)
    return tuple(dict.fromkeys(found))


@cache
def elements(type_name: str) -> dict[str, Element]:
    """All elements of a type by their JSON names; empty for a type that R4 does not have."""
    model = _class(type_name)
    if model is None:
        return {}
    lineage = [_spelled(base.__name__) for base in model.__mro__]
    return {row[1]: _element(type_name, lineage, row) for row in model().elementProperties()}


def _element(owner: str, lineage: list[str], row: tuple[Any, ...]) -> Element:
    _, name, model, is_list, group, is_required = row
    declared = [f"{base}.{name}" for base in lineage]
    return Element(
        name=name,
        type=_type_name(model, name, group or "", declared),
        is_list=is_list,
        choice_group=group or "",
        required=is_required,
        owner=owner,
        targets=next((_targets()[key] for key in declared if key in _targets()), ()),
        codes=next((_codes()[key] for key in declared if key in _codes()), frozenset()),
    )


def _type_name(model: type, name: str, group: str, declared: Iterable[str]) -> str:
    plain = _PLAIN.get(model.__name__)
    if plain is None:
        return _spelled(model.__name__)
    if group:
        # valueString, deceasedDateTime, multipleBirthInteger: what follows the group is the type
        return _CHOICE_SUFFIXES.get(name.removeprefix(group), plain)
    return next((_primitives()[key] for key in declared if key in _primitives()), plain)


# ---------------------------------------------------------------- the tables, read once


@cache
def _primitives() -> dict[str, str]:
    """Type.element -> the primitive it is declared with."""
    found = {}
    for kind, text in DECLARED.items():
        for item in text.split():
            owner, _, listed = item.partition(".")
            for name in listed.split(","):
                found[f"{owner}.{name}"] = kind
    return found


@cache
def _targets() -> dict[str, tuple[str, ...]]:
    return {key: tuple(words.split()) for keys, words in TARGETS for key in keys.split()}


@cache
def _codes() -> dict[str, frozenset[str]]:
    return {key: frozenset(words.split()) for keys, words in REQUIRED for key in keys.split()}


# ---------------------------------------------------------------- fhirclient


def _spelled(name: str) -> str:
    return _RENAMED.get(name, name)


@cache
def _modules() -> frozenset[str]:
    models = import_module("fhirclient.models")
    return frozenset(module.name for module in pkgutil.iter_modules(models.__path__))


@cache
def _base() -> Any:
    return import_module("fhirclient.models.fhirabstractbase")


@cache
def _class(type_name: str) -> Any:
    """The class that fhirclient has for an R4 type, or None."""
    if type_name == "Reference":
        return import_module("fhirclient.models.fhirreference").FHIRReference
    if not type_name.isalnum() or type_name in PRIMITIVES:
        return None
    # a backbone element lives in the module of its resource: PatientContact in patient
    lowered = type_name.lower()
    for length in range(len(lowered), 0, -1):
        if lowered[:length] in _modules():
            module = import_module("fhirclient.models." + lowered[:length])
            model = getattr(module, type_name, None)
            if isinstance(model, type) and issubclass(model, _base().FHIRAbstractBase):
                return model
    return None


# ---------------------------------------------------------------- strict models


def strict_problems(resource: dict[str, Any]) -> list[str]:
    """What fhirclient's strict models find wrong in a resource: one line per problem.

    For tests, ``check`` and a channel's option; 100 µs for an Observation is too slow for each
    message. Bundles are checked entry by entry. Fragments of JSON (decimals) are read as numbers.
    """
    plain = orjson.loads(orjson.dumps(resource))
    if plain.get("resourceType") == "Bundle":
        entries = enumerate(plain.get("entry", ()))
        return [
            f"entry[{place}].{problem}"
            for place, entry in entries
            for problem in _strict(entry.get("resource") or {})
        ]
    return _strict(plain)


def _strict(resource: dict[str, Any]) -> list[str]:
    name = str(resource.get("resourceType", ""))
    model = _class(name) if name in resource_types() else None
    if model is None:
        return [f"'{name}' is not a resource of R4"]
    invalid: type[Exception] = _base().FHIRValidationError
    try:
        model(resource, strict=True)
    except invalid as problem:
        return list(_flat(problem, name, invalid))
    return []


def _flat(problem: Any, path: str, kind: type[Exception]) -> Iterator[str]:
    for error in problem.errors:
        if isinstance(error, kind):
            inner: Any = error
            yield from _flat(inner, f"{path}.{inner.path}" if inner.path else path, kind)
        else:
            yield f"{path}: {error}"
