"""What holds for every key, whatever it is: the one definition agrees with what is made of it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from engine.config import schema
from engine.config.engine_keys import CONSOLE, LOG, AuthKind, engine_block, server_block
from engine.config.keys import ACK, CHANNEL, FHIR, FILE, MLLP, RETRY, SOURCE, DestinationKind
from engine.config.kinds import Block, Key, ListOf, MapOf, NotBuilt
from engine.config.model import (
    Ack,
    Channel,
    ConsoleSettings,
    EngineSettings,
    FhirDestination,
    FileDestination,
    LogSettings,
    MllpSource,
    Retry,
    Server,
)
from engine.config.reference import reference
from engine.config.secrets import Reading
from engine.config.values import Scalar
from engine.documents import load_document
from engine.errors import Problem

READING = Reading({"FHIR_PASSWORD": "x", "CREDENTIALS_DIRECTORY": "/c"}, lambda _: "x")
ENGINE = engine_block(READING)
MADE: list[tuple[Block, type]] = [
    (CHANNEL, Channel),
    (SOURCE, Channel),
    (MLLP, MllpSource),
    (ACK, Ack),
    (RETRY, Retry),
    (FHIR, FhirDestination),
    (FILE, FileDestination),
    (ENGINE, EngineSettings),
    (server_block(READING), Server),
    (CONSOLE, ConsoleSettings),
    (LOG, LogSettings),
]
BLOCKS = [block for block, _ in MADE] + [AuthKind(READING).block]
KEYS = [(block, key) for block in BLOCKS for key in block.keys]
SET_BY_THE_FOLDER = {"data"}


def defaults() -> Iterator[tuple[type, Key]]:
    for block, made in MADE:
        yield from ((made, key) for key in block.keys if key.default)


@pytest.mark.parametrize(
    ("made", "key"), list(defaults()), ids=lambda item: getattr(item, "name", "")
)
def test_the_stated_default_is_the_one_in_force(made: type, key: Key) -> None:
    if key.name in SET_BY_THE_FOLDER:
        return
    fields = {field.name: field for field in dataclasses.fields(made)}
    assert isinstance(key.kind, Scalar)
    assert fields[key.attribute or key.name].default == key.kind.parse(key.default)


@pytest.mark.parametrize(("block", "key"), KEYS, ids=lambda item: getattr(item, "name", ""))
def test_a_key_that_may_be_left_out_and_says_no_default_is_empty_then(
    block: Block, key: Key
) -> None:
    assert not (key.required and key.default)
    assert key.doc


@pytest.mark.parametrize(("block", "key"), KEYS, ids=lambda item: getattr(item, "name", ""))
def test_an_example_can_be_written(block: Block, key: Key) -> None:
    if not key.example:
        return
    problems: list[Problem] = []
    node = load_document(f"{key.name}: {key.example}", "x.yaml").entries[key.name]
    value = key.kind.read(node, lambda *problem: problems.append(Problem(*problem)))
    assert problems == []
    assert value is not None


def test_the_schema_names_every_key_and_no_other() -> None:
    found = schema("channel")
    assert set(found["properties"]) == {key.name for key in CHANNEL.keys}
    assert found["additionalProperties"] is False
    assert found["required"] == ["channel", "source", "destinations"]
    mllp = found["properties"]["source"]["properties"]["mllp"]["properties"]
    assert mllp["max_frame"]["default"] == "32 MiB"
    assert mllp["port"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 65535,
        "description": "the TCP port to listen on; 0 is any free one",
        "examples": ["2575"],
    }
    assert mllp["tls"]["not"] == {}


def test_the_schema_of_the_engine_knows_secrets_and_servers() -> None:
    servers = schema("engine")["properties"]["servers"]["additionalProperties"]["properties"]
    bearer = servers["auth"]["properties"]["bearer"]
    assert set(bearer["properties"]) == {"env", "file", "credential"}
    assert servers["auth"]["maxProperties"] == 1


def _unbuilt(block: Block) -> Iterator[str]:
    for key in block.keys:
        if isinstance(key.kind, NotBuilt):
            yield key.name


def _names(block: Block, prefix: str = "") -> Iterator[str]:
    for key in block.keys:
        if key.built:
            yield prefix + key.name
            yield from _inner(key.kind, prefix + key.name)


def _inner(kind: Any, name: str) -> Iterator[str]:
    match kind:
        case Block():
            yield from _names(kind, f"{name}.")
        case AuthKind():
            yield from _names(kind.block, f"{name}.")
        case MapOf(inner):
            yield from _inner(inner, f"{name}.NAME")
        case ListOf(DestinationKind()):
            yield from _names(FHIR, f"{name}[fhir].")
            yield from _names(FILE, f"{name}[file].")


@pytest.mark.parametrize("block", [CHANNEL, ENGINE])
def test_the_reference_has_a_line_for_every_key_that_is_built(block: Block) -> None:
    lines = reference(block, "title").splitlines()
    assert lines[0] == "# title"
    told = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert told == list(_names(block))
    assert not set(told) & set(_unbuilt(block))
