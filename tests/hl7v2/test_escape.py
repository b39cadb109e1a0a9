import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7v2.delimiters import STANDARD, Delimiters
from engine.hl7v2.escape import escape, unescape

TRUNCATING = STANDARD._replace(truncation="#")
ODD = Delimiters("!", "%", "*", "$", "@", "=")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"a\F\b", "a|b"),
        (r"a\S\b", "a^b"),
        (r"a\T\b", "a&b"),
        (r"a\R\b", "a~b"),
        (r"a\E\b", "a\\b"),
        (r"\E\F\E\ ", "\\F\\ "),
        (r"\F\\S\\T\\R\\E\ ", "|^&~\\ "),
        (r"first\.br\second", "first\nsecond"),
        (r"first\.BR\second", "first\nsecond"),
        (r"a\.sp\b", "a\nb"),
        (r"a\.sp 3\b", "a\n\n\nb"),
        (r"a\.sp3\b", "a\n\n\nb"),
        (r"a\.sp+2\b", "a\n\nb"),
        (r"a\.sp0\b", "ab"),
        (r"a\.sk 2\b", "a  b"),
        (r"a\.ce\b", "a\nb"),
        (r"\.in+4\a\.ti-2\b", "ab"),
        (r"\.fi\a\.nf\b", "ab"),
        (r"\H\loud\N\ quiet", "loud quiet"),
        (r"a\X0D\b", "a\rb"),
        (r"a\X0d0A\b", "a\r\nb"),
        (r"M\XC3BC\ller", "Müller"),
        (r"M\XC3\\XBC\ller", "Müller"),
        (r"\X41\\F\ ", "A| "),
        (r"\X41\ \X42\ ", "A B "),
        (r"\X41\\X42\\X43\ ", "ABC "),
        (r"\X41\\F41\ ", r"A\F41\ "),
        (r"\X41\\X4", r"A\X4"),
    ],
)
def test_a_sequence_becomes_the_text_that_it_stands_for(raw: str, text: str) -> None:
    assert unescape(raw) == text


@pytest.mark.parametrize(
    "raw",
    [
        r"\C2842\ ",  # ISO 2022 sequences of other character sets
        r"\M242850\ ",
        r"\Z01\ ",  # a site's own
        r"\foo\ ",
        r"\P\ ",  # no truncation character is declared
        r"\.xy\ ",
        r"\.sp x\ ",
        r"\.sp²\ ",
        r"\XZZ\ ",
        r"\X\ ",
        r"\X4\ ",
        r"\XFF\ ",  # no character of UTF-8
        "C:\\lab\\results",
        "ends with \\",
        "\\",
        "a \\ b",
        "10 \\ 3 mg",
        r"\\server\share",
    ],
)
def test_what_cannot_be_decoded_stays_as_it_was_written(raw: str) -> None:
    assert unescape(raw) == raw


def test_a_mark_that_opens_no_sequence_does_not_hide_the_next_one() -> None:
    assert unescape(r"5\6 mm and 3 \T\ 4") == r"5\6 mm and 3 & 4"
    assert unescape(r"\\F\ ") == "\\| "


def test_bytes_are_read_in_the_character_set_of_the_message() -> None:
    assert unescape(r"M\XFC\ller", charset="iso8859-1") == "Müller"
    assert unescape(r"\X8CBE\ ", charset="shift_jis") == "言 "


def test_the_truncation_character_is_decoded_where_it_is_declared() -> None:
    assert unescape(r"\P\ ", TRUNCATING) == "# "


def test_sequences_speak_of_the_delimiters_of_the_message() -> None:
    assert unescape("$F$S$S$R$R$T$E$P$", ODD) == "!S%R*T$P$"
    assert unescape("$F$$S$$R$$T$$E$$P$", ODD) == "!%*@$="
    assert unescape(r"\F\ ", ODD) == r"\F\ "


def test_a_message_without_an_escape_character_has_no_sequences() -> None:
    assert unescape(r"\F\ ", Delimiters(escape="")) == r"\F\ "
    assert escape("a|b^c", Delimiters(escape="")) == "a b c"


def test_a_run_of_blank_lines_is_bounded() -> None:
    assert len(unescape(r"\.sp 999999999\ ")) < 200


@given(st.text())
def test_what_is_escaped_is_read_back(text: str) -> None:
    written = escape(text, TRUNCATING)
    assert not set(written) & set("|^~&#\r\n\x0b\x1c")
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    expected = "".join(" " if c < " " and c != "\n" else c for c in lines)
    assert unescape(written, TRUNCATING) == expected


@given(st.lists(st.sampled_from([*"\\\\\\\\FXZq.4", "é", "X41", ".br"])).map("".join))
def test_no_text_between_sequences_is_lost(raw: str) -> None:
    text = unescape(raw)
    assert [c for c in text if c in "qé"] == [c for c in raw if c in "qé"]
    if raw.count("\\") < 2:
        assert text == raw


def test_a_value_of_many_sequences_takes_linear_space() -> None:
    assert unescape("\\X41\\" * 100_000) == "A" * 100_000
    assert unescape("\\" * 100_001) == "\\" * 100_001
