from typing import Any

import pytest

from engine.config import values
from engine.config.values import Scalar, choice, integer
from engine.documents import Node
from engine.errors import MessageError, Place, Problem
from engine.hl7v2.message import Message

PLACE = Place("x.yaml", 3, 7)


def read(kind: Scalar, text: str) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    node = Node(PLACE, "text", text=text)
    value = kind.read(node, lambda *problem: problems.append(Problem(*problem)))
    return value, problems


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("5m", 300), ("6h", 21600), ("7d", 604800), ("250ms", 0.25),
     ("1.5 s", 1.5), ("1ms", 0.001)],
)  # fmt: skip
def test_a_length_of_time(text: str, seconds: float) -> None:
    assert read(values.SECONDS, text) == (seconds, [])
    assert read(values.SECONDS_OR_NEVER, text) == (seconds, [])


def test_a_time_that_may_never_come_is_written_never() -> None:
    assert read(values.SECONDS_OR_NEVER, "never") == (0.0, [])


@pytest.mark.parametrize("name", ["utf-7", "hz", "johab", "rot13", "ptcp154", "UNICODE UTF-8",
                                  "8859/1", "latin-1", "windows-1252"])  # fmt: skip
def test_a_character_set_is_accepted_when_messages_can_be_read_in_it(name: str) -> None:
    raw = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5.1\r"
    value, problems = read(values.CHARSET, name)
    try:
        charset = Message.read(raw, default_charset=name).charset
    except MessageError:
        charset = None
    assert (value, bool(problems)) == (charset, charset is None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("32 MiB", 32 << 20),
        ("32MiB", 32 << 20),
        ("1 gib", 1 << 30),
        ("2 KiB", 2048),
    ],
)
def test_a_size(text: str, size: int) -> None:
    assert read(values.SIZE, text) == (size, [])


@pytest.mark.parametrize(
    ("kind", "text", "advice"),
    [
        (values.SECONDS, "0s", "1ms is the least"),
        (values.SECONDS, "never", "write it like 30s, 5m, 6h or 7d"),
        (values.SECONDS_OR_NEVER, "0", "1ms is the least; or never"),
        (values.SECONDS_OR_NEVER, "no", "write it like 30s, 5m, 6h or 7d; or never"),
        (values.SECONDS, "half a minute", "write it like 30s, 5m, 6h or 7d"),
        (values.SECONDS, "-1s", "write it like 30s, 5m, 6h or 7d"),
        (values.SECONDS, "1e3", "write it like 30s, 5m, 6h or 7d"),
        (values.SECONDS, "5 weeks", "write it like 30s, 5m, 6h or 7d"),
        (values.SIZE, "32 MB", "write it like 512 KiB, 32 MiB or 1 GiB"),
        (values.SIZE, "100", "1 KiB is the least"),
        (values.BOOLEAN, "NO", "write true or false"),
        (values.PORT, "65536", "write a number from 0 to 65535"),
        (values.PORT, "٢٥٧٥", "write a number from 0 to 65535"),
        (integer(1, 9), "ten", "write a number from 1 to 9"),
        (choice("stored", "mapped"), "strored", "did you mean 'stored'?"),
        (choice("stored", "mapped"), "x", "write one of: stored, mapped"),
        (values.ZONE, "New York", "write a name of the time zone database, like Europe/Berlin"),
        (values.ZONE, "../etc", "write a name of the time zone database, like Europe/Berlin"),
        (values.CHARSET, "latin-99", "write it like utf-8, iso-8859-1 or windows-1252"),
        (values.CHARSET, "hex", "write it like utf-8, iso-8859-1 or windows-1252"),
        (values.CHARSET, "a\x00b", "write it like utf-8, iso-8859-1 or windows-1252"),
        (values.NETWORK, "10.20.0.1/16", "the address has bits beyond the network"),
        (values.NETWORK, "lab.example", "write it like 10.20.0.0/16 or 10.20.1.7"),
        (values.HOST, "localhost", "write an address like 127.0.0.1, or 0.0.0.0 for all"),
        (values.URL, "fhir.clinic.example", "write it like https://fhir.clinic.example/fhir"),
        (values.URL, "https://", "write it like https://fhir.clinic.example/fhir"),
        (values.URL, "https://x:99999", "write it like https://fhir.clinic.example/fhir"),
        (values.URL, "https://[::1", "write it like https://fhir.clinic.example/fhir"),
        (values.URL, "https://x/fhir?a=b", "a base URL ends before the '?'"),
        (values.URI, "2.999.1", "write it like urn:oid:2.16.840.1.113883.19.4.6 or https://..."),
        (values.WORD, "north lab", "write letters, digits, '-', '_' and '.', without blanks"),
        (values.TEXT, " ", "write something, or leave the key out"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_what_to_write(kind: Scalar, text: str, advice: str) -> None:
    value, problems = read(kind, text)
    assert value is None
    assert problems == [Problem(PLACE, f"'{text}' is not {kind.wanted}", advice)]


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    value, problems = read(values.URL, "https://anna:geheim@fhir.clinic.example")
    assert value is None
    assert "auth:" in str(problems[0])
    assert "geheim" not in str(problems[0])


@pytest.mark.parametrize("kind", ["list", "map"])
def test_a_scalar_is_not_a_list_or_a_map(kind: str) -> None:
    problems: list[Problem] = []
    node = Node(PLACE, kind)
    assert values.PORT.read(node, lambda *problem: problems.append(Problem(*problem))) is None
    assert (
        str(problems[0]) == f"x.yaml:3:7: expected a whole number in its range here, not a {kind}"
    )


def test_a_url_loses_its_last_slash_and_an_address_is_normal() -> None:
    assert read(values.URL, "https://x/fhir/")[0] == "https://x/fhir"
    assert read(values.HOST, "::1")[0] == "::1"
    assert read(values.NETWORK, "fd00::/8")[1] == []
