import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ErrorCode, Location, MessageError
from engine.hl7v2.delimiters import STANDARD, Delimiters
from engine.hl7v2.kind import AT_MOST, Kind
from engine.hl7v2.message import Message
from engine.hl7v2.path import Path

HEADER = r"MSH|^~\&|LAB^1.2.3^ISO|NORTH|EHR|CLINIC|20260301||ORU^R01^ORU_R01|C1|P|2.5.1"
ORU = "\r".join(
    [
        HEADER,
        "PID|1||111^^^NORTH&1.2.3&ISO^MR~222^^^SSA^SS||Testpatient^Anna^B~Probe^A||19800102",
        "OBR|1|P1|F1|24331-1^Lipid panel^LN",
        r"OBX|1|NM|2093-3^Cholesterol^LN||5.10|mmol/L|||||F",
        r"NTE|1||fasting\.br\12 h",
        "OBX|2|ST|8251-1^Note^LN||a\\T\\b|||||F",
        "ZLB|x",
    ]
)


@pytest.fixture
def message() -> Message:
    return Message.parse(ORU)


def test_the_header_says_what_the_message_is(message: Message) -> None:
    assert message.control_id == "C1"
    assert (message.code, message.trigger, message.structure) == ("ORU", "R01", "ORU_R01")
    assert message.version == "2.5.1"
    assert message.processing_id == "P"
    assert message.sender == "LAB^1.2.3^ISO|NORTH"
    assert message.delimiters == STANDARD


def test_segments_know_their_place_and_their_number_among_their_name(message: Message) -> None:
    assert [(s.index, s.name, s.sequence) for s in message.segments] == [
        (0, "MSH", 1),
        (1, "PID", 1),
        (2, "OBR", 1),
        (3, "OBX", 1),
        (4, "NTE", 1),
        (5, "OBX", 2),
        (6, "ZLB", 1),
    ]
    assert [s.index for s in message.all("OBX")] == [3, 5]
    assert message.all("PV1") == []
    assert message.segment("OBX") is message.segments[3]
    assert message.segment("PV1") is None


def test_field_n_is_field_n_also_in_headers(message: Message) -> None:
    assert message.segments[0].fields[:4] == ["MSH", "|", "^~\\&", "LAB^1.2.3^ISO"]
    assert message.segments[0].fields[10] == "C1"
    assert message.segments[3].fields[5] == "5.10"
    assert message.segments[3].fields is message.segments[3].fields


def test_the_fields_of_delimiters_have_no_parts(message: Message) -> None:
    header = message.segments[0]
    assert (header.value(1), header.value(2)) == ("|", "^~\\&")
    assert header.value(2, component=2) == ""
    assert header.repetitions(2) == ["^~\\&"]
    assert message.text_of("MSH-2") == "^~\\&"
    assert message.values("MSH-2") == ["^~\\&"]


def test_a_value_is_addressed_by_repetition_component_and_subcomponent(message: Message) -> None:
    patient = message.segments[1]
    assert patient.field(3) == "111^^^NORTH&1.2.3&ISO^MR~222^^^SSA^SS"
    assert patient.repetitions(3) == ["111^^^NORTH&1.2.3&ISO^MR", "222^^^SSA^SS"]
    assert patient.value(3) == "111"
    assert patient.value(3, 1, 4) == "NORTH"
    assert patient.value(3, 1, 4, 2) == "1.2.3"
    assert patient.value(3, 2, 4) == "SSA"
    assert patient.value(3, 2, 4, 2) == ""
    assert patient.value(3, 3) == patient.value(3, 1, 9) == patient.value(99) == ""
    assert patient.value(7, 1, 2) == ""
    assert patient.repetitions(2) == patient.repetitions(99) == []
    assert patient.field(99) == ""


def test_a_path_finds_its_values(message: Message) -> None:
    assert message.value("PID-3[2].5") == "SS"
    assert message.value(Path.parse("PID-5.2")) == "Anna"
    assert message.value("OBX(2)-3") == "8251-1"
    assert message.value("OBX(3)-3") == message.value("PV1-2") == message.value("PID-99") == ""
    assert message.values("PID-3") == ["111", "222"]
    assert message.values("PID-3[2]") == ["222"]
    assert message.values("PID-3.4.2") == ["1.2.3"]
    assert message.values("OBX-3") == ["2093-3", "8251-1"]
    assert message.values("OBX(2)-3") == ["8251-1"]
    assert message.values("OBX(3)-3") == message.values("PV1-3") == []


