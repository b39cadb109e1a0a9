"""The MLLP port on a real socket: framing, order, limits, ends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor, tcp
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater

from engine import wire
from engine.hl7v2.frame import wrap
from engine.sources import ending, mllp
from engine.sources.flow import Hold
from engine.sources.port import PortError, is_in
from engine.sources.timing import BARE_END
from tests.sources.rig import Rig, adt, turn

OpenPort = Callable[..., Rig]


async def _seconds(seconds: float) -> None:
    await deferLater(reactor, seconds)


@pytest_twisted.ensureDeferred
async def test_a_message_is_stored_and_answered(open_port: OpenPort) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.send(adt("MSG-1"))
    (answer,) = await sender.answered(1)
    assert (answer.value("MSA-1"), answer.value("MSA-2")) == ("AA", "MSG-1")
    assert answer.value("MSH-5") == "LAB"
    assert rig.rows("control_id", "outcome", "answer", "patient", "raw") == [
        ("MSG-1", "accepted", "AA", "4711", adt("MSG-1"))
    ]


@pytest_twisted.ensureDeferred
async def test_answers_come_in_the_order_of_the_messages_and_with_control_ids_of_their_own(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    senders = [await rig.sender() for _ in range(5)]
    for number, sender in enumerate(senders):
        sender.send(*(adt(f"{number}-{i}") for i in range(100)))
    for number, sender in enumerate(senders):
        await sender.answered(100)
        assert sender.ids == [f"{number}-{i}" for i in range(100)]
        assert set(sender.codes) == {"AA"}
    control_ids = {answer.control_id for sender in senders for answer in sender.answers}
    assert len(control_ids) == 500
    stored = [row[0] for row in rig.rows("control_id")]
    for number in range(5):
        assert [i for i in stored if i.startswith(f"{number}-")] == [
            f"{number}-{i}" for i in range(100)
        ]


# --- frames ----------------------------------------------------------------------------------

WIRE = wrap(adt("1")) + wrap(adt("2", modes="||AL|NE")) + wrap(adt("3"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest_twisted.ensureDeferred
async def test_any_chunking_of_the_stream_gives_the_same_answers(
    open_port: OpenPort, size: int
) -> None:
    rig = open_port()
    sender = await rig.sender()
    for at in range(0, len(WIRE), size):
        sender.raw(WIRE[at : at + size])
        await turn()
    await sender.answered(3)
    assert (sender.codes, sender.ids) == (["AA", "CA", "AA"], ["1", "2", "3"])


@pytest_twisted.ensureDeferred
async def test_junk_line_ends_and_empty_frames_between_frames_cost_nothing(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.raw(b"\r\n\n" + wrap(adt("1")) + b"hello" + wrap(b"") + b"\n" + wrap(adt("2")))
    await sender.answered(2)
    assert sender.ids == ["1", "2"]
    assert "frame.junk" in rig.log.events
    assert "frame.empty" in rig.log.events
    assert [row[0] for row in rig.rows("outcome")] == ["accepted", "accepted"]


@pytest_twisted.ensureDeferred
async def test_a_message_without_its_start_byte_is_quarantined_and_refused(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.raw(wrap(adt("1"))[1:])
    sender.send(adt("2"))
    await sender.answered(2)
    assert (sender.codes, sender.ids) == (["AR", "AA"], ["1", "2"])
    assert rig.rows("outcome", "reason", "raw")[0] == (
        "quarantined",
        "the frame has no start byte",
        adt("1"),
    )


@pytest_twisted.ensureDeferred
async def test_fs_inside_a_message_does_not_end_it(open_port: OpenPort) -> None:
    rig = open_port()
    sender = await rig.sender()
    message = adt("1", extra="NTE|1||a\x1cb\r")
    sender.send(message)
    await sender.answered(1)
    assert rig.rows("raw") == [(message,)]


@pytest_twisted.ensureDeferred
async def test_a_tolerant_port_ends_a_frame_at_a_bare_fs_and_silence(open_port: OpenPort) -> None:
    rig = open_port(tolerant=True)
    sender = await rig.sender()
    sender.raw(b"\x0b" + adt("1") + b"\x1c")
    await sender.answered(1)
    sender.raw(b"\x0b" + adt("2") + b"\x1c" + wrap(adt("3")))
    await sender.answered(3)
    assert (sender.codes, sender.ids) == (["AA", "AA", "AA"], ["1", "2", "3"])


@pytest_twisted.ensureDeferred
async def test_while_a_tolerant_port_does_not_read_no_silence_ends_a_frame(
    open_port: OpenPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mllp, "UNANSWERED", 1)
    rig = open_port(tolerant=True)
    sender = await rig.sender()
    message = adt("3", extra="NTE|1||a\x1cb\r")
    begin, rest = message.split(b"b\r", 1)
    with rig.store_on_hold():
        sender.raw(wrap(adt("1")) + wrap(adt("2")) + b"\x0b" + begin)
        await rig.until(lambda: Hold.ANSWERS in rig.holds())
        sender.raw(b"b\r" + rest + b"\x1c\r")
        await _seconds(BARE_END + 0.2)
    await sender.answered(3)
    assert rig.rows("raw")[2:] == [(message,)]


@pytest_twisted.ensureDeferred
async def test_a_frame_above_the_limit_is_refused_and_the_connection_closed(
    open_port: OpenPort,
) -> None:
    rig = open_port(max_frame=5000)
    sender = await rig.sender()
    sender.send(adt("1"), adt("2", extra="NTE|1||" + "x" * 500_000), adt("3"))
    await sender.closed
    assert (sender.codes, sender.ids) == (["AA", "AR"], ["1", "2"])
    assert "5000 bytes" in sender.answers[1].value("ERR-8")
    outcomes = rig.rows("outcome", "length(raw)")
    assert outcomes == [("accepted", len(adt("1"))), ("quarantined", 4096)]


@pytest_twisted.ensureDeferred
async def test_an_oversize_message_of_the_enhanced_mode_gets_cr(open_port: OpenPort) -> None:
    rig = open_port(max_frame=1000)
    sender = await rig.sender()
    sender.send(adt("1", modes="||AL|AL", extra="NTE|1||" + "x" * 5000))
    await sender.closed
    assert sender.codes == ["CR"]


@pytest_twisted.ensureDeferred
async def test_a_frame_as_large_as_the_limit_passes(open_port: OpenPort) -> None:
    message = adt("1", extra="NTE|1||" + "x" * 3_000_000)
    rig = open_port(max_frame=len(message))
    sender = await rig.sender()
    sender.send(message)
    await sender.answered(1)
    assert sender.codes == ["AA"]
    assert rig.rows("raw") == [(message,)]


@pytest.mark.parametrize(
    "bad",
    [
        b"hello",
        b"PID|1||4711\r",
        b"MSH",
        b"\x00\xff\xfe",
        b"MSH|^~\\&|A|B\r" * 2,
        b"FHS|^~\\&|A\rFTS|0\r",
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_frame_that_is_no_message_is_quarantined_with_its_bytes_and_peer(
    open_port: OpenPort, bad: bytes
) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.send(bad, adt("good"))
    await sender.answered(1)
    while "good" not in sender.ids:
        await sender.answered(len(sender.answers) + 1)
    assert sender.codes in (["AA"], ["AR", "AA"])  # AR where there is an MSH to answer to
    outcome, reason, raw, peer = rig.rows("outcome", "reason", "raw", "peer")[0]
    assert (outcome, raw) == ("quarantined", bad)
    assert reason
    assert peer.startswith("127.0.0.1:")


@pytest_twisted.ensureDeferred
async def test_bytes_that_are_not_in_their_charset_are_quarantined_and_refused(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    wrong = adt("1").replace(b"Anna", b"J\xf6rg")
    sender.send(wrong, adt("2"))
    await sender.answered(2)
    assert (sender.codes, sender.ids) == (["AR", "AA"], ["1", "2"])
    assert rig.rows("outcome", "raw")[0] == ("quarantined", wrong)


# --- ends ------------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_connection_lost_inside_a_frame_leaves_its_bytes_in_quarantine(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.send(adt("1"))
    sender.raw(wrap(adt("2"))[:-20])
    await sender.answered(1)
    sender.transport.abortConnection()
    await sender.closed
    await rig.until(lambda: len(rig.rows("id")) == 2)
    outcome, reason, raw = rig.rows("outcome", "reason", "raw")[1]
    assert (outcome, raw) == ("quarantined", adt("2")[:-18])
    assert "lost inside the frame" in reason


@pytest_twisted.ensureDeferred
async def test_a_peer_that_closes_its_side_still_gets_its_answers(open_port: OpenPort) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.send(*(adt(str(number)) for number in range(50)))
    sender.raw(wrap(adt("half"))[:-2])
    sender.transport.loseWriteConnection()
    await sender.closed
    assert sender.ids == [*map(str, range(50)), "half"]
    assert sender.codes == ["AA"] * 50 + ["AR"]
    assert rig.port.connections == 0


@pytest_twisted.ensureDeferred
async def test_a_sender_that_goes_before_its_answer_leaves_a_stored_message_and_a_log_line(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    sender = await rig.sender()
    with rig.store_on_hold():
        sender.send(adt("1"))
        await rig.until(lambda: rig.store.calls == 1)
        sender.transport.abortConnection()
        await rig.until(lambda: rig.port.connections == 0)
    await rig.until(lambda: "answer.dropped" in rig.log.events)
    assert rig.rows("control_id", "outcome") == [("1", "accepted")]


@pytest_twisted.ensureDeferred
async def test_a_frame_that_does_not_end_in_time_is_quarantined_refused_and_ends_the_connection(
    open_port: OpenPort,
) -> None:
    rig = open_port(frame_timeout=0.1)
    sender = await rig.sender()
    sender.raw(wrap(adt("1"))[:-5])
    await sender.closed
    assert (sender.codes, sender.ids) == (["AR"], ["1"])
    outcome, reason = rig.rows("outcome", "reason")[0]
    assert outcome == "quarantined"
    assert "0.1 s" in reason


@pytest_twisted.ensureDeferred
async def test_an_idle_connection_is_closed_when_the_port_says_so(open_port: OpenPort) -> None:
    rig = open_port(idle_timeout=0.1)
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.closed
    assert sender.codes == ["AA"]
    assert "connection.idle" in rig.log.events


@pytest_twisted.ensureDeferred
async def test_a_sender_that_waits_for_its_answer_is_not_idle(open_port: OpenPort) -> None:
    rig = open_port(idle_timeout=0.1)
    with rig.store_on_hold():
        sender = await rig.sender()
        sender.send(adt("1"))
        await rig.until(lambda: rig.store.calls == 1)
        await _seconds(0.3)
        sender.send(adt("2"))
        await rig.until(lambda: rig.store.calls == 2)
    await sender.closed
    assert (sender.codes, sender.ids) == (["AA", "AA"], ["1", "2"])


@pytest_twisted.ensureDeferred
async def test_a_frame_has_its_own_time_also_where_idle_connections_are_closed(
    open_port: OpenPort,
) -> None:
    rig = open_port(idle_timeout=0.1, frame_timeout=5)
    sender = await rig.sender()
    wire = wrap(adt("1"))
    sender.raw(wire[:40])
    await _seconds(0.3)
    sender.raw(wire[40:])
    await sender.answered(1)
    assert sender.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_the_connection_above_the_limit_is_refused_and_the_others_go_on(
    open_port: OpenPort,
) -> None:
    rig = open_port(connections=2)
    first, second = await rig.sender(), await rig.sender()
    third = await rig.sender()
    await third.closed
    for sender in (first, second):
        sender.send(adt("1"))
        await sender.answered(1)
    assert "connection.refused" in rig.log.events
    first.transport.loseConnection()
    await first.closed
    await rig.until(lambda: rig.port.connections == 1)
    fourth = await rig.sender()
    fourth.send(adt("4"))
    await fourth.answered(1)


@pytest_twisted.ensureDeferred
async def test_a_peer_outside_the_allowed_networks_is_refused(open_port: OpenPort) -> None:
    rig = open_port(allow=(ip_network("10.20.0.0/16"),))
    sender = await rig.sender()
    await sender.closed
    assert sender.answers == []
    assert rig.log.lines[-1][2]["reason"] == "not in an allowed network"


@pytest_twisted.ensureDeferred
async def test_a_peer_inside_an_allowed_network_may_send(open_port: OpenPort) -> None:
    rig = open_port(allow=(ip_network("10.20.0.0/16"), ip_network("127.0.0.0/8")))
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AA"]


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("10.20.3.4", True),
        ("10.21.0.1", False),
        ("::ffff:10.20.3.4", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
    ],
)
def test_networks_hold_for_both_versions_of_ip(host: str, inside: bool) -> None:
    assert is_in(host, (ip_network("10.20.0.0/16"), ip_network("fe80::/10"))) is inside


def test_a_port_that_is_taken_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        rig = Rig(tmp_path, (), port=taken.getsockname()[1])
        with pytest.raises(PortError, match=r"cannot be opened: .*in use"):
            rig.port.open(reactor)


@pytest_twisted.ensureDeferred
async def test_a_drain_finishes_the_frame_that_is_being_read_and_its_answers(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    quiet, busy = await rig.sender(), await rig.sender()
    busy.send(adt("1"))
    await busy.answered(1)
    busy.raw(wrap(adt("2"))[:50])
    await rig.until(lambda: rig.budget.used == 49)
    await rig.port.stop_listening()
    drained = rig.port.drain()
    await quiet.closed
    busy.raw(wrap(adt("2"))[50:] + wrap(adt("3")))
    await busy.closed
    await drained
    assert busy.ids[:2] == ["1", "2"]
    assert set(busy.codes) == {"AA"}
    assert rig.budget.used == 0


@pytest_twisted.ensureDeferred
async def test_a_peer_that_does_not_close_its_side_after_our_last_word_is_cut(
    open_port: OpenPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "LINGER", 0.1)
    rig = open_port(max_frame=1000)
    sender = await rig.sender()
    sender.keep_open = True
    sender.send(adt("1", extra="NTE|1||" + "x" * 5000))
    await sender.answered(1)
    assert sender.codes == ["AR"]
    # The peer only reads, so its reactor is not told of the cut: the port is asked.
    await rig.until(lambda: rig.port.connections == 0)
    sender.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_a_lost_connection_lets_those_behind_it_read_on(open_port: OpenPort) -> None:
    rig = open_port(memory=10_000)
    first, second = await rig.sender(), await rig.sender()
    first.raw(wrap(adt("1", extra="NTE|1||" + "x" * 50_000))[:-3])
    await rig.until(lambda: rig.budget.used > 10_000)
    second.send(adt("2"))
    first.transport.abortConnection()
    await second.answered(1)
    assert second.codes == ["AA"]
    await rig.until(lambda: rig.budget.used == 0)


def test_twisted_still_has_the_private_parts_that_answers_are_written_by() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = tcp.Connection(ours, Protocol(), reactor)
    transport.connected = True
    assert (transport.dataBuffer, transport._tempDataBuffer) == (b"", [])
    assert transport.writeSomeData(b"at once") == 7
    assert theirs.recv(7) == b"at once"
    wire.send(transport, b"at once")
    assert theirs.recv(7) == b"at once"
    transport.write(b"later")
    assert transport.dataBuffer or transport._tempDataBuffer
    transport.stopWriting()
    theirs.close()
    ours.close()
