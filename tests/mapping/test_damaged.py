"""Messages that were damaged on their way are mapped as far as they go, and never raise."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "damaged")
MAPPING = load_library().mapping()
ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "channels" / "samples").rglob("*.hl7"))
#: What breaks a reader that trusts its input: delimiters, deletions, escapes without an end, …
PIECES = [b"|", b"^", b"~", b"&", b"\\", b"\r", b'""', b"\\X0D\\", b"\\F", b"\x00", b"\xff", b"-"]
PIECES += [b"^^^^^^^^^^^^", b"~~~~", b"&&&&", b"1e999", b"NaN", b"20261399", b"9" * 40, b"+9999"]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with pieces put in, cut out and written over."""
    raw = bytearray(draw(st.sampled_from(SAMPLES)).read_bytes().replace(b"\n", b"\r"))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        piece = draw(st.sampled_from(PIECES))
        cut = draw(st.sampled_from([0, 0, 1, len(piece), 20]))
        raw[at : at + cut] = piece
    return bytes(raw)


@settings(max_examples=300)
@given(raw=damaged())
def test_a_damaged_message_is_refused_by_the_reader_or_mapped(raw: bytes) -> None:
    try:
        message = Message.read(raw)
    except MessageError:
        return
    MAPPING.convert(message, CONTEXT)


@pytest.mark.parametrize(
    "raw",
    [
        b"MSH|^~\\&|A\r|without a name\rPID|1||4711\r",
        b"MSH^^A^B^C^D^20260101^^ADT\rPID^1^^4711^^Muster\r",  # declares nothing; ^ is taken
    ],
)
def test_what_once_raised_is_mapped(raw: bytes) -> None:
    assert MAPPING.convert(Message.read(raw), CONTEXT).resources