def test_a_path_finds_its_raw_text(message: Message) -> None:
    assert message.text_of("PID") == message.segments[1].text
    assert message.text_of("PID-3") == "111^^^NORTH&1.2.3&ISO^MR~222^^^SSA^SS"
    assert message.text_of("PID-3[2]") == "222^^^SSA^SS"
    assert message.text_of("PID-3.4") == "NORTH&1.2.3&ISO"
    assert message.text_of("PID-3[1].4.3") == "ISO"
    assert message.text_of("OBX(2)-5") == r"a\T\b"
    assert message.text_of("PV1-3") == ""


def test_escapes_are_decoded_when_a_value_is_read(message: Message) -> None:
    assert message.value("NTE-3") == "fasting\n12 h"
    assert message.value("OBX(2)-5") == "a&b"
    assert message.unescape(r"a\F\b") == "a|b"
    assert message.unescape("ab") == "ab"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\n\r", "\r\r\n", "\r\n \r\n"])
def test_any_line_end_ends_a_segment(end: str) -> None:
    text = ORU.replace("\r", end)
    expected = [segment.text for segment in Message.parse(ORU).segments]
    for ending in ("", end, "\n\n\r"):
        assert [s.text for s in Message.parse(text + ending).segments] == expected


def test_line_ends_may_be_mixed_and_lead() -> None:
    message = Message.parse("\r\n\n" + HEADER + "\nPID|1\r\n\rPV1|1\r")
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "PV1"]


def test_a_bom_is_skipped() -> None:
    assert Message.parse("\ufeff" + HEADER).control_id == "C1"
    assert Message.read(b"\xef\xbb\xbf" + HEADER.encode()).control_id == "C1"


def test_only_cr_and_lf_end_a_segment() -> None:
    value = "a\x0bb\x0cc\x1cd\x1de\x85f\u2028g"
    message = Message.parse(f"{HEADER}\rNTE|1||{value}\r")
    assert message.value("NTE-3") == value


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("pid|1", "pid"),
        ("PIDX|1", "PIDX"),
        ("PI|1", "PI"),
        ("1ID|1", "1ID"),
        ("a text that goes on", "a text that goes on"),
        ("  PID|1", "  PID"),
        ("|1", ""),
        ("ÄID|1", "ÄID"),
    ],
)
def test_a_line_that_is_no_segment_is_kept(line: str, name: str) -> None:
    odd = Message.parse(f"{HEADER}\r{line}\rPV1|1").segments[1]
    assert (odd.name, odd.text, odd.odd) == (name, line, True)


@pytest.mark.parametrize("line", ["PID", "PID|", "ZL1|x", "PV1|1"])
def test_a_segment_name_is_a_letter_and_two_letters_or_digits(line: str) -> None:
    segment = Message.parse(f"{HEADER}\r{line}").segments[1]
    assert (segment.name, segment.odd) == (line[:3], False)


@pytest.mark.parametrize(
    ("declared", "delimiters"),
    [
        (r"|^~\&", Delimiters("|", "^", "~", "\\", "&")),
        (r"|^~\&#", Delimiters("|", "^", "~", "\\", "&", "#")),
        (r"|^~\&#!", Delimiters("|", "^", "~", "\\", "&", "#")),
        (r"|^~\\&", Delimiters("|", "^", "~", "\\", "&")),
        (r"|^~\& ", Delimiters("|", "^", "~", "\\", "&")),
        ("|^~\\", Delimiters("|", "^", "~", "\\", "")),
        ("|^~", Delimiters("|", "^", "~", "", "")),
        ("|^", Delimiters("|", "^", "", "", "")),
        ("|^~&", Delimiters("|", "^", "~", "", "&")),
        ("!%*$@", Delimiters("!", "%", "*", "$", "@")),
        ("^~|\\&", Delimiters("^", "~", "|", "\\", "&")),
        ("|", Delimiters("|", "^", "~", "\\", "&")),
        ("^", Delimiters("^", "", "~", "\\", "&")),
        ("§^~\\&", Delimiters("§", "^", "~", "\\", "&")),
    ],
)
def test_any_delimiters_can_be_declared(declared: str, delimiters: Delimiters) -> None:
    field = declared[0]
    message = Message.parse(f"MSH{declared}{field}LAB{field}NORTH\rPID{field}1{field}x")
    assert message.delimiters == delimiters
    assert message.value("MSH-3") == "LAB"
    assert message.value("MSH-2") == declared[1:]
    assert message.value("PID-2") == "x"


