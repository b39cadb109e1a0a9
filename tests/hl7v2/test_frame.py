import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.hl7v2.frame import (
    HEAD,
    JUNK_PORTION,
    NO_END,
    NO_START,
    Decoder,
    Empty,
    Event,
    Frame,
    Junk,
    Oversize,
    Truncated,
    wrap,
)

ONE, TWO = b"MSH|^~\\&|1\rPID|1\r", b"MSH|^~\\&|2\r"


def in_chunks(
    wire: bytes, size: int, *, limit: int = 10_000, tolerant: bool = False
) -> list[Event]:
    """All events of a wire, its end included."""
    decoder = Decoder(limit, tolerant)
    events = [
        event
        for start in range(0, len(wire), size)
        for event in decoder.feed(wire[start : start + size])
    ]
    events += decoder.close()
    assert not decoder.inside
    assert decoder.buffered == 0
    return events


WIRES: list[tuple[str, bytes, bool, list[Event]]] = [
    ("one", wrap(ONE), False, [Frame(ONE)]),
    ("two in one read", wrap(ONE) + wrap(TWO), False, [Frame(ONE), Frame(TWO)]),
    ("line ends between",
     b"\r\n" + wrap(ONE) + b"\n" + wrap(TWO) + b"\r\n", False, [Frame(ONE), Frame(TWO)]),
    ("junk between", b"hello" + wrap(ONE) + b"GET /\r\n" + wrap(TWO) + b"x", False,
     [Junk(5), Frame(ONE), Junk(5), Frame(TWO), Junk(1)]),
    ("junk that begins like a message", b"MSx" + wrap(ONE) + b"MS" + wrap(TWO) + b"MSH", False,
     [Junk(3), Frame(ONE), Junk(2), Frame(TWO), Junk(3)]),
    ("junk that goes on like one", b"MSHELL|" + wrap(ONE), False, [Junk(7), Frame(ONE)]),
    ("a message after junk without a start", b"x\rMSH|1\x1c\r" + wrap(ONE), False,
     [Junk(7), Frame(ONE)]),
    ("only junk", b"SSH-2.0-scanner\r\n", False, [Junk(15)]),
    ("FS inside", wrap(b"MSH|a\x1cb\x1c\nc\x1c\x1c"), False, [Frame(b"MSH|a\x1cb\x1c\nc\x1c\x1c")]),
    ("VT inside", wrap(b"MSH|a\x0bb\x0b"), False, [Frame(b"MSH|a\x0bb\x0b")]),
    ("FS CR LF", wrap(ONE) + b"\n", False, [Frame(ONE)]),
    ("FS FS CR", b"\x0bMSH|1\x1c\x1c\r", False, [Frame(b"MSH|1\x1c")]),
    ("empty", wrap(b"") + wrap(b"\r\n ") + wrap(ONE), False, [Empty(), Empty(), Frame(ONE)]),
    ("two starts", b"\x0b" + wrap(ONE) + b"\x0b\x0b\x1c\r", False, [Frame(ONE), Empty()]),
    ("no start byte", ONE + b"\x1c\r" + wrap(TWO), False, [Truncated(ONE, NO_START), Frame(TWO)]),
    ("no start byte after a frame", wrap(TWO) + b"\n" + ONE + b"\x1c\r" + wrap(TWO), False,
     [Frame(TWO), Truncated(ONE, NO_START), Frame(TWO)]),
    ("neither start nor end byte", ONE + wrap(TWO), False, [Truncated(ONE, NO_START), Frame(TWO)]),
    ("no end before the next frame", b"\x0b" + ONE + wrap(TWO), False,
     [Truncated(ONE, NO_END), Frame(TWO)]),
    ("bare FS before the next frame", b"\x0b" + ONE + b"\x1c" + wrap(TWO), False,
     [Truncated(ONE + b"\x1c", NO_END), Frame(TWO)]),
    ("three without end", b"\x0b" + ONE + b"\x0b" + TWO + wrap(ONE), False,
     [Truncated(ONE, NO_END), Truncated(TWO, NO_END), Frame(ONE)]),
    ("lost inside", wrap(ONE) + b"\x0b" + TWO, False, [Frame(ONE), Truncated(TWO, NO_END)]),
    ("lost inside the end", b"\x0b" + TWO + b"\x1c", False, [Truncated(TWO + b"\x1c", NO_END)]),
    ("lost inside, without a start", ONE, False, [Truncated(ONE, NO_END)]),
    ("lost after the start", b"\x0b", False, []),
    ("nothing", b"", False, []),
    # tolerant
    ("tolerant: whole", wrap(ONE) + b"\n" + wrap(TWO), True, [Frame(ONE), Frame(TWO)]),
    ("tolerant: FS VT", b"\x0b" + ONE + b"\x1c" + wrap(TWO), True, [Frame(ONE), Frame(TWO)]),
    ("tolerant: FS LF VT", b"\x0b" + ONE + b"\x1c\n" + wrap(TWO), True, [Frame(ONE), Frame(TWO)]),
    ("tolerant: FS inside", wrap(b"MSH|a\x1cb\x1c\nc"), True, [Frame(b"MSH|a\x1cb\x1c\nc")]),
    ("tolerant: FS and the end", b"\x0b" + ONE + b"\x1c", True, [Frame(ONE)]),
    ("tolerant: FS LF and the end", b"\x0b" + ONE + b"\x1c\n", True, [Frame(ONE)]),
    ("tolerant: lost inside", b"\x0b" + ONE, True, [Truncated(ONE, NO_END)]),
    ("tolerant: no start byte", ONE + b"\x1c\r" + TWO + b"\x1c" + wrap(ONE), True,
     [Frame(ONE), Frame(TWO), Frame(ONE)]),
    ("tolerant: neither", ONE + wrap(TWO), True, [Truncated(ONE, NO_START), Frame(TWO)]),
    ("tolerant: no start, FS and the end", ONE + b"\x1c", True, [Frame(ONE)]),
    ("tolerant: empty", b"\x0b\x1c\x0b\x1c\r", True, [Empty(), Empty()]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wire", "tolerant", "expected"),
    [wire[1:] for wire in WIRES],
    ids=[wire[0].replace(" ", "-") for wire in WIRES],
)
def test_a_wire_gives_its_events_however_it_is_cut(
    wire: bytes, tolerant: bool, expected: list[Event]
) -> None:
    for size in range(1, len(wire) + 2):
        assert in_chunks(wire, size, tolerant=tolerant) == expected
    for first, second in itertools.combinations(range(len(wire) + 1), 2):
        decoder = Decoder(tolerant=tolerant)
        events = decoder.feed(wire[:first])
        events += decoder.feed(wire[first:second])
        events += decoder.feed(wire[second:])
        assert events + decoder.close() == expected


token = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\n", b"\x1c\r", b"\x0bMSH|", b"MSH|", b"MS", b"H|", b"x", b"y" * 40]
)


