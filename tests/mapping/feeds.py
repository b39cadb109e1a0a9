"""Messages from numbered fields, so that a test need not count bars; and what becomes of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from engine.hl7v2.message import Message
from engine.mapping.library import Mapping, load_library
from engine.mapping.result import Context

CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test")
Body = dict[str, Any]
PID = {1: "1", 3: "PAT1^^^HOSP&2.16.840.1.113883.19.4&ISO^MR", 5: "Testpatient^Anna"}


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment whose fields stand at their numbers."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def message(kind: str, *segments: tuple[str, dict[int, str]]) -> str:
    """A message of version 2.8 with a header of its own."""
    header = f"MSH|^~\\&|HIS|NORTH|||20240102030405||{kind}|M1|P|2.8"
    return "\r".join([header, *(segment(name, fields) for name, fields in segments), ""])


@cache
def standard() -> Mapping:
    """The standard library, read once."""
    return load_library([]).mapping("standard")


def resources(kind: str, *segments: tuple[str, dict[int, str]]) -> dict[str, list[Body]]:
    """The resources of a message by their type, in the order in which they were made."""
    found: dict[str, list[Body]] = {}
    for resource in standard().convert(Message.parse(message(kind, *segments)), CONTEXT).resources:
        body = json.loads(orjson.dumps(resource.body))
        found.setdefault(body["resourceType"], []).append(body)
    return found


def extensions(body: Body, ending: str) -> list[Body]:
    """The extensions of an element whose URL ends so."""
    return [item for item in body.get("extension", ()) if item["url"].endswith(ending)]
