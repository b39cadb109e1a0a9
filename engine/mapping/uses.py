"""What a code table is asked for: the elements that its codes become."""

from __future__ import annotations

from collections.abc import Iterator

from engine.fhir import definitions
from engine.mapping.grammar import Source, Value
from engine.mapping.model import (
    Block,
    Body,
    Each,
    Filled,
    Leaf,
    Library,
    Make,
    Several,
    When,
)


def types_of(library: Library, table: str) -> set[str]:
    """The FHIR types that rules make through a table; "" where that cannot be said."""
    found: set[str] = set()
    for maps in (library.segments, library.datatypes):
        for item in maps.values():
            for name, rule in item.rules.items():
                found.update(_types(item.type, "" if name == "$value" else name, rule.body, table))
    return found


def _types(kind: str, path: str, body: Body, table: str) -> Iterator[str]:
    match body:
        case Leaf(value):
            yield from _type(kind, path, value, table)
        case Block(fields):
            for name, item in fields:
                yield from _types(kind, f"{path}.{name}" if path else name, item, table)
        case When(_, inner) | Each(_, inner):
            yield from _types(kind, path, inner, table)
        case Several(items):
            for item in items:
                yield from _types(kind, path, item, table)
        case Filled(source, over, under):
            yield from _type(kind, path, source, table)
            for layer in (over, under):
                if layer is not None:
                    yield from _types(kind, path, layer, table)
        case Make(resource, block):
            yield from _types(resource.partition("-")[0], "", block, table)


def _type(kind: str, path: str, value: Value, table: str) -> Iterator[str]:
    if isinstance(value, Source) and value.table == table:
        element = definitions.element(kind, path) if path else None
        yield element.type if element is not None else kind if not path else ""
