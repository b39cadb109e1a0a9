"""Where messages are mapped: here or in processes, as the configuration says."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from engine import log
from engine.config import MappingSettings
from engine.conversion.channels import Work
from engine.conversion.generation import AHEAD
from engine.conversion.mapper import Mapper
from tests.conversion.feeds import Odd
from tests.conversion.test_pool import text_of

WORK = Work("north", "create", b"say x", 0.0)


@pytest_twisted.async_yield_fixture
async def mapper() -> AsyncIterator[Mapper]:
    made = Mapper(reactor, log.get())
    yield made
    await made.close()


def processes(mapper: Mapper) -> list[int]:
    assert mapper._pool is not None
    assert mapper._pool._generation is not None
    return [one.pid for one in mapper._pool._generation._connections]


@pytest_twisted.ensureDeferred
async def test_without_processes_a_message_is_mapped_at_once(
    mapper: Mapper, tmp_path: Path
) -> None:
    mapper.use(Odd(str(tmp_path), "here"), MappingSettings(processes=0))
    done = mapper.prepared(WORK)
    assert done.called
    assert text_of(await done) == "herex"
    assert mapper.ahead == 0


@pytest_twisted.ensureDeferred
async def test_a_reload_of_the_same_keeps_the_processes(mapper: Mapper, tmp_path: Path) -> None:
    found = []
    for name, seconds in (("a", 9.0), ("a", 9.0), ("b", 9.0), ("b", 8.0)):
        mapper.use(Odd(str(tmp_path), name), MappingSettings(1, seconds))
        assert text_of(await mapper.prepared(WORK)) == f"{name}x"
        found += processes(mapper)
    assert found[0] == found[1]
    assert len(set(found)) == 3


@pytest_twisted.ensureDeferred
async def test_a_reload_may_do_away_with_processes_and_bring_them_back(
    mapper: Mapper, tmp_path: Path
) -> None:
    for number in (1, 0, 1):
        mapper.use(Odd(str(tmp_path)), MappingSettings(processes=number))
        assert text_of(await mapper.prepared(WORK)) == "x"


@pytest.mark.parametrize(("cores", "expected"), [(1, 0), (2, 1), (4, 3), (64, 8)])
@pytest_twisted.ensureDeferred
async def test_one_core_is_left_to_the_listener(
    mapper: Mapper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: int, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    mapper.use(Odd(str(tmp_path)), MappingSettings())
    assert mapper.ahead == expected * AHEAD
