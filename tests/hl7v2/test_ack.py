from datetime import UTC, datetime, timedelta, timezone

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ErrorCode, Location, MessageError
from engine.hl7v2.ack import (
    AckCode,
    Answers,
    Header,
    When,
    answers_for,
    build_ack,
    is_acknowledgement,
)
from engine.hl7v2.message import Message

NOW = datetime(2026, 3, 1, 12, 30, 45, tzinfo=timezone(-timedelta(hours=5)))
AT_FIELD = MessageError(
    "the birth date is no date", at=Location("PID", 1, 7), code=ErrorCode.DATA_TYPE_ERROR
)
AT_PART = MessageError(
    "no such code",
    at=Location("OBX", 2, 3, 1, 4, 2),
    code=ErrorCode.TABLE_VALUE_NOT_FOUND,
    severity="W",
)
NOWHERE = MessageError("something else")


def request(
    version: str = "2.5.1",
    *,
    accept: str = "",
    application: str = "",
    charset: str = "",
    type_: str = "ORU^R01^ORU_R01",
    control_id: str = "MSG-1",
    processing: str = "P",
) -> Message:
    header = (
        f"MSH|^~\\&|LAB^1.2.3^ISO|NORTH|EHR|CLINIC&2|20260301||{type_}|{control_id}|{processing}"
        f"|{version}|||{accept}|{application}||{charset}"
    )
    return Message.parse(f"{header}\rPID|1\r")


def ack(
    message: Message | Header,
    code: AckCode = AckCode.AA,
    errors: tuple[MessageError, ...] = (),
) -> list[str]:
    """The segments of an answer."""
    raw = build_ack(message, code, now=NOW, control_id="OURS1", errors=errors)
    assert raw.endswith(b"\r")
    return raw.decode().split("\r")[:-1]


# --- which answers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "application", "answers"),
    [
        ("", "", Answers("original", When.NE, When.AL)),
        ('""', '""', Answers("original", When.NE, When.AL)),
        ("AL", "NE", Answers("enhanced", When.AL, When.NE)),
        ("NE", "AL", Answers("enhanced", When.NE, When.AL)),
        ("NE", "NE", Answers("enhanced", When.NE, When.NE)),
        ("ER", "SU", Answers("enhanced", When.ER, When.SU)),
        ("AL", "", Answers("enhanced", When.AL, When.NE)),
        ("", "AL", Answers("enhanced", When.NE, When.AL)),
        ("", "NE", Answers("enhanced", When.NE, When.NE)),
        (" al ", "ne", Answers("enhanced", When.AL, When.NE)),
        ("ALWAYS", "Y", Answers("enhanced", When.AL, When.AL)),
    ],
)
def test_msh_15_and_16_say_which_answers_are_wanted(
    accept: str, application: str, answers: Answers
) -> None:
    message = request(accept=accept, application=application)
    assert answers_for(message) == answers
    header = Header.read(message.text.encode())
    assert header is not None
    assert answers_for(header) == answers


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("ACK", True),
        ("ACK^R01^ACK", True),
        ("MCF", True),
        ("ack", True),
        ("ORU^R01", False),
        ("ORR^O02", False),
        ("RSP^K22", False),
        ("", False),
    ],
)
def test_acknowledgements_are_told_by_their_type(type_: str, expected: bool) -> None:
    message = Message.parse(f"MSH|^~\\&|||||||{type_}|1\rMSA|AA|7")
    assert is_acknowledgement(message) is expected


def test_codes_know_what_they_promise() -> None:
    assert [code for code in AckCode if code.positive] == [AckCode.AA, AckCode.CA]
    assert [code for code in AckCode if code.accept] == [AckCode.CA, AckCode.CE, AckCode.CR]


# --- what they say ---------------------------------------------------------------------------


def test_an_answer_goes_back_to_its_sender_in_the_terms_of_the_request() -> None:
    assert ack(request(charset="UNICODE UTF-8")) == [
        "MSH|^~\\&|EHR|CLINIC&2|LAB^1.2.3^ISO|NORTH|20260301123045-0500||ACK^R01^ACK|OURS1|P|2.5.1"
        "||||||UNICODE UTF-8",
        "MSA|AA|MSG-1",
    ]