@given(st.lists(st.sampled_from("|^~\\&#!$%*+-/:;<=>?@_"), min_size=4, max_size=6, unique=True))
def test_values_are_read_with_whatever_delimiters(characters: list[str]) -> None:
    field, component, repetition, mark, *rest = characters
    sub = rest[0] if rest and rest[0] else ""
    if len(characters) == 4 and mark == "&":
        return  # ^~& reads as no escape character
    second = f"b{sub}c" if sub else "b"
    value = f"a{component}{second}{repetition}d{mark}F{mark}"
    text = f"MSH{''.join(characters)}{field}S\rPID{field}{value}"
    message = Message.parse(text)
    assert message.value("PID-1[1].1") == "a"
    assert message.value("PID-1[1].2.1") == "b"
    assert message.value("PID-1[1].2.2") == ("c" if sub else "")
    assert message.value("PID-1[2]") == f"d{field}"


@pytest.mark.parametrize(
    ("text", "at", "code"),
    [
        ("", Location("MSH"), ErrorCode.SEGMENT_SEQUENCE_ERROR),
        ("\r\n", Location("MSH"), ErrorCode.SEGMENT_SEQUENCE_ERROR),
        ("PID|1", Location("MSH"), ErrorCode.SEGMENT_SEQUENCE_ERROR),
        (f"junk\r{HEADER}", Location("MSH"), ErrorCode.SEGMENT_SEQUENCE_ERROR),
        (f" {HEADER}", Location("MSH"), ErrorCode.SEGMENT_SEQUENCE_ERROR),
        ("MSH", Location("MSH", 1, 1), ErrorCode.REQUIRED_FIELD_MISSING),
        ("MSH ^~", Location("MSH", 1, 1), ErrorCode.REQUIRED_FIELD_MISSING),
        ("MSHA^~", Location("MSH", 1, 1), ErrorCode.REQUIRED_FIELD_MISSING),
        ("MSH|LAB|NORTH", Location("MSH", 1, 2), ErrorCode.REQUIRED_FIELD_MISSING),
    ],
)
def test_without_a_usable_header_it_is_no_message(text: str, at: Location, code: ErrorCode) -> None:
    with pytest.raises(MessageError) as refusal:
        Message.parse(text)
    assert (refusal.value.at, refusal.value.code) == (at, code)


def test_values_without_repetition_or_subcomponent_separators_are_whole() -> None:
    message = Message.parse("MSH|^|A\rPID|a~b&c^d")
    assert message.values("PID-1") == ["a~b&c"]
    assert message.value("PID-1.2") == "d"


def test_no_content_is_shown_where_logs_could_hold_it(message: Message) -> None:
    shown = repr(message) + repr(message.segments)
    assert "Testpatient" not in shown
    assert "PID" not in shown


@given(st.text(alphabet="MSHPIDOBX|^~\\&#\r\n 1é\x00"))
def test_any_text_is_read_whole_or_refused(rest: str) -> None:
    message = Message.parse(f"{HEADER}\r{rest}")
    lines = [line for line in rest.replace("\n", "\r").split("\r") if line.strip()]
    assert [segment.text for segment in message.segments[1:]] == lines
    for segment in message.segments:
        assert segment.fields[0] == segment.name
        for number in range(len(segment.fields)):
            segment.value(number)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for candidate in (raw, b"MSH" + raw, HEADER.encode() + b"\r" + raw):
        try:
            message = Message.read(candidate)
        except MessageError:
            continue
        assert message.segments[0].name == "MSH"


# --- segments are made when they are asked for ---------------------------------------------------

_NAMES = st.sampled_from(["PID", "OBX", "OBXX", "OB", "ZZ1", "MSH", "", "obx", "O|X", "OBX "])
_LINES = st.lists(st.tuples(_NAMES, st.sampled_from(["", "|1", "|a^b|c", "^"])), max_size=8)


