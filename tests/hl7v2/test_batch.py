import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ErrorCode, Location
from engine.hl7v2.batch import split

ONE, TWO = b"MSH|^~\\&|1\rPID|1\r", b"MSH|^~\\&|2\rPID|2\r"
FHS, BHS = b"FHS|^~\\&|LAB\r", b"BHS|^~\\&|LAB\r"


def test_one_message_comes_back_as_it_is() -> None:
    for raw in (ONE, b"\xef\xbb\xbf" + ONE, b"\r\n" + ONE, ONE + b"OBX|1||a\nMSH is missing\r"):
        batch = split(raw)
        assert batch.messages == [raw]
        assert not batch.enveloped
        assert batch.strays == []
        assert batch.problems == []


def test_segments_of_a_batch_inside_the_only_message_belong_to_it() -> None:
    raw = ONE + b"BTS|1\rOBX|1\r"
    assert split(raw).messages == [raw]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_batch_file_is_taken_apart(end: bytes) -> None:
    raw = FHS + BHS + ONE + TWO + b"BTS|2\r" + BHS + ONE + b"BTS|1|late\rFTS|2\r"
    batch = split(raw.replace(b"\r", end))
    assert batch.messages == [message.replace(b"\r", end) for message in (ONE, TWO, ONE)]
    assert batch.headers == [FHS[:-1], BHS[:-1], BHS[:-1]]
    assert batch.trailers == [b"BTS|2", b"BTS|1|late", b"FTS|2"]
    assert batch.enveloped
    assert batch.problems == []
    assert batch.strays == []


def test_several_messages_in_one_text_are_taken_apart() -> None:
    batch = split(ONE + b"\n" + TWO + ONE)
    assert batch.messages == [ONE + b"\n", TWO, ONE]
    assert not batch.enveloped
    assert batch.problems == []


def test_text_is_taken_apart_like_bytes() -> None:
    assert split((ONE + TWO).decode()).messages == [ONE, TWO]


@pytest.mark.parametrize(
    "trailer", [b"BTS\r", b"BTS|\r", b'BTS|""\r', b"BTS||note\r", b"BTS|02\r", b""]
)
def test_a_trailer_without_a_count_or_with_the_right_one_is_no_problem(trailer: bytes) -> None:
    assert split(BHS + ONE + TWO + trailer).problems == []


def test_the_separator_is_that_of_the_header() -> None:
    batch = split(b"BHS!^~\\&\rMSH!^~\\&!1\rBTS!2\r")
    assert [problem.at for problem in batch.problems] == [Location("BTS", 1, 1)]
    assert split(b"BHS!^~\\&\rMSH!^~\\&!1\rBTS!1\r").problems == []


def test_wrong_counts_are_problems_with_their_place() -> None:
    batch = split(FHS + BHS + ONE + b"BTS|1\r" + BHS + ONE + b"BTS|7\rFTS|1\r")
    assert [(problem.at, problem.code) for problem in batch.problems] == [
        (Location("BTS", 2, 1), ErrorCode.DATA_TYPE_ERROR),
        (Location("FTS", 1, 1), ErrorCode.DATA_TYPE_ERROR),
    ]
    assert len(batch.messages) == 2


def test_a_file_may_hold_messages_without_a_batch() -> None:
    assert split(FHS + ONE + TWO + b"FTS|1\r").problems == []


def test_an_empty_batch_has_no_messages() -> None:
    assert split(BHS + b"BTS|0\r").problems == []
    assert split(FHS + BHS + b"BTS|\rFTS|1\r").messages == []


def test_what_belongs_nowhere_is_kept_and_named() -> None:
    batch = split(b"hello\r" + BHS + b"NTE|1\r" + ONE + b"BTS|1\rNTE|2\r")
    assert batch.strays == [b"hello", b"NTE|1", b"NTE|2"]
    assert [problem.code for problem in batch.problems] == [ErrorCode.SEGMENT_SEQUENCE_ERROR] * 3
    assert batch.messages == [ONE]


def test_a_text_without_messages_is_all_stray() -> None:
    assert split(b"hello").strays == [b"hello"]
    assert split(b"").strays == []
    assert split(b"").messages == []


lines = st.lists(
    st.sampled_from(
        [ONE, TWO, FHS, BHS, b"BTS|1\r", b"FTS|1\r", b"NTE|1\r", b"\n", b"MSHX\r", b"BTSX\r"]
    )
)


@given(lines.map(b"".join))
def test_every_byte_of_a_text_is_in_one_of_its_parts(raw: bytes) -> None:
    batch = split(raw)
    parts = [*batch.messages, *batch.headers, *batch.trailers, *batch.strays]
    assert sum(len(b"".join(part.split())) for part in parts) == len(b"".join(raw.split()))
    assert sum(message.startswith(b"MSH") for message in batch.messages) == len(batch.messages) or (
        len(batch.messages) == 1
    )


def test_a_text_with_many_problems_names_the_first_of_them_and_keeps_every_byte() -> None:
    batch = split(BHS + ONE + b"BTS|9\rstray\r" * 100_000)
    assert len(batch.strays) == len(batch.trailers) == 100_000
    assert len(batch.problems) == 100