def test_an_answer_of_the_enhanced_mode_wants_no_answer() -> None:
    for code in (AckCode.CA, AckCode.AA):
        header, msa = ack(request(accept="AL", application="AL"), code)
        assert header.split("|")[14:16] == ["NE", "NE"]
        assert msa == f"MSA|{code}|MSG-1"


@pytest.mark.parametrize(
    ("version", "type_"),
    [
        ("2.1", "ACK^R01"),
        ("2.2", "ACK^R01"),
        ("2.3", "ACK^R01"),
        ("2.3.1", "ACK^R01^ACK"),
        ("2.4", "ACK^R01^ACK"),
        ("2.5", "ACK^R01^ACK"),
        ("2.10", "ACK^R01^ACK"),
        ("2.5.1^USA&x", "ACK^R01^ACK"),
        ("2.x", "ACK^R01^ACK"),
        ("abc", "ACK^R01^ACK"),
    ],
)
def test_the_type_has_the_trigger_and_since_2_3_1_the_structure(version: str, type_: str) -> None:
    fields = ack(request(version))[0].split("|")
    assert fields[8] == type_
    assert fields[11] == version


def test_without_a_trigger_the_type_is_plain() -> None:
    for type_ in ("ORU", "", "ORU^"):
        assert ack(request(type_=type_))[0].split("|")[8] == "ACK"


def test_what_the_request_leaves_out_takes_a_value_that_a_receiver_can_read() -> None:
    header, msa = ack(Message.parse("MSH|^~\\&|LAB"))
    assert header == "MSH|^~\\&|||LAB||20260301123045-0500||ACK|OURS1|P|2.5.1"
    assert msa == "MSA|AA"


def test_time_zones_of_any_sign_are_written() -> None:
    raw = build_ack(request(), AckCode.AA, now=NOW.astimezone(UTC), control_id="1")
    assert b"|20260301173045+0000|" in raw


def test_since_2_5_an_error_says_where_what_how_bad_and_in_words() -> None:
    for version in ("2.5", "2.5.1", "2.6", "2.x"):
        assert ack(request(version), AckCode.AE, (AT_FIELD, AT_PART, NOWHERE))[2:] == [
            "ERR||PID^1^7|102^Data type error^HL70357|E||||the birth date is no date",
            "ERR||OBX^2^3^1^4^2|103^Table value not found^HL70357|W||||no such code",
            "ERR|||207^Application error^HL70357|E||||something else",
        ]


def test_before_2_5_errors_are_repetitions_of_one_field() -> None:
    for version in ("2.3.1", "2.4"):
        assert ack(request(version), AckCode.AE, (AT_FIELD, AT_PART, NOWHERE))[1:] == [
            "MSA|AE|MSG-1|the birth date is no date",
            "ERR|PID^1^7^102&Data type error&HL70357~OBX^2^3^103&Table value not found&HL70357"
            "~^^^207&Application error&HL70357",
        ]
    for version in ("2.1", "2.2", "2.3"):
        assert ack(request(version), AckCode.AR, (AT_FIELD,))[2] == "ERR|PID^1^7^102"


def test_the_text_of_msa_ended_with_2_7() -> None:
    assert ack(request("2.6"), AckCode.AE, (NOWHERE,))[1] == "MSA|AE|MSG-1|something else"
    assert ack(request("2.7"), AckCode.AE, (NOWHERE,))[1] == "MSA|AE|MSG-1"


def test_texts_keep_to_the_lengths_of_their_fields() -> None:
    _, msa, err = ack(request(), AckCode.AE, (MessageError("x" * 999),))
    assert msa == f"MSA|AE|MSG-1|{'x' * 80}"
    assert err.endswith(f"|{'x' * 250}")


