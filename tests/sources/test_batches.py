"""A batch is taken in portions: nobody waits for all of it, and nothing of it is promised early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted

from engine.hl7v2.frame import wrap
from engine.sources import mllp
from engine.sources.reception import AT_ONCE
from tests.sources.rig import Rig, adt

OpenPort = Callable[..., Rig]


def batch(*messages: bytes, count: int | None = None) -> bytes:
    count = len(messages) if count is None else count
    return b"BHS|^~\\&|LAB\r" + b"".join(messages) + b"BTS|%d\r" % count


def numbered(count: int) -> list[bytes]:
    return [adt(str(number)) for number in range(count)]


def ids(count: int) -> list[str]:
    return [str(number) for number in range(count)]


@pytest_twisted.ensureDeferred
async def test_another_sender_is_answered_while_a_batch_is_taken(open_port: OpenPort) -> None:
    rig = open_port()
    long, other = await rig.sender(), await rig.sender()
    count = 40 * AT_ONCE
    long.send(batch(*numbered(count)))
    await long.answered(1)
    other.send(adt("other"))
    await other.answered(1)
    assert len(long.answers) < count / 2
    await long.answered(count)
    assert long.ids == ids(count)
    assert set(long.codes) == {"AA"}


@pytest_twisted.ensureDeferred
async def test_no_more_of_a_batch_is_taken_than_the_store_keeps_up_with(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    count = 4 * mllp.UNANSWERED
    with rig.store_on_hold():
        sender.send(batch(*numbered(count)))
        await rig.until(lambda: rig.store.calls > mllp.UNANSWERED)
        for _ in range(100):
            await rig.turn()
        assert rig.store.calls <= mllp.UNANSWERED + AT_ONCE
    await sender.answered(count)
    assert sender.ids == ids(count)
    assert rig.budget.used == 0


@pytest_twisted.ensureDeferred
async def test_a_batch_larger_than_the_whole_budget_is_taken_portion_by_portion(
    open_port: OpenPort,
) -> None:
    rig = open_port(memory=50_000)
    senders = [await rig.sender() for _ in range(3)]
    count = 5 * AT_ONCE
    for sender in senders:
        sender.send(batch(*numbered(count)))
    for sender in senders:
        await sender.answered(count)
        assert sender.ids == ids(count)
    assert (rig.budget.used, rig.budget.waiting) == (0, 0)


@pytest.mark.parametrize("count", [1, AT_ONCE - 2, AT_ONCE - 1, AT_ONCE, 3 * AT_ONCE])
@pytest_twisted.ensureDeferred
async def test_what_the_envelope_says_is_kept_after_the_last_message(
    open_port: OpenPort, count: int
) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.send(batch(*numbered(count), count=9999), adt("behind"))
    await sender.answered(count + 1)
    assert sender.ids == [*ids(count), "behind"]
    outcomes = [row[0] for row in rig.rows("outcome")]
    assert outcomes == ["accepted"] * count + ["quarantined", "accepted"]


@pytest_twisted.ensureDeferred
async def test_what_comes_behind_a_batch_is_handled_behind_it(open_port: OpenPort) -> None:
    rig = open_port()
    sender = await rig.sender()
    count = 10 * AT_ONCE
    one = batch(*numbered(count))
    sender.raw(wrap(one) + wrap(adt("between")) + wrap(one) + wrap(adt("last")) + b"\x0bMSH|half")
    sender.transport.loseWriteConnection()
    await sender.answered(2 * count + 3)
    assert sender.ids[: 2 * count + 2] == [*ids(count), "between", *ids(count), "last"]
    await sender.closed
    assert [row[0] for row in rig.rows("outcome")].count("quarantined") == 1


@pytest_twisted.ensureDeferred
async def test_a_drain_finishes_the_batch_that_has_come(open_port: OpenPort) -> None:
    rig = open_port()
    sender = await rig.sender()
    count = 10 * AT_ONCE
    sender.send(batch(*numbered(count)))
    await sender.answered(1)
    drained = rig.port.drain()
    await sender.closed
    await drained
    assert sender.ids == ids(count)


async def _reset(rig: Rig, sender: Any) -> None:
    sender.transport.abortConnection()
    await sender.closed


async def _cut(rig: Rig, sender: Any) -> None:
    rig.port.cut()
    await sender.closed


@pytest.mark.parametrize("end", [_reset, _cut])
@pytest_twisted.ensureDeferred
async def test_a_connection_that_ends_in_a_batch_leaves_the_rest_unanswered_and_unkept(
    open_port: OpenPort, end: Callable[..., Any]
) -> None:
    rig = open_port()
    sender = await rig.sender()
    count = 100 * AT_ONCE
    sender.send(batch(*numbered(count)))
    await sender.answered(1)
    await end(rig, sender)
    await rig.until(lambda: not rig.port.connections)
    taken = rig.store.calls
    for _ in range(50):
        await rig.turn()
    assert rig.store.calls == taken < count
    await rig.until(lambda: rig.budget.used == 0)  # what was asked for is committed
    assert {row[0] for row in rig.rows("outcome")} == {"accepted"}
    again = await rig.sender()
    again.send(batch(*numbered(count)))
    await again.answered(count)
    assert set(again.codes) == {"AA"}
    assert [row[0] for row in rig.rows("outcome")].count("accepted") == count
