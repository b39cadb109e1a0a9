"""Messages of every kind, delivered twice to a real FHIR server, leave each resource once."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from engine.config import FhirDestination, Server
from engine.delivery import Senders
from engine.fhir.bundle import Writable, gathered
from engine.fhir.criterion import encoded
from engine.fhir.outcome import Delivered, Verdict
from engine.hl7v2.message import Message
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.prepared import prepare
from engine.mapping.result import Context, Mapped

CASES = sorted((Path(__file__).parents[2] / "mappings" / "standard" / "cases").glob("*.hl7"))
ASSIGNER = {"PID-3": "urn:oid:2.999.1"}


@pytest.fixture(scope="module")
def mappings() -> MappingLibrary:
    return load_library()


def mapped(mappings: MappingLibrary, file: Path) -> Mapped:
    context = Context(UTC, datetime(2026, 1, 5, 12, tzinfo=UTC), "twice", ASSIGNER)
    return mappings.mapping().convert(Message.read(file.read_bytes()), context)


async def deliver(base: str, message: Mapped) -> Verdict:
    """By an engine that knows nothing of what was sent."""
    senders = Senders({"clinic": Server("clinic", base)})
    sender = senders.sender(FhirDestination("clinic", "clinic"))
    try:
        return await sender.deliver(prepare(message, "upsert"), delivery_id=1)
    finally:
        await senders.close()


def count(base: str, query: str) -> int:
    """How many resources a search finds now."""
    request = urllib.request.Request(f"{base}/{query}&_summary=count")
    request.add_header("Cache-Control", "no-cache")
    with urllib.request.urlopen(request, timeout=60) as reply:
        return int(json.load(reply)["total"])


def found_by_search(base: str, items: list[Writable]) -> dict[str, int]:
    """Each resource of a message by the search that finds it: how many there are."""
    found = {}
    for item in items:
        kind, own = item.body["resourceType"], item.body["id"]
        query = encoded(item.criterion) if item.criterion else f"_id={urllib.parse.quote(own)}"
        found[f"{kind}?{query}"] = count(base, f"{kind}?{query}")
    return found


def totals(base: str, items: list[Writable]) -> dict[str, int]:
    """How many resources there are of each type that a message makes."""
    kinds = sorted({item.body["resourceType"] for item in items})
    return {kind: count(base, f"{kind}?_lastUpdated=gt2000-01-01") for kind in kinds}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
@pytest_twisted.ensureDeferred
async def test_a_message_delivered_twice_leaves_each_resource_once(
    fhir_server: str, mappings: MappingLibrary, file: Path
) -> None:
    message = mapped(mappings, file)
    items = gathered(message.resources)
    assert isinstance(first := await deliver(fhir_server, message), Delivered), first
    before = await deferToThread(totals, fhir_server, items)
    assert isinstance(second := await deliver(fhir_server, message), Delivered), second
    assert await deferToThread(totals, fhir_server, items) == before
    found = await deferToThread(found_by_search, fhir_server, items)
    assert {query: number for query, number in found.items() if number != 1} == {}
