"""Several messages in one text: batch files (FHS, BHS, BTS, FTS), or one MSH after another.

HL7 v2 chapter 2.10.3.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field

from engine.errors import ErrorCode, Location, MessageError

#: A line that begins a message or belongs to an envelope, and the line end before it. After a
#: header's name stands its field separator, whatever that is; a trailer may end after its name.
_MARK = re.compile(rb"[\r\n](?:(MSH|FHS|BHS)(?=[^A-Za-z0-9\s])|(BTS|FTS)(?=[^A-Za-z0-9 ]|$))")
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
    text = raw.removeprefix(BOM_UTF8)
    # With a line end in front of the text, a line begins where its mark does in the text.
    marks = list(_MARK.finditer(b"\r" + text))
    if _is_one_message(text, marks):
        return Batch(messages=[raw])
    return _Splitter(text).split(marks)


def _is_one_message(text: bytes, marks: list[re.Match[bytes]]) -> bool:
    """Whether the text begins with its only MSH: then even a BTS inside belongs to the message."""
    if not marks or marks[0][1] != b"MSH" or text[: marks[0].start()].strip():
        return False
    return not any(mark[1] == b"MSH" for mark in marks[1:])


class _Splitter:
    """Counts messages and batches on the way, to compare them with what the trailers say."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._batch = Batch()
        self._messages = 0  # since the batch's header
        self._batches = 0  # since the file's header
        self._separator = b"|"

    def split(self, marks: list[re.Match[bytes]]) -> Batch:
        ends = [*(mark.start() for mark in marks), len(self._raw)]
        self._stray(self._raw[: ends[0]])
        for mark, end in zip(marks, ends[1:], strict=True):
            self._take((mark[1] or mark[2]).decode(), self._raw[mark.start() : end])
        return self._batch

    def _take(self, name: str, text: bytes) -> None:
        if name == "MSH":
            self._batch.messages.append(text)
            self._messages += 1
            return
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
        self._batch.headers.append(line)
        self._separator = line[3:4]
        if name == "FHS":
            self._batches = 0
        self._messages = 0

    def _close(self, name: str, line: bytes, counted: int, what: str) -> None:
        """Compare BTS-1 or FTS-1, where it is valued, with what there was."""
        self._batch.trailers.append(line)
        parts = line.split(self._separator, 2)
        claimed = parts[1].strip() if len(parts) > 1 else b""
        if claimed and claimed != b'""' and claimed.lstrip(b"0") != str(counted or "").encode():
            sequence = sum(trailer[:3] == line[:3] for trailer in self._batch.trailers)
            self._batch.problems.append(
                MessageError(
                    f"the trailer's count differs: there are {counted} {what}",
                    at=Location(name, sequence, 1),
                    code=ErrorCode.DATA_TYPE_ERROR,
                )
            )

    def _stray(self, text: bytes) -> None:
        text = text.strip(b"\r\n")
        if text:
            self._batch.strays.append(text)
            self._batch.problems.append(
                MessageError(
                    "text outside of messages and batch segments",
                    code=ErrorCode.SEGMENT_SEQUENCE_ERROR,
                )
            )
