"""What a mapping file says that no message changes: constants, as finished FHIR values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from engine.documents import suggest
from engine.fhir import definitions
from engine.fhir.definitions import Element
from engine.fhir.validity import valid
from engine.mapping.grammar import Code, Literal
from engine.mapping.model import Block, Body, Leaf, Several
from engine.mapping.rules import RuleReader

if TYPE_CHECKING:
    from engine.mapping.values import ValueWriter

#: How a constant of a type is written, where people may not know.
_EXAMPLES = {
    "date": "write it like =2026-01-31",
    "dateTime": "write it like =2026-01-31 or =2026-01-31T08:15:00+01:00",
    "instant": "write it like =2026-01-31T08:15:00+01:00",
    "time": "write it like =08:15:00",
    "code": "a code has no blanks at its ends or in a row",
    "uri": "a URI has no blanks",
    "url": "write it like =https://clinic.example/x",
}

reader = RuleReader(lambda _place, _what, _instead: None)


def advice(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word."""
    return suggest(word, list(known))


def build(body: Body, type_name: str, writer: ValueWriter) -> Any:
    """The FHIR value of a static body; problems go to the writer."""
    match body:
        case Leaf(Literal(text)):
            return literal(text, type_name, body, writer)
        case Leaf(Code(system, code)):
            return coded(system, code, type_name, body, writer)
        case Block(fields):
            return block(fields, type_name, writer)
    raise TypeError(f"not a constant: {body}")


def of(body: Body, element: Element, writer: ValueWriter) -> Any:
    """The FHIR value of a static body for an element, which may allow certain codes only."""
    made = build(body, element.type, writer)
    if element.codes and isinstance(made, str) and made not in element.codes:
        known = sorted(element.codes)
        near = advice(made, known) or f"there are: {', '.join(known)}"
        writer.fail(body.place, f"'{made}' is not a code of {element.name}", near)
    return made


def block(
    fields: tuple[tuple[str, Body], ...], type_name: str, writer: ValueWriter
) -> dict[str, Any]:
    """A complex constant; a single value for a list element is a list of one."""
    made: dict[str, Any] = {}
    for key, body in fields:
        element = definitions.element(type_name, key)
        if element is None:
            names = definitions.names(type_name)
            writer.fail(body.place, f"{type_name} has no element '{key}'", advice(key, names))
            continue
        items = body.items if isinstance(body, Several) else (body,)
        values = [of(item, element, writer) for item in items]
        made[key] = values if element.is_list else values[0]
    return made


def literal(text: str, type_name: str, body: Body, writer: ValueWriter) -> Any:
    """``=text`` in the type of its element."""
    if type_name == "boolean":
        if text not in ("true", "false"):
            writer.fail(body.place, f"'{text}' is not a boolean", "write =true or =false")
        return text == "true"
    if type_name in ("integer", "positiveInt", "unsignedInt", "decimal"):
        if not valid(type_name, text):
            writer.fail(body.place, f"'{text}' is not a {type_name}", "write a number, such as =1")
            return 0
        return orjson.Fragment(text.encode()) if type_name == "decimal" else int(text)
    if type_name == "CodeableConcept":
        return {"text": text}
    if type_name == "Reference":
        return {"display": text}
    if not definitions.is_primitive(type_name):
        writer.fail(body.place, f"a constant does not make a {type_name}", "write its elements")
        return {}
    if not valid(type_name, text):
        writer.fail(body.place, f"'{text}' is not a {type_name}", _EXAMPLES.get(type_name))
    return text


def coded(system: str, code: str, type_name: str, body: Body, writer: ValueWriter) -> Any:
    """``system#code`` in the type of its element."""
    uri = writer.compiler.library.systems.get(system, system)
    if ":" not in uri:
        known = writer.compiler.library.systems
        writer.fail(body.place, f"no code system '{system}'", advice(system, known))
    coding = {"system": uri, "code": code}
    if type_name == "CodeableConcept":
        return {"coding": [coding]}
    if type_name == "Coding":
        return coding
    if type_name == "Quantity":
        return {"system": uri, "code": code, "unit": code}
    if type_name in ("code", "string", "uri"):
        return code
    writer.fail(body.place, f"a code does not make a {type_name}")
    return coding