@given(lines=_LINES, asked=st.lists(_NAMES, max_size=5))
def test_a_segment_is_the_same_whether_one_asks_for_it_or_for_all(
    lines: list[tuple[str, str]], asked: list[str]
) -> None:
    text = "\r".join([HEADER, *(name + rest for name, rest in lines)])
    some, whole = Message.parse(text), Message.parse(text)
    everything = whole.segments
    found = {name: some.all(name) for name in asked}
    for name in asked:
        expected = [segment for segment in everything if segment.name == name]
        seen = [(segment.index, segment.sequence, segment.text) for segment in found[name]]
        assert seen == [(segment.index, segment.sequence, segment.text) for segment in expected]
        assert some.segment(name) is (found[name][0] if found[name] else None)
    assert all(segment is some.segments[segment.index] for own in found.values() for segment in own)
    assert [segment.text for segment in some.segments] == [segment.text for segment in everything]
    assert all(some.all(name) == found[name] for name in asked)


def test_the_header_is_the_first_segment_however_one_comes_to_it(message: Message) -> None:
    header = message.msh
    assert message.segment("MSH") is header
    assert message.segments[0] is header


def test_a_message_has_nothing_else_than_it_has(message: Message) -> None:
    with pytest.raises(AttributeError, match="segmants"):
        _ = message.segmants  # type: ignore[attr-defined]


# --- kinds ---------------------------------------------------------------------------------------


def kind(*fields: str) -> Kind:
    return Message.parse("|".join(["MSH", "^~\\&", *fields])).kind


SAME = ("LAB", "NORTH", "EHR", "CLINIC", "2026", "", "ORU^R01", "C1", "P", "2.5.1", "", "", "AL")


@pytest.mark.parametrize("number", range(3, 16))
def test_messages_of_a_sender_share_what_their_headers_have_in_common(number: int) -> None:
    changed = list(SAME)
    changed[number - 3] += "7"
    left_out = (7, 8, 10, 13, 14)
    assert (kind(*changed) is kind(*SAME)) is (number in left_out)
    assert kind(*SAME).code == "ORU"


def test_headers_of_other_delimiters_or_another_charset_are_of_another_kind() -> None:
    fields = "|".join(SAME)
    first = Message.parse(f"MSH|^~\\&|{fields}").kind
    assert Message.parse(f"MSH|^~\\&|{fields}", "iso8859-1").kind is not first
    assert Message.parse(f"MSH|^~\\$|{fields}").kind is not first


@pytest.mark.parametrize("count", range(1, 13))
def test_a_short_header_is_not_taken_for_another(count: int) -> None:
    short, empty = kind(*SAME[:count]), kind(*SAME[:count], "")
    assert short.sender == ("LAB|NORTH" if count > 1 else "LAB|")
    assert (short.code, short.version) == (empty.code, empty.version)
    assert short.code == ("ORU" if count > 6 else "")
    assert short.version == ("2.5.1" if count > 9 else "")


def test_a_very_long_header_is_not_remembered() -> None:
    long = ("L" * 1000, *SAME[1:])
    assert kind(*long) is not kind(*long)
    assert not kind(*long).kept
    assert kind(*SAME).kept


def test_however_many_senders_there_are_only_so_many_kinds_are_remembered() -> None:
    first = kind("FIRST", *SAME[1:])
    for number in range(AT_MOST):
        kind(f"LAB{number}", *SAME[1:])
    assert kind("FIRST", *SAME[1:]) is not first


def test_a_message_of_more_segments_than_memory_can_hold_is_refused() -> None:
    header = "MSH|^~\\&|A|B|C|D|2024||ADT^A01|1|P|2.5.1\r"
    assert len(Message.parse(header + "NTE|\r" * 120_000).segments) == 120_001
    for end in ("\r", "\n", "\r\n"):
        with pytest.raises(MessageError, match="more than 500000 segments"):
            Message.parse(header + f"AB{end}" * 500_001)


@pytest.mark.parametrize("declared", [r" ~\&", r"^ \&", "^~\\\t&", "  &"])
def test_a_blank_is_no_delimiter(declared: str) -> None:
    with pytest.raises(MessageError, match="blank") as caught:
        Message.parse(f"MSH|{declared}|LAB\rPID|1|x")
    assert caught.value.at == Location("MSH", 1, 2)
