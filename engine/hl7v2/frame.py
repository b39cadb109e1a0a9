"""Cut a byte stream into frames: the minimal lower layer protocol, MLLP release 1.

A frame is VT, the message, FS CR. This is a decision about bytes only: no socket, no clock. Any
chunking of a stream gives the same events, in time linear in its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

START = b"\x0b"
FS = b"\x1c"
END = b"\x1c\r"

#: What is kept of a frame that is too large: enough for its MSH, which says how to refuse it.
HEAD = 4096
#: Bytes between frames are reported when a frame begins, or in portions of this size.
JUNK_PORTION = 4096
DEFAULT_LIMIT = 32 * 1024 * 1024

_HEADER = b"MSH"
_LINE_ENDS = re.compile(rb"[\r\n]*")
_BARE_END = re.compile(rb"\x1c(?:\r|\n?(?=\x0b))")
#: A VT in front of an MSH begins a frame even where the one before it did not end: no HL7 value
#: holds it, and taking both for one message would lose the second.
_RESTART = START + _HEADER


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it was sent, without its frame."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Empty:
    """A frame with nothing in it; load balancers send them to see whether we live."""


@dataclass(frozen=True, slots=True)
class Junk:
    """Bytes between frames that belong to none; line ends are not counted."""

    length: int


@dataclass(frozen=True, slots=True)
class Oversize:
    """A frame above the limit: its first bytes. The rest is discarded up to its end."""

    head: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    """A message whose frame lacks its start or its end; ``reason`` says which."""

    payload: bytes
    reason: str


Event = Frame | Empty | Junk | Oversize | Truncated

NO_START = "the frame has no start byte"
NO_END = "the frame has no end"


def wrap(payload: bytes) -> bytes:
    """A message in its frame."""
    return START + payload + END


class Decoder:
    """Events out of chunks.

    Strictly, only FS CR ends a frame: an FS alone may stand in the message. ``tolerant`` also
    ends it at FS VT, and at FS followed by silence (the caller measures it, while
    ``waiting_for_silence``, and calls ``expire``); and it takes a message without VT.
    """

    def __init__(self, max_frame: int = DEFAULT_LIMIT, tolerant: bool = False) -> None:
        self._limit = max_frame
        self._tolerant = tolerant
        self._buffer = bytearray()
        self._inside = False
        self._started = False  # the frame in hand began with VT
        self._skipping = False  # the frame in hand is too large, and was reported
        self._scanned = 0  # up to here the buffer holds no end
        self._clean = True  # since the last frame there was nothing but line ends
        self._junk = 0

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._inside

    @property
    def buffered(self) -> int:
        """How many bytes are held."""
        return len(self._buffer)

    @property
    def waiting_for_silence(self) -> bool:
        """Whether the last bytes end a frame if nothing follows them (tolerant mode)."""
        return self._tolerant and self._inside and self._half_end() > 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the stream."""
        if not (self._buffer or self._inside or self._junk) and self._is_a_frame(data):
            self._clean = True
            payload = data[1:-2]
            return [Empty() if _blank(payload) else Frame(payload)]
        events: list[Event] = []
        self._buffer += data
        while self._frame(events) if self._inside else self._between(events):
            pass
        return events

    def expire(self) -> list[Event]:
        """Take note that nothing has followed for a while: a bare FS was the end."""
        events: list[Event] = []
        if self.waiting_for_silence:
            self._finish(self._content(), events)
            self._leave(len(self._buffer))
        return events

    def close(self) -> list[Event]:
        """Take note that the stream has ended."""
        events = self.expire()
        if self._inside:
            if not self._skipping:
                _report(bytes(self._buffer), NO_END, events)
        else:
            self._count_junk(len(self._buffer), events)
        self._report_junk(events)
        self._leave(len(self._buffer))
        return events

    def _is_a_frame(self, data: bytes) -> bool:
        """Whether this is one whole frame: what most reads bring, and quick to see."""
        return (
            data[:1] == START
            and data[-1:] == b"\r"
            and data.find(FS) == len(data) - 2
            and not data.rfind(START)
            and len(data) - 3 <= self._limit
        )

    # --- between frames: whether to go on ------------------------------------------------------

    def _between(self, events: list[Event]) -> bool:
        buffer = self._buffer
        if self._clean:  # a message without VT begins where a frame could
            blank = _leading_line_ends(buffer)
            opening = bytes(buffer[blank : blank + 4])
            if _opens_message(opening):
                return self._enter(blank, events, started=False)
            if _HEADER.startswith(opening):
                del buffer[:blank]  # too few bytes to tell
                return False
        start = buffer.find(START)
        if start < 0:
            self._count_junk(len(buffer), events)
            buffer.clear()
            return False
        self._count_junk(start, events)
        return self._enter(start + 1, events, started=True)

    def _enter(self, at: int, events: list[Event], *, started: bool) -> bool:
        self._report_junk(events)
        del self._buffer[:at]
        self._inside, self._started = True, started
        return True

    def _count_junk(self, stop: int, events: list[Event]) -> None:
        buffer = self._buffer
        line_ends = buffer.count(b"\r", 0, stop) + buffer.count(b"\n", 0, stop)
        self._junk += stop - line_ends
        self._clean = self._clean and stop == line_ends
        while self._junk > JUNK_PORTION:
            events.append(Junk(JUNK_PORTION))
            self._junk -= JUNK_PORTION

    def _report_junk(self, events: list[Event]) -> None:
        if self._junk:
            events.append(Junk(self._junk))
            self._junk = 0

    # --- inside a frame: whether to go on ------------------------------------------------------

    def _frame(self, events: list[Event]) -> bool:
        end, after = self._find_end()
        if end >= 0:
            self._finish(end, events)
            self._leave(after)
            return True
        if not self._skipping and self._content() > self._limit:
            self._skipping = True
            events.append(self._oversize())
        if self._skipping:
            del self._buffer[:-2]  # the beginning of an end may be in these
        self._scanned = len(self._buffer)
        return False

    def _find_end(self) -> tuple[int, int]:
        """Where the message ends and where to go on; -1 when its end is not there yet."""
        buffer, begin = self._buffer, max(0, self._scanned - 2)
        if self._tolerant:
            match = _BARE_END.search(buffer, begin)
            end, after = match.span() if match else (-1, -1)
        else:
            end = buffer.find(END, begin)
            after = end + len(END)
        if not self._started:  # then the next VT ends it, too
            start = buffer.find(START, begin, len(buffer) if end < 0 else end)
            if start >= 0:
                return start, start
        return end, after

    def _half_end(self) -> int:
        """How many of the last bytes may be the beginning of an end."""
        tail = bytes(self._buffer[-2:])
        if tail.endswith(FS):
            return 1
        return 2 if self._tolerant and tail == FS + b"\n" else 0

    def _content(self) -> int:
        """The length of the message so far, without what may be its end."""
        return len(self._buffer) - self._half_end()

    def _finish(self, end: int, events: list[Event]) -> None:
        if self._skipping:
            return
        if end > self._limit:
            events.append(self._oversize())
            return
        payload = bytes(memoryview(self._buffer)[:end])
        whole = self._started or (self._tolerant and self._buffer[end : end + 1] == FS)
        _report(payload, "" if whole else NO_START, events)

    def _oversize(self) -> Oversize:
        return Oversize(bytes(self._buffer[: min(HEAD, self._limit)]))

    def _leave(self, after: int) -> None:
        del self._buffer[:after]
        self._inside = self._skipping = False
        self._clean = True
        self._scanned = 0


def _leading_line_ends(buffer: bytearray) -> int:
    match = _LINE_ENDS.match(buffer)
    return match.end() if match else 0


def _opens_message(opening: bytes) -> bool:
    """Whether these four bytes are MSH and a field separator."""
    separator = opening[3:]
    return (
        opening[:3] == _HEADER
        and len(separator) == 1
        and not (separator.isalnum() or separator.isspace())
    )


def _report(payload: bytes, reason: str, events: list[Event]) -> None:
    """Report a frame, and in front of it those that it swallowed because they have no end."""
    if _RESTART in payload:
        *lost, rest = payload.split(_RESTART)
        lost[1:] = [_HEADER + piece for piece in lost[1:]]
        events += [Truncated(piece, NO_END) for piece in lost if not _blank(piece)]
        payload = _HEADER + rest
    if reason:
        if not _blank(payload):
            events.append(Truncated(payload, reason))
    else:
        events.append(Empty() if _blank(payload) else Frame(payload))


def _blank(payload: bytes) -> bool:
    return not payload or payload.isspace()
