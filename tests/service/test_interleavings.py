"""Whatever the interleaving of lanes and the trouble on the way: the end is that of one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random

import pytest
import pytest_twisted

from engine.fhir.outcome import Reply
from tests.destinations.memory_server import MemoryServer
from tests.service.histories import schedule
from tests.service.interleaving import Interleaving, one_after_the_other
from tests.service.site import Running
from tests.service.states import assert_right, comparable
from tests.service.troubled import Troubled

Site = Callable[[], Running]

SCHEDULES = 40
TIMEOUT = 0.5


@pytest_twisted.async_yield_fixture
async def sequential() -> AsyncIterator[MemoryServer]:
    """The server that gets one message after the other."""
    server = MemoryServer()
    server.open()
    yield server
    await server.close()


@pytest.mark.parametrize("seed", range(SCHEDULES))
@pytest_twisted.ensureDeferred
async def test_any_interleaving_ends_as_one_message_after_the_other(
    site: Site, sequential: MemoryServer, seed: int
) -> None:
    dice, held = Random(seed), MemoryServer()

    async def behind(method: str, path: str, content: bytes, headers: dict[str, str]) -> Reply:
        status, body, _ = held.reply("/fhir" + path, content) or (500, b"", {})
        return Reply(status, body)

    troubled = Troubled(behind, dice, share=0.15, slow=0.01, patience=2 * TIMEOUT)
    running = site()
    processes = int(seed % 10 == 9)  # now and then mapping is elsewhere
    interleaving = Interleaving(
        running, troubled.open(), dice, timeout=TIMEOUT, processes=processes
    )
    people = [f"{seed}P{number}" for number in range(4)]
    await interleaving.send(schedule(people, dice), restarts=seed % 3 // 2)
    await one_after_the_other(running.folder, sequential.base)
    await troubled.close()
    state = comparable(held.held.values())
    assert state == comparable(sequential.held.values())
    for person in people:
        assert_right(state, person)
    assert troubled.met.total() > troubled.met[""]
