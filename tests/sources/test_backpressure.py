"""A sender that outruns the store, or its own reading, is read more slowly; memory is bounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest_twisted

from engine.hl7v2.frame import wrap
from engine.sources import mllp
from engine.sources.flow import Hold
from tests.sources.rig import Rig, adt

OpenPort = Callable[..., Rig]


def big(control_id: str, size: int = 1_000_000) -> bytes:
    return adt(control_id, extra="NTE|1||" + "x" * size)


@pytest_twisted.ensureDeferred
async def test_a_store_that_is_slow_stops_the_reading_until_answers_leave(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    count = 20 * mllp.UNANSWERED
    with rig.store_on_hold():
        sender.send(*(adt(str(number)) for number in range(count)))
        await rig.until(lambda: rig.holds() == Hold.ANSWERS)
        for _ in range(200):
            await rig.turn()
        # one read of 64 KiB may bring more than the limit, and no more reads follow
        assert rig.store.calls < mllp.UNANSWERED + 65536 // len(wrap(adt("1")))
    await sender.answered(count)
    assert sender.ids == [str(number) for number in range(count)]
    assert rig.budget.used == 0


@pytest_twisted.ensureDeferred
async def test_connections_together_stay_within_the_budget_of_bytes(open_port: OpenPort) -> None:
    rig = open_port(memory=4_000_000)
    senders = [await rig.sender() for _ in range(8)]
    most = 0
    with rig.store_on_hold():
        for number, sender in enumerate(senders):
            sender.send(*(big(f"{number}-{i}") for i in range(3)))
        await rig.until(lambda: rig.budget.waiting == 8)
        most = rig.budget.used
    for sender in senders:
        await sender.answered(3)
        assert sender.codes == ["AA"] * 3
    # the limit, one frame that goes on alone, and one read for each connection
    assert 4_000_000 < most < 4_000_000 + 1_000_100 + 9 * 65536
    assert (rig.budget.used, rig.budget.waiting) == (0, 0)


@pytest_twisted.ensureDeferred
async def test_frames_larger_than_the_whole_budget_still_pass_one_by_one(
    open_port: OpenPort,
) -> None:
    rig = open_port(memory=500_000)
    senders = [await rig.sender() for _ in range(4)]
    for number, sender in enumerate(senders):
        sender.send(big(str(number), 2_000_000))
    for sender in senders:
        await sender.answered(1)
        assert sender.codes == ["AA"]
    assert rig.budget.used == 0


@pytest_twisted.ensureDeferred
async def test_waiting_for_the_budget_does_not_count_as_the_senders_slowness(
    open_port: OpenPort,
) -> None:
    rig = open_port(memory=100_000, frame_timeout=0.2)
    fast, slow = await rig.sender(), await rig.sender()
    with rig.store_on_hold():
        fast.send(big("1", 200_000))
        await rig.until(lambda: rig.store.calls == 1)
        slow.send(big("2", 200_000))
        started = rig.seconds()
        await rig.until(lambda: rig.budget.used > 250_000 and rig.seconds() > started + 0.5)
    await fast.answered(1)
    await slow.answered(1)
    assert slow.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_a_peer_that_does_not_read_its_answers_is_not_read_either(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.transport.pauseProducing()
    # the answers echo the long name, and are more than the kernel buffers for a peer
    message = adt("1", modes="||AL|AL").replace(b"|LAB|", b"|" + b"L" * 20_000 + b"|")
    count = 400
    sender.send(*[message] * count)
    await rig.until(lambda: Hold.PEER in rig.holds())
    sender.transport.resumeProducing()
    await sender.answered(2 * count)
    assert rig.port.connections == 1