@settings(max_examples=400)
@given(
    st.lists(token, max_size=30).map(b"".join),
    st.data(),
    st.booleans(),
    st.sampled_from([7, 45, 999]),
)
def test_the_cutting_never_shows(
    wire: bytes, data: st.DataObject, tolerant: bool, limit: int
) -> None:
    whole = in_chunks(wire, len(wire) + 1, limit=limit, tolerant=tolerant)
    assert in_chunks(wire, 1, limit=limit, tolerant=tolerant) == whole
    size = data.draw(st.integers(1, len(wire) + 1))
    assert in_chunks(wire, size, limit=limit, tolerant=tolerant) == whole


payload = st.binary(max_size=80).filter(
    lambda raw: (
        b"\x1c\r" not in raw
        and not raw.endswith(b"\x1c")
        and b"\x0bMSH" not in b"\x0b" + raw
        and raw.strip() != b""
    )
)


@given(st.lists(payload, max_size=6), st.integers(1, 50))
def test_every_payload_comes_out_as_it_went_in(payloads: list[bytes], size: int) -> None:
    wire = b"\r\n".join(map(wrap, payloads))
    assert in_chunks(wire, size) == [Frame(payload) for payload in payloads]


@given(st.lists(token, max_size=30).map(b"".join), st.booleans())
def test_no_byte_but_the_frame_itself_is_lost(wire: bytes, tolerant: bool) -> None:
    """Every letter of the wire is in a payload or counted as junk."""
    letters = 0
    for event in in_chunks(wire, 3, tolerant=tolerant):
        match event:
            case Frame(raw) | Truncated(raw, _):
                letters += len(raw.translate(None, b"\x0b\x1c\r\n"))
            case Junk(length):
                letters += length
    assert letters >= len(wire.translate(None, b"\x0b\x1c\r\n"))


