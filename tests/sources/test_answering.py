"""Which answers a message gets, and when: original and enhanced mode, stages, resends, faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import defer

from engine.config import Ack
from engine.errors import MessageError, StoreError
from engine.lifecycle import State
from engine.mapping.language import parse_condition
from engine.mapping.result import Mapped
from tests.sources.rig import Rig, adt, channel_of, enhanced

OpenPort = Callable[..., Rig]


async def codes_for(rig: Rig, *messages: bytes) -> list[str]:
    """The codes of all answers to these messages; a last original-mode one marks the end."""
    sender = await rig.sender()
    sender.send(*messages, adt("END", patient="END"))
    while "END" not in sender.ids:
        await sender.answered(len(sender.answers) + 1)
    return sender.codes[: sender.ids.index("END")]


# --- the answers that MSH-15, MSH-16 and the verdict call for --------------------------------

MODES = [
    # MSH-15, MSH-16, answers to an accepted message, to a refused one
    ("", "", ["AA"], ["AR"]),
    ("AL", "AL", ["CA", "AA"], ["CR"]),
    ("AL", "NE", ["CA"], ["CR"]),
    ("NE", "AL", ["AA"], ["AR"]),
    ("NE", "NE", [], []),
    ("ER", "ER", [], ["CR"]),
    ("SU", "SU", ["CA", "AA"], []),
    ("ER", "AL", ["AA"], ["CR"]),
    ("SU", "ER", ["CA"], ["AR"]),
    ("AL", "", ["CA"], ["CR"]),
    ("", "AL", ["AA"], ["AR"]),
]


@pytest.mark.parametrize(("accept", "application", "positive", "negative"), MODES)
@pytest_twisted.ensureDeferred
async def test_each_message_gets_the_answers_that_it_asks_for(
    open_port: OpenPort, accept: str, application: str, positive: list[str], negative: list[str]
) -> None:
    rig = open_port(channel_of(accept=(parse_condition("MSH-9.1 is ADT"),)))
    modes = enhanced(accept, application)
    assert await codes_for(rig, adt("1", modes=modes)) == positive
    assert await codes_for(rig, adt("2", modes=modes, type="ZZZ^Z01")) == negative
    outcomes = [row[0] for row in rig.rows("outcome")]
    assert outcomes == ["accepted", "accepted", "refused", "duplicate"]


@pytest.mark.parametrize(("accept", "application", "positive", "negative"), MODES)
@pytest_twisted.ensureDeferred
async def test_a_store_that_fails_never_gives_a_positive_answer(
    open_port: OpenPort, accept: str, application: str, positive: list[str], negative: list[str]
) -> None:
    rig = open_port()
    rig.store.failure = StoreError("disk full")
    found = await codes_for(rig, adt("1", modes=enhanced(accept, application)))
    assert found == [code.replace("R", "E") for code in negative]
    assert rig.rows("id") == []
    rig.store.failure = None
    assert await codes_for(rig, adt("1")) == ["AA"]


@pytest_twisted.ensureDeferred
async def test_a_fault_of_ours_is_answered_negatively_and_does_not_cost_the_connection(
    open_port: OpenPort,
) -> None:
    class Broken:
        def holds(self, _: Any) -> bool:
            raise KeyError("Testpatient")

    rig = open_port(channel_of(drop=(Broken(),)))
    sender = await rig.sender()
    sender.send(adt("1"), adt("2"))
    await sender.answered(2)
    assert sender.codes == ["AE", "AE"]
    fault = next(line for line in rig.log.lines if line[1] == "message.fault")
    assert fault[2]["fault"] == "KeyError"
    assert "Testpatient" not in str(rig.log.lines)
    assert [row[0] for row in rig.rows("outcome")] == ["quarantined"] * 2


@pytest_twisted.ensureDeferred
async def test_a_filtered_message_is_answered_positively_and_counted(open_port: OpenPort) -> None:
    rig = open_port(channel_of(drop=(parse_condition("PID-3 is 99"),)))
    assert await codes_for(rig, adt("1", patient="99")) == ["AA"]
    assert await codes_for(rig, adt("2", patient="99", modes=enhanced("AL", "AL"))) == ["CA", "AA"]
    rows = rig.rows("outcome", "reason")
    assert rows[0] == ("filtered", "PID-3 is 99")
    assert rows[2][0] == "filtered"


@pytest.mark.parametrize("type_", ["ACK", "ACK^A01^ACK", "MCF", "ack"])
@pytest_twisted.ensureDeferred
async def test_an_acknowledgement_is_kept_and_never_answered(
    open_port: OpenPort, type_: str
) -> None:
    rig = open_port(channel_of(accept=(parse_condition("MSH-9.1 is ADT"),), strict=True))
    message = adt("1", type=type_, extra="MSA|AA|77\r", modes=enhanced("AL", "AL"))
    assert await codes_for(rig, message) == []
    assert rig.rows("outcome", "answer")[0] == ("acknowledgement", "")


@pytest_twisted.ensureDeferred
async def test_an_acknowledgement_that_cannot_be_read_is_not_answered_either(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    assert await codes_for(rig, adt("1", type="ACK").replace(b"Anna", b"\xff\xfe")) == []


# --- what a header may lack ------------------------------------------------------------------

ODDITIES = [
    # the change, whether the lenient channel takes it, the strict one's code, place and 0357 code
    ({"control_id": ""}, "AA", "AE", "MSH^1^10", "101"),
    ({"version": ""}, "AA", "AR", "MSH^1^12", "203"),
    ({"version": "9.9"}, "AA", "AR", "MSH^1^12", "203"),
    ({"processing": ""}, "AA", "AR", "MSH^1^11", "202"),
    ({"processing": "X"}, "AA", "AR", "MSH^1^11", "202"),
    ({"type": ""}, "AR", "AR", "MSH^1^9", "101"),
    ({"type": "QRY^Q01"}, "AR", "AR", "MSH^1^9", "200"),
]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("change", "lenient_code", "strict_code", "place", "number"), ODDITIES)
@pytest_twisted.ensureDeferred
async def test_what_is_missing_or_odd_in_a_header_is_lived_with_or_refused_by_the_letter(
    open_port: OpenPort,
    strict: bool,
    change: dict[str, str],
    lenient_code: str,
    strict_code: str,
    place: str,
    number: str,
) -> None:
    rig = open_port(channel_of(strict=strict, accept=(parse_condition("MSH-9.1 is ADT"),)))
    sender = await rig.sender()
    sender.send(adt(**{"control_id": "7", **change}))
    (answer,) = await sender.answered(1)
    code = strict_code if strict else lenient_code
    assert answer.value("MSA-1") == code
    assert answer.value("MSA-2") == change.get("control_id", "7")
    if code == "AA":
        (reason,) = rig.rows("reason")[0]
        assert reason.startswith("MSH-")
    else:
        assert answer.text_of("ERR-2") == place
        assert answer.value("ERR-3") == number


@pytest_twisted.ensureDeferred
async def test_channels_of_one_port_share_it_by_condition_and_charset(open_port: OpenPort) -> None:
    rig = open_port(
        channel_of("lab", when=parse_condition("MSH-3 is LAB"), charset="utf-8"),
        channel_of("ward", when=parse_condition("MSH-3 is WARD"), charset="iso-8859-1"),
    )
    ward = adt("1").replace(b"|LAB|", b"|WARD|").replace(b"Anna", b"J\xf6rg")
    other = adt("3").replace(b"|LAB|", b"|KITCHEN|")
    sender = await rig.sender()
    sender.send(ward, adt("2"), other)
    await sender.answered(3)
    assert sender.codes == ["AA", "AA", "AR"]
    assert [row[0] for row in rig.rows("outcome")] == ["accepted", "accepted", "quarantined"]
    logged = [line[2].get("channel", "") for line in rig.log.lines if line[1] == "message.stored"]
    assert logged == ["ward", "lab", ""]


# --- batches ---------------------------------------------------------------------------------


def batch(*messages: bytes, count: int) -> bytes:
    parts = [b"FHS|^~\\&|LAB\r", b"BHS|^~\\&|LAB\r", *messages]
    return b"".join(parts) + b"BTS|%d\rFTS|1\r" % count


@pytest_twisted.ensureDeferred
async def test_each_message_of_a_batch_is_handled_and_answered_by_itself(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(accept=(parse_condition("MSH-9.1 is ADT"),)))
    messages = (
        adt("1"),
        adt("2", modes=enhanced("AL", "NE")),
        adt("3", type="QRY^Q01"),
        adt("4", modes=enhanced("NE", "NE")),
    )
    assert await codes_for(rig, batch(*messages, count=4)) == ["AA", "CA", "AR"]
    assert [row[0] for row in rig.rows("raw")[:4]] == list(messages)


@pytest_twisted.ensureDeferred
async def test_a_batch_whose_trailer_counts_otherwise_is_taken_and_its_envelope_kept(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    assert await codes_for(rig, batch(adt("1"), count=3)) == ["AA"]
    outcome, reason, raw = rig.rows("outcome", "reason", "raw")[1]
    assert outcome == "quarantined"
    assert "there are 1 messages" in reason
    assert raw.startswith(b"FHS|")


@pytest_twisted.ensureDeferred
async def test_two_messages_in_a_frame_without_an_envelope_get_one_refusal(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    assert await codes_for(rig, adt("1") + adt("2")) == ["AR"]
    assert rig.rows("outcome", "raw")[0] == ("quarantined", adt("1") + adt("2"))


# --- resends ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("modes", "codes"), [("||", ["AA"]), (enhanced("AL", "AL"), ["CA", "AA"])])
@pytest_twisted.ensureDeferred
async def test_a_resend_gets_the_positive_answer_again_and_is_not_delivered_twice(
    open_port: OpenPort, modes: str, codes: list[str]
) -> None:
    rig = open_port()
    message = adt("1", modes=modes)
    for _ in range(3):
        assert await codes_for(rig, message) == codes
    assert rig.rows("outcome")[::2] == [("accepted",), ("duplicate",), ("duplicate",)]


@pytest_twisted.ensureDeferred
async def test_the_same_control_id_with_other_bytes_is_processed_and_flagged(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    assert await codes_for(rig, adt("1"), adt("1", patient="4712")) == ["AA", "AA"]
    assert rig.rows("outcome", "reused")[:2] == [("accepted", 0), ("accepted", 1)]


@pytest_twisted.ensureDeferred
async def test_a_resend_is_answered_by_what_the_message_maps_to_now(open_port: OpenPort) -> None:
    rig = open_port(channel_of(ack=Ack("mapped")))
    rig.mapped = Mapped([], [], hold="an identifier without an assigner")
    assert await codes_for(rig, adt("1")) == ["AE"]
    rig.mapped = Mapped([], [])
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AA"]
    # it is on its way to its destination still: there the new mapping serves it, once
    assert rig.rows("control_id", "outcome")[::2] == [("1", "accepted"), ("1", "duplicate")]


# --- stages ----------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_fault_of_mapping_is_answered_recorded_and_over(open_port: OpenPort) -> None:
    rig = open_port(channel_of(ack=Ack("mapped")))
    rig.mapped = KeyError("Testpatient")
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AE"]
    assert "an error of the receiving system" in sender.answers[0].text
    assert "Testpatient" not in sender.answers[0].text
    assert rig.rows("outcome", "answer") == [("accepted", "AE")]
    assert [type(fault) for fault in rig.faults] == [KeyError]
    rig.mapped = Mapped([], [])
    sender.send(adt("1"))
    await sender.answered(2)
    assert sender.codes == ["AE", "AA"]
    assert rig.stages.waiting == 0


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read_when_it_is_mapped_is_answered_with_why(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(ack=Ack("mapped")))
    rig.mapped = MessageError("the channel north is no longer configured")
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AE"]
    assert "no longer configured" in sender.answers[0].text
    assert rig.faults == []


@pytest.mark.parametrize("stated", ["AA", "AE"])
@pytest_twisted.ensureDeferred
async def test_a_mapping_that_takes_too_long_gets_the_stated_answer(
    open_port: OpenPort, stated: str
) -> None:
    rig = open_port(channel_of(ack=Ack("mapped", timeout=0.05, on_timeout=stated)))
    rig.mapped = None
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == [stated]
    assert ("not mapped within 0.05 s" in sender.answers[0].text) == (stated == "AE")
    await rig.until(lambda: rig.rows("answer") == [(stated,)])


@pytest_twisted.ensureDeferred
async def test_a_mapping_that_is_broken_off_leaves_the_last_word_to_a_resend(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(ack=Ack("mapped")))
    rig.mapped = defer.CancelledError()
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    rig.mapped = Mapped([], [])
    sender.send(adt("1"))
    await sender.answered(2)
    assert sender.codes == ["AE", "AA"]
    await rig.until(lambda: rig.rows("outcome", "answer")[0] == ("accepted", "AA"))
    assert rig.rows("outcome")[1] == ("duplicate",)


DELIVERED = {"ack": Ack("delivered", timeout=10)}


@pytest_twisted.ensureDeferred
async def test_an_answer_may_wait_for_the_delivery_and_keeps_its_order(open_port: OpenPort) -> None:
    rig = open_port(channel_of(**DELIVERED))
    sender = await rig.sender()
    sender.send(adt("1"), adt("2"), adt("3", type=""))
    await rig.until(lambda: rig.stages.waiting == 2)
    rig.settle(2, State.DEAD)
    await rig.until(lambda: rig.rows("answer")[1] == ("AE",))
    assert sender.answers == []
    rig.settle(1, State.QUEUED)
    rig.settle(1, State.DELIVERED)
    await sender.answered(3)
    assert (sender.codes, sender.ids) == (["AA", "AE", "AR"], ["1", "2", "3"])


@pytest_twisted.ensureDeferred
async def test_an_application_answer_follows_later_on_the_same_connection(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(**DELIVERED))
    sender = await rig.sender()
    sender.send(*(adt(str(number), modes=enhanced("AL", "AL")) for number in (1, 2)))
    await sender.answered(2)
    assert sender.codes == ["CA", "CA"]
    rig.settle(2, State.DELIVERED)
    rig.settle(1, State.HELD)
    await sender.answered(4)
    assert (sender.codes[2:], sender.ids[2:]) == (["AE", "AA"], ["1", "2"])


@pytest_twisted.ensureDeferred
async def test_an_application_answer_is_dropped_and_logged_when_the_peer_has_gone(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(**DELIVERED))
    sender = await rig.sender()
    sender.send(adt("1", modes=enhanced("AL", "AL")))
    await sender.answered(1)
    sender.transport.abortConnection()
    await rig.until(lambda: rig.port.connections == 0)
    rig.settle(1, State.DELIVERED)
    assert "answer.dropped" in rig.log.events
    assert rig.budget.used == 0


@pytest.mark.parametrize("stated", ["AA", "AE"])
@pytest_twisted.ensureDeferred
async def test_a_delivery_that_takes_too_long_gets_the_stated_answer(
    open_port: OpenPort, stated: str
) -> None:
    ack = Ack("delivered", timeout=0.05, on_timeout=stated)
    rig = open_port(channel_of(ack=ack))
    sender = await rig.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == [stated]
    rig.settle(1, State.DELIVERED)  # later: nobody waits any more


@pytest_twisted.ensureDeferred
async def test_a_resend_of_a_message_in_flight_waits_for_the_first_ones_answer(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(**DELIVERED))
    first, second = await rig.sender(), await rig.sender()
    first.send(adt("1"))
    await rig.until(lambda: rig.stages.waiting == 1)
    second.send(adt("1"))
    await rig.until(lambda: len(rig.rows("id")) == 2)
    assert second.answers == []
    rig.settle(1, State.DELIVERED)
    await first.answered(1)
    await second.answered(1)
    assert first.codes == second.codes == ["AA"]
    await rig.until(lambda: rig.rows("outcome", "answer")[0] == ("accepted", "AA"))


@pytest_twisted.ensureDeferred
async def test_a_resend_whose_original_is_delivered_meanwhile_is_answered_from_the_store(
    open_port: OpenPort,
) -> None:
    rig = open_port(channel_of(**DELIVERED))
    first, second = await rig.sender(), await rig.sender()
    first.send(adt("1"))
    await rig.until(lambda: rig.stages.waiting == 1)
    with rig.store_on_hold():
        second.send(adt("1"))
        await rig.until(lambda: rig.store.on_hold != [])
        rig.settle(1, State.DELIVERED)
        await first.answered(1)
    await second.answered(1)
    assert second.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_a_blank_among_the_delimiters_is_rejected_with_its_place(open_port: OpenPort) -> None:
    rig = open_port()
    sender = await rig.sender()
    sender.send(adt("1").replace(b"|^~\\&|", b"| ~\\&|", 1))
    (answer,) = await sender.answered(1)
    assert (answer.value("MSA-1"), answer.value("MSA-2")) == ("AR", "1")
    assert answer.text_of("ERR-2") == "MSH^1^2"
    assert rig.rows("outcome") == [("quarantined",)]
