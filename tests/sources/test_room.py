"""A full port: who must give up a connection, and who never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from engine.hl7v2.frame import wrap
from engine.sources import room
from engine.sources.room import SILENT, to_make_room
from tests.sources.rig import Rig, adt

OpenPort = Callable[..., Rig]


@dataclass
class Silent:
    host: str
    seconds: float

    def silent_for(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        ([("a", 60), ("a", 90), ("b", 900)], ("a", 90)),  # most, not longest
        ([("a", 60), ("a", 60)], ("a", 60)),
        ([("a", 0), ("a", SILENT / 2), ("a", 1), ("b", 20), ("b", 0), ("c", 99)], ("b", 20)),
        ([("a", 900), ("b", 900)], None),  # each has but one
        ([("a", SILENT / 2), ("a", 0), ("b", 900)], None),
    ],
)
def test_whoever_holds_most_gives_up_what_has_been_silent_for_longest(
    held: list[tuple[str, float]], chosen: tuple[str, float] | None
) -> None:
    found = to_make_room([Silent(*one) for one in held])
    assert found == (None if chosen is None else Silent(*chosen))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is silent for a moment is silent."""
    monkeypatch.setattr(room, "SILENT", 0.1)


async def _silence() -> None:
    await deferLater(reactor, 0.2)


@pytest_twisted.ensureDeferred
async def test_idle_connections_of_one_sender_lock_out_no_other(
    open_port: OpenPort, soon: None
) -> None:
    rig = open_port(connections=3)
    first, second, third = [await rig.sender() for _ in range(3)]
    await _silence()
    for sender in (first, third):
        sender.send(adt("1"))
        await sender.answered(1)
    other = await rig.sender("127.0.0.2")
    other.send(adt("2"))
    await other.answered(1)
    await second.closed
    assert "connection.displaced" in rig.log.events
    assert "connection.refused" not in rig.log.events
    name = "mllp_engine_connections_displaced_total"
    assert rig.metrics.registry.get_sample_value(name, {"port": "2575"}) == 1
    for sender in (first, third):
        sender.send(adt("3"))
        await sender.answered(2)


@pytest_twisted.ensureDeferred
async def test_the_only_connection_of_a_sender_is_never_taken_from_it(
    open_port: OpenPort, soon: None
) -> None:
    rig = open_port(connections=2)
    kept = [await rig.sender("127.0.0.1"), await rig.sender("127.0.0.2")]
    await _silence()
    late = await rig.sender("127.0.0.3")
    await late.closed
    assert "connection.refused" in rig.log.events
    for sender in kept:
        sender.send(adt("1"))
        await sender.answered(1)


@pytest_twisted.ensureDeferred
async def test_who_is_inside_a_frame_or_waits_for_an_answer_keeps_the_connection(
    open_port: OpenPort, soon: None
) -> None:
    rig = open_port(connections=2)
    inside, waiting = await rig.sender(), await rig.sender()
    wire = wrap(adt("1"))
    with rig.store_on_hold():
        waiting.send(adt("2"))
        inside.raw(wire[:40])
        await rig.until(lambda: rig.store.calls == 1)
        await _silence()
        late = await rig.sender("127.0.0.2")
        await late.closed
    inside.raw(wire[40:])
    await inside.answered(1)
    await waiting.answered(1)
    assert (inside.codes, waiting.codes) == (["AA"], ["AA"])


@pytest_twisted.ensureDeferred
async def test_bytes_that_nobody_has_read_yet_end_the_silence(
    open_port: OpenPort, soon: None
) -> None:
    rig = open_port(connections=2)
    first, second = await rig.sender(), await rig.sender()
    await _silence()
    connections = list(rig.port._connections)
    assert all(connection.silent_for() > 0.1 for connection in connections)
    for sender in (first, second):
        # past the reactor, which reads nothing before this test gives way
        sender.transport.getHandle().send(wrap(adt("1")))
    assert all(connection.silent_for() < 0.1 for connection in connections)
    assert to_make_room(connections) is None
    await first.answered(1)
    await second.answered(1)


@pytest_twisted.ensureDeferred
async def test_a_connection_at_its_end_takes_nobodys_place(open_port: OpenPort, soon: None) -> None:
    rig = open_port(connections=2)
    lingering = await rig.sender()
    lingering.keep_open = True
    await _silence()
    await rig.sender()
    for host in ("127.0.0.2", "127.0.0.3"):
        newcomer = await rig.sender(host)
        newcomer.send(adt(host[-1]))
        await (newcomer.answered(1) if host == "127.0.0.2" else newcomer.closed)
    assert rig.port.connections == 3  # the first has not closed its side