def test_our_own_words_are_escaped_with_the_delimiters_of_the_request() -> None:
    message = Message.parse("MSH!%*$@!A%b@c!B!C!D!!!ORU%R01!9!P!2.5.1")
    error = MessageError("a!b%c*d$e@f|g^h\r\ni", at=Location("PID"))
    segments = ack(message, AckCode.AE, (error,))
    words = "a$F$b$S$c$R$d$E$e$T$f|g^h$.br$i"
    assert segments == [
        "MSH!%*$@!C!D!A%b@c!B!20260301123045-0500!!ACK%R01%ACK!OURS1!P!2.5.1",
        f"MSA!AE!9!{words}",
        f"ERR!!PID%1!207%Application error%HL70357!E!!!!{words}",
    ]


def test_a_request_with_few_delimiters_is_answered_with_them() -> None:
    few = Message.parse("MSH|^|A|B|C|D|||ORU^R01|9|P|2.4")
    assert ack(few, AckCode.AE, (AT_FIELD, AT_PART)) == [
        "MSH|^|C|D|A|B|20260301123045-0500||ACK^R01^ACK|OURS1|P|2.4",
        "MSA|AE|9|the birth date is no date",
        "ERR|PID^1^7^102",
    ]
    irregular = Message.parse("MSH|^~&|A|B|C|D|||ORU^R01|9|P|2.4")
    assert ack(irregular)[0].startswith("MSH|^~&|C|D|A|B|")
    none = Message.parse("MSH^|~\\&^A^B^C^D^^^ORU^9^P^P^2.5".replace("|~\\&", ""))
    assert ack(none, AckCode.AE, (AT_FIELD,))[2] == "ERR^^PID^102^E^^^^the birth date is no date"


def test_doubled_encoding_characters_are_answered_singly() -> None:
    message = Message.parse("MSH|^~\\\\&|A|B|C|D|||ORU^R01|9|P|2.4")
    assert ack(message)[0].startswith("MSH|^~\\&|C|D|A|B|")


def test_no_control_character_of_the_request_reaches_the_frame_of_the_answer() -> None:
    message = Message.parse("MSH|^~\\&|A\x0b|B\x1c|C|D|||ORU^R01|9\x1c\rMSA")
    raw = build_ack(message, AckCode.AA, now=NOW, control_id="1")
    assert not set(raw) & set(b"\x0b\x1c")
    assert b"\rMSA|AA|9 \r" in raw


def test_an_answer_has_the_character_set_of_the_request() -> None:
    text = "MSH|^~\\&|LÄB|NORD|||20260301||ORU^R01|Ä1|P|2.4||||||8859/1\r"
    for written in ("latin-1", "utf-16-le"):
        raw = build_ack(Message.read(text.encode(written)), AckCode.AA, now=NOW, control_id="1")
        assert "|LÄB|NORD|" in raw.decode(written)
        assert "\rMSA|AA|Ä1\r" in raw.decode(written)
        assert "|8859/1\r" in raw.decode(written)


def test_a_character_set_that_nobody_can_read_is_not_repeated_in_the_answer() -> None:
    header = Header.read(b"MSH|^~\\&|LAB|X|||20260101||ORU^R01|7|P|2.5||||||KLINGON")
    assert header is not None
    answer = build_ack(header, AckCode.AR, now=NOW, control_id="1")
    read = Message.read(answer)
    assert (read.value("MSH-18"), read.value("MSA-1"), read.value("MSA-2")) == ("", "AR", "7")


def test_how_character_sets_alternate_is_echoed() -> None:
    text = "MSH|^~\\&|A|B|||20260301||ORU^R01|1|P|2.5||||||~ISO IR87||ISO 2022-1994\r"
    assert ack(Message.parse(text))[0].endswith("||||||~ISO IR87||ISO 2022-1994")


printable = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30)


@given(what=printable, segment=printable, control_id=printable)
def test_whatever_an_answer_says_it_can_be_read(what: str, segment: str, control_id: str) -> None:
    at = Location(segment or "PID", 1, 2)
    raw = build_ack(
        request(), AckCode.AE, now=NOW, control_id=control_id, errors=[MessageError(what, at)]
    )
    read = Message.read(raw)
    assert [s.name for s in read.segments] == ["MSH", "MSA", "ERR"]
    assert read.control_id == control_id
    assert read.value("ERR-8") == what
    assert read.value("ERR-2") == (segment or "PID")
    assert read.value("ERR-2.3") == "2"


