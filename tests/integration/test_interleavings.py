"""Two feeds about the same people, in trouble, into a real FHIR server: the right end, once."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from random import Random
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from engine.destinations.http import HttpClient
from engine.fhir.outcome import Reply
from tests.destinations.memory_server import JSON, MemoryServer
from tests.service.histories import schedule
from tests.service.interleaving import Interleaving, one_after_the_other
from tests.service.site import Running
from tests.service.states import assert_right, comparable
from tests.service.troubled import Troubled

Body = dict[str, Any]
Site = Callable[[], Running]

SCHEDULES = 3
TIMEOUT = 3.0


class Server:
    """A FHIR server by its base URL, and an in-memory one for what it should hold."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._http = HttpClient(timeout=60, headers={"Content-Type": JSON, "Accept": JSON})
        self.expected = MemoryServer()
        self.expected.open()

    async def behind(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> Reply:
        """What the way to it leads to."""
        return await self._http.request(method, self._base + path, content or None, **headers)

    def held(self, query: str) -> list[Body]:
        """What a search finds, or a read."""
        request = urllib.request.Request(f"{self._base}/{query}")
        request.add_header("Cache-Control", "no-cache")
        with urllib.request.urlopen(request, timeout=60) as reply:
            found = json.loads(reply.read())
        if found["resourceType"] != "Bundle":
            return [found]
        return [entry["resource"] for entry in found.get("entry", ())]

    def named(self, label: str) -> Body:
        """The only resource of this name."""
        kind, _, name = label.partition("/")
        asks = f"{kind}?identifier={urllib.parse.quote(name)}" if "|" in name else label
        (found,) = self.held(asks)
        return found

    def of_patient(self, kind: str, patient: str) -> Iterator[Body]:
        """All that is said of somebody."""
        return iter(self.held(f"{kind}?subject=Patient/{patient}&_count=200"))

    async def close(self) -> None:
        await self._http.close()
        await self.expected.close()


@pytest_twisted.async_yield_fixture
async def server(fhir_server: str) -> AsyncIterator[Server]:
    made = Server(fhir_server)
    yield made
    await made.close()


@pytest.mark.parametrize("seed", range(SCHEDULES))
@pytest_twisted.ensureDeferred
async def test_any_interleaving_ends_right_on_a_real_server(
    site: Site, server: Server, seed: int
) -> None:
    dice, run = Random(seed), uuid.uuid4().hex[:10]
    troubled = Troubled(server.behind, dice, share=0.15, slow=0.02, patience=TIMEOUT + 0.5)
    running = site()
    interleaving = Interleaving(running, troubled.open(), dice, timeout=TIMEOUT)
    people = [f"{run}P{number}" for number in range(3)]
    await interleaving.send(schedule(people, dice), restarts=seed % 2)
    await one_after_the_other(running.folder, server.expected.base)
    await troubled.close()
    expected = comparable(server.expected.held.values())
    held = await deferToThread(lambda: [server.named(label) for label in expected])
    state = comparable(held)
    assert state == expected
    for person in people:
        assert_right(state, person)
    where = {body["id"] for body in held if body["resourceType"] == "Patient"}
    kinds = ("Encounter", "Observation", "DiagnosticReport", "ServiceRequest")
    for kind in kinds:
        found = await deferToThread(
            lambda kind=kind: [one for person in where for one in server.of_patient(kind, person)]
        )
        stated = Counter(label.partition("/")[0] for label in expected)
        assert len(found) == stated[kind], f"{kind}: more than anybody has said"
    assert troubled.met.total() > troubled.met[""]
