"""Mapping in processes of its own: same results, and nothing lost when one ends."""

import io
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from engine import log
from engine.conversion import generation
from engine.conversion.channels import Conversions, Work
from engine.conversion.connection import MappingFault, MappingLost
from engine.conversion.generation import AHEAD, AHEAD_BYTES
from engine.conversion.pool import MappingPool
from engine.errors import MessageError
from engine.mapping.prepared import Prepared
from tests.conversion.feeds import Odd, feed
from tests.service.site import library
from tests.sources.rig import adt


class Rig:
    """A pool, and what it logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = io.StringIO()
        log.configure("json", "info", self.lines)
        self.pool = MappingPool(reactor, log.get())

    def use(self, name: str = "", *, processes: int = 1, longest: float = 30.0) -> None:
        self.pool.use(Odd(str(self.folder), name), processes, longest)

    def send(self, *texts: str) -> list[Deferred[Prepared]]:
        return [self.pool.prepared(Work("north", "own-ids", t.encode(), 0.0)) for t in texts]

    async def texts(self, *texts: str) -> list[str]:
        return [text_of(prepared) for prepared in await gatherResults(self.send(*texts))]

    def processes(self) -> list[int]:
        assert self.pool._generation is not None
        return [one.pid for one in self.pool._generation._connections]


def text_of(prepared: Prepared) -> str:
    return str(orjson.loads(prepared.entries[0].text)["resource"]["code"]["text"])


@pytest_twisted.async_yield_fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    await made.pool.close()


async def until(condition: Any) -> None:
    deadline = reactor.seconds() + 60  # type: ignore[attr-defined]
    while not condition():
        assert reactor.seconds() < deadline, "it never came to hold"  # type: ignore[attr-defined]
        done: Deferred[None] = Deferred()
        reactor.callLater(0.01, done.callback, None)  # type: ignore[attr-defined]
        await done


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("write", ["upsert", "own-ids", "create", "blind"])
@pytest_twisted.ensureDeferred
async def test_another_process_makes_of_a_message_what_this_one_does(rig: Rig, write: str) -> None:
    here = Conversions(library(), {"north": feed(assigner={"PID-3": "urn:oid:2.999.1"})})
    rig.pool.use(here, 1, 30.0)
    work = Work("north", write, adt("1"), 1767608100.0)
    there = await rig.pool.prepared(work)
    assert there.seconds > 0
    assert there._replace(seconds=0) == here.prepared(work)._replace(seconds=0)
    assert there.entries


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read_says_why(rig: Rig) -> None:
    rig.pool.use(Conversions(library(), {"north": feed()}), 1, 30.0)
    for channel, raw, why in (("north", b"nonsense", "MSH"), ("south", adt("1"), "no longer")):
        with pytest.raises(MessageError, match=why):
            await rig.pool.prepared(Work(channel, "create", raw, 0.0))


@pytest_twisted.ensureDeferred
async def test_a_fault_of_ours_is_told_without_the_message(rig: Rig) -> None:
    rig.use()
    (done,) = rig.send("fault")
    with pytest.raises(MappingFault) as caught:
        await done
    assert str(caught.value) == "LookupError"
    assert "feeds.py:" in caught.value.where
    assert await rig.texts("say after") == ["after"]


@pytest_twisted.ensureDeferred
async def test_several_processes_share_the_work(rig: Rig) -> None:
    rig.use(processes=3)
    await rig.texts("say 0")
    await until(lambda: all(rig.processes()))
    texts = [f"slow {n}" for n in range(6)]
    begun = reactor.seconds()  # type: ignore[attr-defined]
    assert await rig.texts(*texts) == [str(n) for n in range(6)]
    assert reactor.seconds() - begun < 6 * 0.2  # type: ignore[attr-defined]


@pytest_twisted.ensureDeferred
async def test_a_process_killed_amid_its_work_is_replaced_and_nothing_is_lost(rig: Rig) -> None:
    rig.use(processes=2)
    await rig.texts("say 0")
    await until(lambda: all(rig.processes()))
    before = rig.processes()
    waiting = rig.send(*(f"slow {n}" for n in range(8)))
    for process in before:
        os.kill(process, signal.SIGKILL)
    assert [text_of(one) for one in await gatherResults(waiting)] == [str(n) for n in range(8)]
    assert not set(before) & set(rig.processes())
    assert rig.lines.getvalue().count("mapping.process-ended") == 2


@pytest_twisted.ensureDeferred
async def test_the_one_that_forks_is_replaced_too(rig: Rig) -> None:
    rig.use()
    await rig.texts("say 0")
    nursery = rig.pool._generation._nursery  # type: ignore[union-attr]
    assert nursery is not None
    for process in (nursery._process.pid, rig.processes()[0]):
        os.kill(process, signal.SIGKILL)
    assert await rig.texts("say 1", "say 2") == ["1", "2"]


@pytest_twisted.ensureDeferred
async def test_what_cannot_begin_is_tried_again(rig: Rig) -> None:
    rig.use("stillborn")
    assert await rig.texts("say x") == ["stillbornx"]


@pytest_twisted.ensureDeferred
async def test_a_message_that_ends_every_process_is_given_up_and_no_other(rig: Rig) -> None:
    rig.use()
    first, bad, last, once = rig.send("say a", "die", "say z", "die-once q")
    with pytest.raises(MappingLost, match=r"ends, 3 times"):
        await bad
    assert [text_of(one) for one in await gatherResults([first, last, once])] == ["a", "z", "q"]


@pytest_twisted.ensureDeferred
async def test_a_mapping_that_never_ends_is_ended(rig: Rig) -> None:
    rig.use(longest=0.3)
    bad, good = rig.send("never", "say next")
    with pytest.raises(MappingLost, match=r"longer than 0\.3 s"):
        await bad
    assert text_of(await good) == "next"


@pytest_twisted.ensureDeferred
async def test_a_reload_lets_end_what_is_being_mapped_and_maps_the_rest_anew(rig: Rig) -> None:
    rig.use("old")
    await rig.texts("say 0")
    old = rig.processes()
    being_mapped = rig.send(*["slow 1"] + ["say 1"] * (AHEAD - 1))
    waiting = rig.send("say 2")
    rig.use("new")
    found = [text_of(one) for one in await gatherResults(being_mapped + waiting)]
    assert found == ["old1"] * AHEAD + ["new2"]
    await until(lambda: not any(map(runs, old)))


@pytest_twisted.ensureDeferred
async def test_a_process_of_before_a_reload_that_dies_leaves_its_work_to_the_new(rig: Rig) -> None:
    rig.use("old")
    await rig.texts("say 0")
    (old,) = rig.processes()
    (done,) = rig.send("slow 1")
    rig.use("new")
    os.kill(old, signal.SIGKILL)
    assert text_of(await done) == "new1"


@pytest_twisted.ensureDeferred
async def test_what_nobody_waits_for_any_more_is_let_go(rig: Rig) -> None:
    rig.use()
    await rig.texts("say 0")
    waiting = rig.send("slow 0", *["say 1"] * AHEAD)
    for one in (waiting[0], waiting[-1]):
        one.cancel()
        with pytest.raises(CancelledError):
            await one
    assert len(await gatherResults(waiting[1:-1])) == AHEAD - 1


@pytest_twisted.ensureDeferred
async def test_no_process_outlives_the_pool(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.use(processes=2)
    await rig.texts("say 0")
    await until(lambda: all(rig.processes()))
    nursery = rig.pool._generation._nursery  # type: ignore[union-attr]
    assert nursery is not None
    processes = [nursery._process.pid, *rig.processes()]
    await rig.pool.close()
    await until(lambda: not any(map(runs, processes)))


@pytest_twisted.ensureDeferred
async def test_at_the_end_what_has_begun_is_finished_and_the_rest_is_cancelled(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.use()
    await rig.texts("say 0")
    waiting = rig.send("slow 0", *["say 1"] * AHEAD, "say 2")
    await rig.pool.close()
    assert len(await gatherResults(waiting[:AHEAD])) == AHEAD
    for one in waiting[AHEAD:]:
        with pytest.raises(CancelledError):
            await one


@pytest_twisted.ensureDeferred
async def test_not_many_wait_behind_a_long_one(rig: Rig) -> None:
    rig.use(processes=2)
    await rig.texts("say 0")
    await until(lambda: all(rig.processes()))
    long = rig.send("slow " + "x" * AHEAD_BYTES, "slow " + "y" * AHEAD_BYTES)
    short = rig.send("say 1")
    assert rig.pool._generation is not None
    assert [len(one.jobs) for one in rig.pool._generation._connections] == [1, 1]
    assert len(await gatherResults(long + short)) == 3


@pytest_twisted.ensureDeferred
async def test_a_process_that_is_stopped_is_ended_and_its_work_is_done_by_another(
    rig: Rig,
) -> None:
    rig.use(longest=0.3)
    await rig.texts("say 0")
    (stopped,) = rig.processes()
    os.kill(stopped, signal.SIGSTOP)
    assert await rig.texts("say 1", "say 2") == ["1", "2"]
    await until(lambda: not runs(stopped))
    assert '"killed":true' in rig.lines.getvalue().replace(" ", "")


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_there_counts_however_late_it_is_looked_at(rig: Rig) -> None:
    rig.use(longest=0.3)
    await rig.texts("say 0")
    before = rig.processes()
    waiting = rig.send("say 1", "say 2")
    time.sleep(3)  # the engine itself stands still
    assert [text_of(one) for one in await gatherResults(waiting)] == ["1", "2"]
    assert rig.processes() == before


@pytest_twisted.ensureDeferred
async def test_one_that_forks_and_is_stopped_is_replaced_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "BEGINNING", 4.0)
    rig.use(longest=0.3)
    await rig.texts("say 0")
    nursery = rig.pool._generation._nursery  # type: ignore[union-attr]
    assert nursery is not None
    os.kill(nursery._process.pid, signal.SIGSTOP)
    os.kill(rig.processes()[0], signal.SIGKILL)
    assert await rig.texts("say 1", "say 2") == ["1", "2"]
    await until(lambda: not runs(nursery._process.pid))


@pytest.mark.parametrize("stopped", [True, False])
@pytest_twisted.ensureDeferred
async def test_the_end_waits_for_what_is_being_mapped_as_long_as_it_may(
    tmp_path: Path, stopped: bool
) -> None:
    rig = Rig(tmp_path)
    rig.use()
    await rig.texts("say 0")
    processes = rig.processes()
    (never,) = rig.send("never")
    if stopped:
        os.kill(processes[0], signal.SIGSTOP)
    begun = reactor.seconds()  # type: ignore[attr-defined]
    await rig.pool.close(0.3)
    assert reactor.seconds() - begun < 3  # type: ignore[attr-defined]
    with pytest.raises(CancelledError):
        await never
    await until(lambda: not any(map(runs, processes)))


@pytest_twisted.ensureDeferred
async def test_no_process_outlives_the_pool_because_it_is_stopped(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.use()
    await rig.texts("say 0")
    (stopped,) = rig.processes()
    os.kill(stopped, signal.SIGSTOP)
    await rig.pool.close()
    await until(lambda: not runs(stopped))
