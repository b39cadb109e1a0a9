import pytest

from engine.errors import ErrorCode, Location, MessageError
from engine.hl7v2.charset import codec, codec_for, decode, wide_codec
from engine.hl7v2.message import Message


def message(charset: str, name: str = "Müller") -> str:
    return f"MSH|^~\\&|LAB|NORTH|||20260301||ADT^A08|1|P|2.5.1||||||{charset}\rPID|1||||{name}\r"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ASCII", "ascii"),
        ("8859/1", "iso8859-1"),
        ("8859/2", "iso8859-2"),
        ("8859/5", "iso8859-5"),
        ("8859/9", "iso8859-9"),
        ("8859/15", "iso8859-15"),
        ("ISO IR6", "ascii"),
        ("ISO IR14", "shift_jis"),
        ("ISO IR87", "iso2022_jp_ext"),
        ("ISO IR159", "iso2022_jp_ext"),
        ("ISO IR100", "iso8859-1"),
        ("GB 18030-2000", "gb18030"),
        ("KS X 1001", "euc_kr"),
        ("BIG-5", "big5"),
        ("UNICODE", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("UNICODE UTF-16", "utf-16"),
        ("UNICODE UTF-32", "utf-32"),
        # what senders write instead
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("8859-1", "iso8859-1"),
        ("ISO-8859-1", "iso8859-1"),
        ("ISO8859/1", "iso8859-1"),
        ("iso-8859-15", "iso8859-15"),
        ("windows-1252", "cp1252"),
        ("WINDOWS-1252", "cp1252"),
        ("latin1", "iso8859-1"),
    ],
)
def test_a_character_set_is_known_by_its_name_and_by_those_in_use(name: str, expected: str) -> None:
    assert codec(name) == expected


@pytest.mark.parametrize(
    "name", ["", "EBCDIC", "8859/99", "CNS 11643-1992", "rot13", "hex", "idna", "utf-7", "a\x00b"]
)
def test_what_is_no_character_set_is_unknown(name: str) -> None:
    assert codec(name) is None


def test_msh_18_goes_before_the_default() -> None:
    assert codec_for(["8859/1"], "utf-8") == "iso8859-1"
    assert codec_for([], "iso-8859-15") == "iso8859-15"
    assert codec_for([""], "8859/1") == "iso8859-1"
    assert codec_for(['""'], "8859/1") == "iso8859-1"
    assert codec_for(["", "ISO IR87"], "utf-8") == "ascii"


@pytest.mark.parametrize("charset", ["KLINGON", "UNICODE UTF-8~KLINGON", "~KLINGON"])
def test_an_unknown_character_set_is_an_error_of_msh_18(charset: str) -> None:
    with pytest.raises(MessageError) as refusal:
        Message.read(message(charset, "Mueller").encode())
    assert refusal.value.at == Location("MSH", 1, 18)
    assert refusal.value.code is ErrorCode.TABLE_VALUE_NOT_FOUND


@pytest.mark.parametrize(
    ("charset", "written", "default"),
    [
        ("8859/1", "latin-1", "utf-8"),
        ("UNICODE UTF-8", "utf-8", "iso8859-1"),
        ("UNICODE", "utf-8", "iso8859-1"),
        ("UTF-8~UNICODE", "utf-8", "iso8859-1"),
        ("", "utf-8", "utf-8"),
        ("", "cp1252", "windows-1252"),
        ('""', "cp1252", "windows-1252"),
        # the first of MSH-18 is wrong, but another that it names is right
        ("ASCII~UNICODE UTF-8", "utf-8", "utf-8"),
        ("UNICODE UTF-8~8859/1", "latin-1", "utf-8"),
        # MSH-18 could be read byte by byte, so it cannot be true
        ("UNICODE UTF-16", "utf-8", "iso8859-1"),
    ],
)
def test_a_name_is_read_in_the_character_set_of_the_message(
    charset: str, written: str, default: str
) -> None:
    for end in ("\r", "\n", "\r\n"):
        text = message(charset).replace("\r", end)
        assert Message.read(text.encode(written), default_charset=default).value("PID-5") == (
            "Müller"
        )


@pytest.mark.parametrize(
    "written", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]
)
def test_wide_characters_and_a_bom_speak_for_themselves(written: str) -> None:
    raw = message("8859/1").encode(written)
    assert Message.read(raw).value("PID-5") == "Müller"


def test_japanese_names_switch_character_sets_by_escape_sequences() -> None:
    raw = message("~ISO IR87", "Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I").encode("iso2022_jp")
    read = Message.read(raw)
    assert read.values("PID-5") == ["Yamada", "山田"]
    assert read.charset == "iso2022_jp_ext"


def test_declared_alternates_that_are_not_used_change_nothing() -> None:
    read = Message.read(message("ASCII~ISO IR87", "Yamada").encode())
    assert (read.value("PID-5"), read.charset) == ("Yamada", "ascii")


def test_korean_and_chinese_names_are_read() -> None:
    assert Message.read(message("KS X 1001", "홍길동").encode("euc_kr")).value("PID-5") == "홍길동"
    assert Message.read(message("GB 18030-2000", "王").encode("gb18030")).value("PID-5") == "王"


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        (message("ASCII").encode(), Location("PID", 1, 5)),
        (message("UNICODE UTF-8").encode("latin-1"), Location("PID", 1, 5)),
        (
            message("").replace("PID", "OBX|1\nOBX").encode("latin-1"),
            Location("OBX", 2, 5),
        ),
        (message("").replace("LAB", "LÄB").encode("latin-1"), Location("MSH", 1, 3)),
        (b"\xff\xfe\xff", Location("MSH")),
        (b"MSH|^~\\&|\rP\xff", Location("MSH")),
        (b"MSH|^~\\&|\rP\xffD|", Location("MSH")),
        (b"MSH|^~\\&|\rPID\xff", Location("PID", 1, 1)),
        (b"MSH|^~\\&|\rEXAMPLE, ERIKA \xff", Location("MSH")),
        (b"MSH|^~\\&|\rEva\xff", Location("MSH")),
        (b"\xef\xbb\xbfMSH|^~\\&|\rPID|\xff", Location("PID", 1, 1)),
    ],
)
def test_bytes_outside_of_the_character_set_are_an_error_with_its_place(
    raw: bytes, at: Location
) -> None:
    with pytest.raises(MessageError) as refusal:
        Message.read(raw)
    assert refusal.value.at == at
    assert refusal.value.code is ErrorCode.DATA_TYPE_ERROR


def test_an_unknown_default_is_an_error_as_well() -> None:
    with pytest.raises(MessageError):
        decode(message("").encode(), "KLINGON")


def test_a_message_of_single_bytes_is_not_wide() -> None:
    assert wide_codec(b"MSH|^~\\&|") is None
    assert wide_codec(b"") is None


def test_an_endless_msh_18_is_not_remembered() -> None:
    with pytest.raises(MessageError):
        Message.read(message("X" * 100_000).encode())
