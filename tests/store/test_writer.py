"""Calls become groups: one is on its way, what is asked for meanwhile is the next one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.store import writer as writer_module
from engine.store.committer import Asked, Failed
from engine.store.kinds import ACCEPT
from engine.store.writer import AHEAD, GROUP_BYTES, Writer


class Bench:
    """Holds each group until it is told what came of it."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self.closed = False

    def open(self, done: Callable[[Sequence[Any]], None], over: Callable[[], None]) -> None:
        self.done, self.over = done, over

    def commit(self, group: Sequence[Asked]) -> None:
        self.groups.append([argument for _, argument in group])

    def close(self) -> None:
        self.closed = True

    def kill(self) -> None:
        self.over()


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def lost() -> list[StoreError]:
    return []


@pytest.fixture
def writer(bench: Bench, lost: list[StoreError]) -> Writer:
    writer = Writer(bench, lost.append)
    writer.start()
    return writer


def test_a_lone_call_goes_at_once_and_what_comes_meanwhile_goes_together(
    writer: Writer, bench: Bench
) -> None:
    calls = [writer.submit(ACCEPT, number) for number in range(AHEAD)]
    assert bench.groups == [[0]]
    bench.done(["a"])
    assert bench.groups == [[0], [1, 2, 3]]
    bench.done(["b", "c", "d"])
    assert [call.result for call in calls] == ["a", "b", "c", "d"]
    assert bench.groups == [[0], [1, 2, 3]]


def test_a_group_that_is_worth_it_is_ready_before_the_last_is_done_and_no_third(
    writer: Writer, bench: Bench
) -> None:
    calls = [writer.submit(ACCEPT, number) for number in range(1 + AHEAD + AHEAD)]
    assert bench.groups == [[0], [1, 2, 3, 4]]
    bench.done(["a"])
    assert bench.groups == [[0], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert [call.called for call in calls] == [True] + [False] * 8


def test_the_next_group_is_under_way_before_anybody_is_told_of_the_last(
    writer: Writer, bench: Bench
) -> None:
    first = writer.submit(ACCEPT, 0)
    writer.submit(ACCEPT, 1)
    seen: list[int] = []
    first.addCallback(lambda _: seen.append(len(bench.groups)))
    bench.done(["a"])
    assert seen == [2]


def test_a_group_has_its_limits_in_calls_and_in_bytes(
    writer: Writer, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "GROUP_CALLS", 3)
    for number in range(6):
        writer.submit(ACCEPT, number)
    writer.submit(ACCEPT, "long", GROUP_BYTES)
    for short in range(AHEAD):
        writer.submit(ACCEPT, short)
    for size in (1, 3, 3, 3):
        bench.done(["done"] * size)
    assert bench.groups == [[0], [1, 2, 3], [4, 5, "long"], [0, 1, 2], [3]]


@pytest_twisted.ensureDeferred
async def test_each_call_is_told_its_own_failure(writer: Writer, bench: Bench) -> None:
    writer.submit(ACCEPT, 0)
    good, bad = writer.submit(ACCEPT, 1), writer.submit(ACCEPT, 2)
    bench.done(["first"])
    bench.done(["good", Failed(StoreError("the disk is full"))])
    assert await good == "good"
    with pytest.raises(StoreError, match="disk is full"):
        await bad


@pytest_twisted.ensureDeferred
async def test_what_was_asked_for_before_the_end_is_done_before_it(
    writer: Writer, bench: Bench, lost: list[StoreError]
) -> None:
    calls = [writer.submit(ACCEPT, number) for number in range(2)]
    closing = writer.stop()
    with pytest.raises(StoreError, match="closed"):
        await writer.submit(ACCEPT, 2)
    bench.done(["a"])
    assert not bench.closed
    bench.done(["b"])
    assert bench.closed
    assert [call.result for call in calls] == ["a", "b"]
    assert not closing.called
    bench.over()
    await closing
    assert not lost


@pytest_twisted.ensureDeferred
async def test_when_the_bench_is_gone_every_call_fails_and_the_owner_is_told(
    writer: Writer, bench: Bench, lost: list[StoreError]
) -> None:
    calls = [writer.submit(ACCEPT, number) for number in range(3)]
    bench.over()
    for call in calls:
        with pytest.raises(StoreError, match="has ended"):
            await call
    with pytest.raises(StoreError, match="has ended"):
        await writer.submit(ACCEPT, 3)
    [error] = lost
    assert "has ended" in str(error)
    await writer.stop()


@pytest_twisted.ensureDeferred
async def test_a_bench_that_is_gone_while_the_store_is_closed_keeps_nobody_waiting(
    writer: Writer, bench: Bench, lost: list[StoreError]
) -> None:
    call = writer.submit(ACCEPT, 0)
    closing = writer.stop()
    bench.over()
    with pytest.raises(StoreError, match="has ended"):
        await call
    await closing
    assert not lost


@pytest_twisted.ensureDeferred
async def test_a_group_that_cannot_be_handed_over_ends_it_all_and_gets_no_others_results(
    writer: Writer, bench: Bench, lost: list[StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(_group: Sequence[Asked]) -> None:
        raise MemoryError

    first = writer.submit(ACCEPT, 0)
    monkeypatch.setattr(bench, "commit", no_memory)
    calls = [first, *(writer.submit(ACCEPT, number) for number in range(AHEAD))]
    for call in calls:
        with pytest.raises(StoreError, match="has ended"):
            await call
    assert len(lost) == 1