def test_another_reader_understands_our_answers() -> None:
    parsed = hl7.parse("\r".join(ack(request(), AckCode.AE, (AT_PART,))))
    assert parsed["MSA.F1"] == "AE"
    assert parsed["MSA.F2"] == "MSG-1"
    assert parsed["ERR.F2.R1.C3"] == "3"
    assert parsed["ERR.F3.R1.C1"] == "103"


# --- headers of what is no message -------------------------------------------------------------


def test_a_header_says_of_broken_bytes_what_an_answer_needs() -> None:
    raw = b"MSH|^~\\&|LAB|NORTH|EHR|CLINIC|2026||ORU^R01^ORU_R01|C9|T|2.4\rPID|1||\xff\xfe\r"
    header = Header.read(raw)
    assert header is not None
    assert (header.control_id, header.version, header.processing_id) == ("C9", "2.4", "T")
    assert (header.code, header.trigger, header.sender) == ("ORU", "R01", "LAB|NORTH")
    assert ack(header, AckCode.AR) == [
        "MSH|^~\\&|EHR|CLINIC|LAB|NORTH|20260301123045-0500||ACK^R01^ACK|OURS1|T|2.4",
        "MSA|AR|C9",
    ]


def test_an_undecodable_header_goes_back_as_the_bytes_it_came_as() -> None:
    for charset in (b"", b"ASCII", b"UNICODE UTF-8", b"KLINGON"):
        raw = b"MSH|^~\\&|L\xc4B|N|E|C|2026||ORU^R01|C\xff9|P|2.4||||||" + charset
        header = Header.read(raw)
        assert header is not None
        answer = build_ack(header, AckCode.AR, now=NOW, control_id="1")
        assert b"|L\xc4B|N|" in answer
        assert b"\rMSA|AR|C\xff9\r" in answer


@pytest.mark.parametrize(
    "before",
    [b"", b"\r\n", b"\xef\xbb\xbf", b"junk\r", b"\x0b", b"BHS|^~\\&\r", b"  ", b"a\nb\n "],
)
def test_a_header_is_found_behind_what_should_not_be_there(before: bytes) -> None:
    header = Header.read(before + b"MSH|^~\\&|A||||||ORU|77\rPID")
    assert header is not None
    assert header.control_id == "77"


def test_a_header_without_usable_delimiters_takes_the_usual_ones() -> None:
    header = Header.read(b"MSH|LAB|A|B|C|D|x||ORU^R01|8")
    assert header is not None
    assert (header.control_id, header.trigger) == ("8", "R01")


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-32-be"])
def test_a_header_of_wide_characters_is_read(written: str) -> None:
    header = Header.read("MSH|^~\\&|A||||||ORU|ß7\rPID".encode(written)[:-1])
    assert header is not None
    assert header.control_id == "ß7"
    answer = build_ack(header, AckCode.AR, now=NOW, control_id="1")
    assert "MSA|AR|ß7" in answer.decode(written)


@pytest.mark.parametrize(
    "raw", [b"", b"MSH", b"MSHA", b"hello MSH|^~\\&|", b"PID|1", b"GET / HTTP/1.1\r\n", b"\xff\xfe"]
)
def test_without_a_header_there_is_none(raw: bytes) -> None:
    assert Header.read(raw) is None


@given(st.binary(max_size=120))
def test_whatever_the_bytes_the_answer_can_be_framed(rest: bytes) -> None:
    header = Header.read(b"MSH|^~\\&|" + rest)
    assert header is not None
    answers_for(header)
    answer = build_ack(header, AckCode.AR, now=NOW, control_id="1", errors=[AT_FIELD])
    assert b"\x1c" not in answer
    assert b"\x0b" not in answer
    assert b"\rMSA" in answer