def test_a_frame_of_just_the_limit_is_taken_and_one_more_byte_is_not() -> None:
    fits, large = b"MSH|" + b"x" * 96, b"MSH|" + b"x" * 97
    wire = wrap(fits) + wrap(large) + wrap(fits)
    for size in range(1, len(wire) + 1):
        events = in_chunks(wire, size, limit=100)
        assert events == [Frame(fits), Oversize(large[:100]), Frame(fits)]


def test_of_a_frame_that_is_too_large_its_head_is_kept_and_no_more() -> None:
    decoder = Decoder(max_frame=1_000_000)
    head = b"MSH|^~\\&|LAB\r"
    events = decoder.feed(b"\x0b" + head)
    for _ in range(300):
        events += decoder.feed(b"x" * 10_000)
        assert decoder.buffered <= 1_010_000
        assert decoder.inside
    assert events == [Oversize((head + b"x" * HEAD)[:HEAD])]
    assert decoder.buffered < 10
    assert decoder.feed(b"\x1c\r" + wrap(ONE)) == [Frame(ONE)]


def test_the_end_of_the_stream_inside_a_frame_that_was_too_large_says_nothing_more() -> None:
    decoder = Decoder(max_frame=4)
    assert decoder.feed(b"\x0bMSH|1234") == [Oversize(b"MSH|")]
    assert decoder.close() == []
    assert decoder.feed(wrap(b"M")) == [Frame(b"M")]


def test_silence_after_a_bare_fs_ends_a_frame_in_the_tolerant_mode() -> None:
    decoder = Decoder(tolerant=True)
    assert decoder.feed(b"\x0b" + ONE) == []
    assert not decoder.waiting_for_silence
    assert decoder.expire() == []
    assert decoder.inside
    for end in (b"\x1c", b"\n"):
        assert decoder.feed(end) == []
        assert decoder.waiting_for_silence
    assert decoder.expire() == [Frame(ONE)]
    assert not decoder.inside
    assert not decoder.waiting_for_silence
    assert decoder.feed(b"\r" + wrap(TWO)) == [Frame(TWO)]


def test_silence_ends_a_frame_that_was_too_large() -> None:
    decoder = Decoder(max_frame=4, tolerant=True)
    assert decoder.feed(b"\x0bMSH|1234\x1c") == [Oversize(b"MSH|")]
    assert decoder.expire() == []
    assert not decoder.inside


def test_strictly_silence_ends_nothing() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x0b" + ONE + b"\x1c") == []
    assert not decoder.waiting_for_silence
    assert decoder.expire() == []
    assert decoder.feed(b"\r") == [Frame(ONE)]


def test_a_flood_of_junk_is_reported_in_portions_and_not_kept() -> None:
    decoder = Decoder()
    events = decoder.feed(b"x" * (3 * JUNK_PORTION + 1))
    assert events == [Junk(JUNK_PORTION)] * 3
    assert decoder.buffered == 0
    assert decoder.feed(wrap(ONE)) == [Junk(1), Frame(ONE)]


def test_bytes_are_looked_at_once_also_when_they_come_one_by_one() -> None:
    """Linear time, told by the positions that are searched and not by a clock."""
    decoder = Decoder()
    decoder.feed(b"\x0bMSH|")
    for _ in range(2_000):
        decoder.feed(b"\x1c")
        assert decoder.buffered - decoder._scanned == 0
