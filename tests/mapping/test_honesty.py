"""Over the corpus: nothing is invented, and the same bytes give the same FHIR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from engine.errors import MessageError
from engine.fhir.bundle import dump, references, transaction
from engine.fhir.uris import ABSENT
from engine.hl7v2.batch import split
from engine.hl7v2.message import Message
from engine.mapping.explain import Explained
from engine.mapping.grammar import Call, Code, Literal, Source, Value
from engine.mapping.library import load_library
from engine.mapping.model import Block, Body, Each, Filled, Leaf, Library, Make, Several, When
from engine.mapping.result import Context
from tests.corpus import CorpusFile, corpus_files

LIBRARY = load_library()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "corpus")

#: What every Bundle holds by construction: names of types and of ids.
DERIVED = ("resourceType", "id", "reference")


def messages(files: Sequence[CorpusFile]) -> Iterator[tuple[str, Message]]:
    for file in files:
        for raw in split(file.raw).messages:
            try:
                yield file.name, Message.read(raw)
            except MessageError:
                continue


def test_every_message_maps_without_an_exception_and_the_same_twice() -> None:
    mapping = LIBRARY.mapping()
    first = [
        dump(transaction(mapping.convert(m, CONTEXT).resources))
        for _, m in messages(corpus_files())
    ]
    fresh = load_library().mapping()
    again = [
        dump(transaction(fresh.convert(m, CONTEXT).resources)) for _, m in messages(corpus_files())
    ]
    assert first == again


def test_references_resolve_and_ids_are_unique() -> None:
    mapping = LIBRARY.mapping()
    for name, message in messages(corpus_files()):
        bundle = transaction(mapping.convert(message, CONTEXT).resources)
        known = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(set(known)) == len(known), name
        dangling = [found for found in references(bundle) if found not in known]
        assert not dangling, f"{name}: {dangling[:3]}"


def test_explaining_changes_nothing_and_invents_nothing() -> None:
    fast, tracing = LIBRARY.mapping(), LIBRARY.tracing()
    constants = set(declared(fast.library))
    invented: Counter[str] = Counter()
    for name, message in messages(corpus_files()):
        explained = tracing.explain(message, CONTEXT)
        plain = fast.convert(message, CONTEXT)
        assert dump(transaction(explained.mapped.resources)) == dump(
            transaction(plain.resources)
        ), name
        invented.update(invention(explained, constants))
    assert not invented, invented.most_common(20)


def invention(explained: Explained, constants: set[Any]) -> Iterator[str]:
    """Elements that no field made, and no mapping file says."""
    traced = {(origin.uuid, origin.path) for origin in explained.origins}
    for resource in explained.mapped.resources:
        for path, value in leaves(resource.body, ""):
            if path.rsplit(".", 1)[-1] in DERIVED or (resource.uuid, path) in traced:
                continue
            if value not in constants:
                yield f"{resource.body['resourceType']}.{path}"


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, orjson.loads(orjson.dumps(value))


def declared(library: Library) -> Iterator[Any]:
    """Every constant that the mapping files write, in any type it may have."""
    yield from (ABSENT, "unknown", True, False)
    yield from (url for url, _ in library.extensions.values())
    yield from library.systems.values()
    for rules in (library.segments, library.datatypes):
        for item in rules.values():
            for rule in item.rules.values():
                yield from in_body(rule.element, rule.body)


def in_body(key: str, body: Body) -> Iterator[Any]:
    if "extension(" in key:
        yield from (part.split(")")[0] for part in key.split("extension(")[1:])
    match body:
        case Leaf(value):
            yield from in_value(value)
        case Block(fields):
            for inner, item in fields:
                yield from in_body(inner, item)
        case When(_, inner_body) | Each(_, inner_body):
            yield from in_body("", inner_body)
        case Filled(source, over, under):
            yield from in_value(source)
            for layer in (over, under):
                if layer is not None:
                    yield from in_body("", layer)
        case Several(items):
            for item in items:
                yield from in_body("", item)
        case Make(_, block):
            yield from in_body("", block)


def in_value(value: Value) -> Iterator[Any]:
    match value:
        case Literal(text):
            yield text
            if text.isdigit():
                yield int(text)
        case Code(_, code):
            yield code
        case Source(choices):
            for choice in choices:
                if isinstance(choice, Call):
                    yield from in_value(choice)
        case Call(_, arguments):
            for argument in arguments:
                yield from in_value(argument)
