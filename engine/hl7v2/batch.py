"""Several messages in one text: batch files (FHS, BHS, BTS, FTS), or one MSH after another.

HL7 v2 chapter 2.10.3.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from engine.errors import ErrorCode, Location, MessageError

#: A line that begins a message or belongs to an envelope, and the line end before it. After a
#: header's name stands its field separator, whatever that is; a trailer may end after its name.
_MARK = re.compile(rb"[\r\n](?:(MSH|FHS|BHS)(?=[^A-Za-z0-9\s])|(BTS|FTS)(?=[^A-Za-z0-9 ]|$))")
_MESSAGE = re.compile(rb"[\r\n]MSH(?=[^A-Za-z0-9\s])")
#: What is said of a text, if there is more to be said.
_PROBLEMS_AT_MOST = 100
_LINE = re.compile(rb"[^\r\n]*")


@dataclass(slots=True)
class Batch:
    """The messages of a file or frame, each with its bytes as they stood there."""

    messages: list[bytes] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    trailers: list[bytes] = field(default_factory=list)
    #: What belongs to no message and to no envelope.
    strays: list[bytes] = field(default_factory=list)
    problems: list[MessageError] = field(default_factory=list)

    @property
    def enveloped(self) -> bool:
        """Whether there is a batch or file header or trailer."""
        return bool(self.headers or self.trailers)


def split(payload: bytes | str) -> Batch:
    """Take a text apart; one message without a header before it comes back as it is.

    Nothing is dropped: what stands outside of messages and envelopes is among the strays.
    """
    raw = payload.encode() if isinstance(payload, str) else payload
    if _is_one_message(raw.removeprefix(BOM_UTF8)):
        return Batch(messages=[raw])
    parts = Parts(raw)
    messages = [piece for piece in parts if piece is not None]
    parts.batch.messages = messages
    return parts.batch


def count_messages(text: bytes, most: int) -> int:
    """How many messages a text holds; no more than ``most`` are counted."""
    return sum(1 for _ in islice(_MESSAGE.finditer(b"\r" + text), most))


def _is_one_message(text: bytes) -> bool:
    """Whether the text begins with its only MSH: then even a BTS inside belongs to the message."""
    first = _MARK.search(b"\r" + text)
    if first is None or first[1] != b"MSH" or text[: first.start()].strip():
        return False
    return count_messages(text, 2) == 1


class Parts:
    """A text taken apart piece by piece: each message, and None for what is none.

    What stands around the messages is known after the last piece; messages and batches are
    counted on the way, to compare them with what the trailers say.
    """

    def __init__(self, payload: bytes) -> None:
        self._raw = payload.removeprefix(BOM_UTF8)
        #: all but the messages
        self.batch = Batch()
        #: bytes that are still to be taken apart
        self.left = len(self._raw)
        self._messages = 0  # since the batch's header
        self._batches = 0  # since the file's header
        self._trailers: Counter[str] = Counter()
        self._separator = b"|"

    def __iter__(self) -> Iterator[bytes | None]:
        # With a line end in front of the text, a line begins where its mark does in the text.
        marks = _MARK.finditer(b"\r" + self._raw)
        mark = next(marks, None)
        self._stray(self._raw[: mark.start()] if mark else self._raw)
        while mark is not None:
            following = next(marks, None)
            end = following.start() if following else len(self._raw)
            piece = self._raw[mark.start() : end]
            self.left = len(self._raw) - end
            if mark[1] == b"MSH":
                self._messages += 1
                yield piece
            else:
                self._take((mark[1] or mark[2]).decode(), piece)
                yield None
            mark = following

    def _take(self, name: str, text: bytes) -> None:
        line = _LINE.match(text)
        envelope = line[0] if line else b""
        self._stray(text[len(envelope) :])
        match name:
            case "FHS" | "BHS":
                self._open(name, envelope)
            case "BTS":
                self._close(name, envelope, self._messages, "messages")
                self._batches += 1
                self._messages = 0
            case _:
                # A file may hold messages without a batch around them: then those are counted.
                batches = self._batches + bool(self._messages)
                self._close(name, envelope, batches, "batches")
                self._batches = self._messages = 0

    def _open(self, name: str, line: bytes) -> None:
        self.batch.headers.append(line)
        self._separator = line[3:4]
        if name == "FHS":
            self._batches = 0
        self._messages = 0

    def _close(self, name: str, line: bytes, counted: int, what: str) -> None:
        """Compare BTS-1 or FTS-1, where it is valued, with what there was."""
        self.batch.trailers.append(line)
        self._trailers[name] += 1
        parts = line.split(self._separator, 2)
        claimed = parts[1].strip() if len(parts) > 1 else b""
        if claimed and claimed != b'""' and claimed.lstrip(b"0") != str(counted or "").encode():
            self._problem(
                f"the trailer's count differs: there are {counted} {what}",
                ErrorCode.DATA_TYPE_ERROR,
                Location(name, self._trailers[name], 1),
            )

    def _stray(self, text: bytes) -> None:
        text = text.strip(b"\r\n")
        if text:
            self.batch.strays.append(text)
            self._problem(
                "text outside of messages and batch segments", ErrorCode.SEGMENT_SEQUENCE_ERROR
            )

    def _problem(self, what: str, code: ErrorCode, at: Location | None = None) -> None:
        if len(self.batch.problems) < _PROBLEMS_AT_MOST:
            self.batch.problems.append(MessageError(what, at=at, code=code))
