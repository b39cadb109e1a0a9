"""What becomes of a message, and which lanes it waits in."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from engine.errors import ErrorCode, Location, MessageError
from engine.hl7v2.message import Message
from engine.intake import (
    IDENTIFIERS_AT_MOST,
    Accept,
    Acknowledgement,
    Authorities,
    Filter,
    Refuse,
    decide,
    lanes,
    order_of,
    patient_of,
    read,
)
from engine.mapping.language import MessageCondition, parse_condition

MSH = "MSH|^~\\&|LAB|NORTH|||2024||ORU^R01|7|P|2.5.1\r"


@dataclass(frozen=True)
class Feed:
    name: str = "north"
    when: MessageCondition | None = None
    accept: tuple[MessageCondition, ...] = ()
    drop: tuple[MessageCondition, ...] = ()
    strict: bool = False
    charset: str = "utf-8"
    assigner: dict[str, str] = field(default_factory=dict)


def conditions(*texts: str) -> tuple[MessageCondition, ...]:
    return tuple(parse_condition(text) for text in texts)


def message(body: str = "", header: str = MSH) -> Message:
    return Message.parse(header + body)


# --- reading and routing ---------------------------------------------------------------------


def test_the_first_channel_whose_condition_holds_takes_the_message() -> None:
    lab = Feed("lab", when=parse_condition("MSH-3 is LAB"))
    rest = Feed("rest")
    raw = MSH.encode()
    assert read(raw, (lab, rest))[1] is lab
    assert read(raw.replace(b"LAB", b"RIS"), (lab, rest))[1] is rest
    assert read(raw.replace(b"LAB", b"RIS"), (lab,))[1] is None


def test_each_channel_reads_with_its_own_charset() -> None:
    raw = (MSH + "PID|1||4711||Testpatient^Jörg\r").encode("latin-1")
    western = Feed("western", charset="iso8859-1")
    found, channel = read(raw, (Feed("modern"), western))
    assert channel is western
    assert found.value("PID-5.2") == "Jörg"


def test_what_no_channel_can_read_is_said_with_the_first_ones_reason() -> None:
    raw = (MSH + "PID|1||4711||Testpatient^Jörg\r").encode("latin-1")
    with pytest.raises(MessageError):
        read(raw, (Feed(),))


def test_a_port_without_channels_reads_nothing() -> None:
    with pytest.raises(MessageError, match="no channel"):
        read(MSH.encode(), ())


# --- decisions -------------------------------------------------------------------------------


def test_a_plain_message_is_accepted_without_flags() -> None:
    channel = Feed()
    assert decide(message(), channel) == Accept(channel)


def test_an_acknowledgement_is_none_of_the_channels_business() -> None:
    channel = Feed(accept=conditions("MSH-9.1 is ORU"), strict=True)
    answer = message("MSA|AA|7\r", MSH.replace("ORU^R01", "ACK"))
    assert decide(answer, channel) == Acknowledgement(channel)
    assert decide(answer, None) == Acknowledgement(None)


def test_a_message_for_no_channel_is_rejected() -> None:
    decision = decide(message(), None)
    assert isinstance(decision, Refuse)
    assert decision.rejected
    assert decision.error.code is ErrorCode.UNSUPPORTED_MESSAGE_TYPE


@pytest.mark.parametrize(
    ("accept", "code", "at"),
    [
        (("MSH-9.1 in (ADT, OML)",), ErrorCode.UNSUPPORTED_MESSAGE_TYPE, Location("MSH", 1, 9)),
        (("MSH-9.2 is R03",), ErrorCode.UNSUPPORTED_EVENT_CODE, Location("MSH", 1, 9)),
        (("MSH-11 is T",), ErrorCode.UNSUPPORTED_PROCESSING_ID, Location("MSH", 1, 11)),
        (("MSH-12 is 2.3",), ErrorCode.UNSUPPORTED_VERSION_ID, Location("MSH", 1, 12)),
        (("MSH-9.1 is ADT", "MSH-11 is T"), ErrorCode.UNSUPPORTED_MESSAGE_TYPE, None),
        (("PV1-2 is valued",), ErrorCode.UNSUPPORTED_MESSAGE_TYPE, None),
    ],
)
def test_a_refusal_names_the_field_that_every_accept_condition_reads(
    accept: tuple[str, ...], code: ErrorCode, at: Location | None
) -> None:
    decision = decide(message(), Feed(accept=conditions(*accept)))
    assert isinstance(decision, Refuse)
    assert decision.rejected
    assert decision.error.code is code
    assert at is None or decision.error.at == at


def test_one_accept_condition_that_holds_is_enough() -> None:
    channel = Feed(accept=conditions("MSH-9.1 is ADT", "MSH-9.1 is ORU"))
    assert decide(message(), channel) == Accept(channel)


def test_a_drop_condition_that_holds_filters() -> None:
    channel = Feed(drop=conditions("PID-3 is 1", "any OBR-24 is RAD"))
    found = decide(message("OBR|1\rOBR|2" + "|" * 23 + "RAD\r"), channel)
    assert found == Filter(channel, "any OBR-24 is RAD")


@pytest.mark.parametrize(
    ("header", "faults"),
    [
        (MSH.replace("2.5.1", ""), [12]),
        (MSH.replace("2.5.1", "2.55"), [12]),
        (MSH.replace("|P|", "||"), [11]),
        (MSH.replace("|P|", "|Q|"), [11]),
        (MSH.replace("|7|", "||"), [10]),
        ("MSH|^~\\&|||||||ORU^R01\r", [12, 11, 10]),
    ],
)
def test_odd_headers_are_flagged_when_lenient_and_refused_when_strict(
    header: str, faults: list[int]
) -> None:
    lenient = decide(message("", header), Feed())
    assert isinstance(lenient, Accept)
    assert [flag.at and flag.at.field for flag in lenient.flags] == faults
    strict = decide(message("", header), Feed(strict=True))
    assert isinstance(strict, Refuse)
    assert strict.rejected is (faults[0] != 10)


def test_a_message_without_a_type_is_refused_also_when_lenient() -> None:
    decision = decide(message("", MSH.replace("ORU^R01", "")), Feed())
    assert isinstance(decision, Refuse)
    assert decision.rejected


# --- lanes -----------------------------------------------------------------------------------

SCOPE = ("clinic",)


NOTHING = Authorities()


def lanes_of(body: str, channel: Feed | None = None, known: Authorities = NOTHING) -> set[str]:
    return set(lanes(message(body), channel or Feed(), SCOPE, known))


@pytest.mark.parametrize(
    ("identifier", "lane"),
    [
        ("4711^^^N&2.999.3&ISO^MR", "clinic|urn:oid:2.999.3|4711"),
        ("4711^^^&2.999.3&ISO", "clinic|urn:oid:2.999.3|4711"),
        ("4711^^^N^MR", "clinic|north:N|4711"),
        (
            "4711^^^N&0F0A1B2C-3D4E-5F60-8A1B-2C3D4E5F6071&UUID",
            "clinic|urn:uuid:0f0a1b2c-3d4e-5f60-8a1b-2c3d4e5f6071|4711",
        ),
        ("4711^^^N&https://id.example/n&URI", "clinic|https://id.example/n|4711"),
        (" 4711 ^^^N", "clinic|north:N|4711"),
        ("4711", "clinic|north:|4711"),
    ],
)
def test_a_lane_is_a_server_and_an_identifier_with_its_system(identifier: str, lane: str) -> None:
    assert lanes_of(f"PID|1||{identifier}\r") == {lane}


def test_two_channels_that_know_a_patient_share_a_lane() -> None:
    laboratory = Feed("lab", assigner={"PID-3": "urn:oid:2.999.3"})
    ward = Feed("ward")
    assert lanes_of("PID|1||4711\r", laboratory) == lanes_of(
        "PID|1||4711^^^WARD&2.999.3&ISO^MR\r", ward
    )


def test_the_feeds_table_of_authorities_counts_as_it_does_for_the_mapping() -> None:
    known = Authorities({"NORTH": "https://north.example/id"})
    feed = lanes_of("PID|1||4711^^^NORTH^MR\r", Feed("a"), known)
    assert feed == {"clinic|https://north.example/id|4711"}
    assert feed == lanes_of("PID|1||4711^^^&https://north.example/id&URI\r", Feed("b"))


def test_an_authority_without_a_known_system_is_not_taken_for_the_channels() -> None:
    channel = Feed(assigner={"PID-3": "urn:oid:2.999.3"})
    assert lanes_of("PID|1||4711~900^^^INSURER^SS\r", channel) == {
        "clinic|urn:oid:2.999.3|4711",
        "clinic|north:INSURER|900",
    }


def test_what_is_known_of_authorities_does_not_grow_without_end() -> None:
    known = Authorities({"NORTH": "https://north.example/id"})
    for number in range(10_000):
        lanes_of(f"PID|1||1^^^A{number}\r", None, known)
    assert lanes_of("PID|1||1^^^NORTH\r", None, known) == {"clinic|https://north.example/id|1"}
    assert len(known._found) < 5000


def test_identifiers_without_a_system_never_join_two_channels() -> None:
    assert not lanes_of("PID|1||123\r", Feed("a")) & lanes_of("PID|1||123\r", Feed("b"))


def test_every_identifier_that_a_match_key_could_pick_is_a_lane() -> None:
    both = "PID|1|77^^^OLD|4711^^^N^MR~999^^^SSA^SS|12^^^ALT\r"
    assert lanes_of(both) == {
        "clinic|north:OLD|77",
        "clinic|north:N|4711",
        "clinic|north:SSA|999",
        "clinic|north:ALT|12",
    }
    assert lanes_of("PID|1||999^^^SSA^SS\r") & lanes_of(both)


def test_a_merge_waits_in_the_lanes_of_both_patients() -> None:
    channel = Feed(assigner={"PID-3": "urn:oid:2.999.3"})
    assert lanes_of("PID|1||1\rMRG|2\r", channel) == {
        "clinic|urn:oid:2.999.3|1",
        "clinic|urn:oid:2.999.3|2",
    }


def test_a_message_about_several_patients_waits_in_all_their_lanes() -> None:
    assert len(lanes_of("PID|1||1^^^N\rOBR|1\rPID|2||2^^^N\r")) == 2


@pytest.mark.parametrize("body", ["", "PID|1\r", 'PID|1||""\r', "PID|1||^^^N\r"])
def test_a_message_without_a_patient_has_the_lane_of_its_sender(body: str) -> None:
    assert lanes_of(body) == {"clinic|north|LAB|NORTH"}


def test_each_server_has_lanes_of_its_own() -> None:
    found = lanes(message("PID|1||1^^^N\r"), Feed(), ("clinic", "archive"), NOTHING)
    assert found == ("clinic|north:N|1", "archive|north:N|1")


# --- what a message is found by --------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "patient", "order"),
    [
        ("PID|1|9|4711~4712\rOBR|1|P1|F1\r", "4711", "F1"),
        ("PID|1|9\rORC|RE|P2\rOBR|1|P1\r", "9", "P1"),
        ("ORC|RE|P2|F2\r", "", "F2"),
        ("ORC|RE|P2\r", "", "P2"),
        ("", "", ""),
    ],
)
def test_a_message_is_found_by_its_patient_and_its_order(
    body: str, patient: str, order: str
) -> None:
    found = message(body)
    assert (patient_of(found), order_of(found)) == (patient, order)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (f"PID|1||{'~'.join(map(str, range(IDENTIFIERS_AT_MOST)))}\r", Location("PID", 1, 3)),
        (f"PID|1||{'~' * 1_000_000}1\r", Location("PID", 1, 3)),
        ("PID|1||1\r" * IDENTIFIERS_AT_MOST, Location("PID", IDENTIFIERS_AT_MOST // 3 + 1, 2)),
        (f"PID|1||1\rMRG|{'1~' * IDENTIFIERS_AT_MOST}\r", Location("MRG", 1, 1)),
    ],
)
def test_a_message_that_names_more_patients_than_lanes_can_be_kept_is_refused(
    body: str, at: Location
) -> None:
    decision = decide(message(body), Feed())
    assert isinstance(decision, Refuse)
    assert decision.error.at is not None
    assert (decision.error.at.segment, decision.error.at.sequence) == (at.segment, at.sequence)
    assert decision.error.code is ErrorCode.VALUE_TOO_LONG


def test_a_message_about_thousands_of_patients_is_taken() -> None:
    assert isinstance(decide(message("PID|1||1\r" * 3000), Feed()), Accept)
