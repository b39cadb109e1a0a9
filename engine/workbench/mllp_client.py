"""An MLLP client: sends messages and waits for the answers that each of them asks for.

HL7 v2 chapter 2.9: which answers those are stands in MSH-15 and MSH-16; an answer names its
message in MSA-2.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import MessageError
from engine.hl7v2.ack import AckCode, When, answers_for, is_acknowledgement
from engine.hl7v2.charset import wide_codec
from engine.hl7v2.frame import Decoder, Event, Frame, Truncated, wrap
from engine.hl7v2.header import Header
from engine.hl7v2.message import Message

_READ = 64 * 1024


class Outcome(StrEnum):
    """What became of a message that was sent."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    SILENT = "silent"  # it asked for no answer, and got none
    MISSING = "missing"  # an answer was due and did not come
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Answer:
    """One acknowledgement."""

    code: str
    text: str
    raw: bytes


@dataclass(slots=True)
class Sent:
    """A message, the answers that came, and when."""

    name: str
    control_id: str = ""
    answers: list[Answer] = field(default_factory=list)
    #: from the first byte sent to the last answer waited for
    seconds: float = 0.0
    problem: str = ""
    unsent: bool = False
    #: how many answers are certain to come unless one is negative
    due: int = 0
    #: whether others may come, as the receiver finds
    more: bool = False

    @property
    def complete(self) -> bool:
        """Whether no further answer is certain to come."""
        return len(self.answers) >= self.due or self.negative

    @property
    def negative(self) -> bool:
        """Whether it was refused."""
        return any(not _positive(answer.code) for answer in self.answers)

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        if self.unsent:
            return Outcome.UNSENT
        if self.negative:
            return Outcome.NEGATIVE
        if not self.complete:
            return Outcome.MISSING
        return Outcome.POSITIVE if self.answers else Outcome.SILENT


def _positive(code: str) -> bool:
    return code in AckCode.__members__ and AckCode(code).positive


def answers_due(header: Header | None) -> tuple[int, bool]:
    """How many answers a message is certain to get, and whether others may come.

    Certain are those asked for always; ``ER`` and ``SU`` depend on what the receiver finds.
    """
    if header is None:
        return 0, True  # whether a receiver answers what has no MSH is its own decision
    if is_acknowledgement(header):
        return 0, False
    asked = answers_for(header)
    whens = (asked.accept, asked.application)
    certain = sum(when is When.AL for when in whens)
    return certain, any(when in (When.ER, When.SU) for when in whens)


def reason_of(failure: OSError) -> str:
    """Why there is no connection, in the words of the system: asyncio has others."""
    if isinstance(failure, TimeoutError) and failure.errno is None:
        return "no connection in time"
    if isinstance(failure, ConnectionRefusedError):
        return "nobody listens there"
    known = failure.errno is not None and failure.errno > 0 and failure.errno in errno.errorcode
    words = os.strerror(failure.errno) if known and failure.errno else failure.strerror
    return words or str(failure) or type(failure).__name__


def on_the_wire(raw: bytes) -> bytes:
    """A message as the standard frames it: CR ends each segment, whatever the file has."""
    if wide_codec(raw):
        return raw
    lines = raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return lines.strip(b"\r\x0b\x1c") + b"\r"


class Connection:
    """One connection, which sends one message after another."""

    def __init__(self, host: str, port: int, *, timeout: float) -> None:
        self._host, self._port, self._timeout = host, port, timeout
        self._decoder = Decoder(tolerant=True)
        self._open: dict[str, Sent] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        #: answers that belong to no message of this connection
        self.strays = 0

    async def connect(self) -> None:
        """Open it, unless it is open.

        Raises:
            OSError: nobody listens there.

        """
        if self._streams is None:
            opening = asyncio.open_connection(self._host, self._port, limit=_READ)
            self._streams = await asyncio.wait_for(opening, self._timeout)
            self._decoder = Decoder(tolerant=True)

    async def send(self, name: str, raw: bytes) -> Sent:
        """Send a message and wait for the answers that are certain to come."""
        header = Header.read(raw)
        due, more = answers_due(header)
        sent = Sent(name, header.control_id if header else "", due=due, more=more)
        begin = time.perf_counter()
        try:
            await self.connect()
            self._open[sent.control_id] = sent
            await asyncio.wait_for(self._exchange(sent, wrap(raw)), self._timeout)
        except TimeoutError:
            sent.problem = f"no answer within {self._timeout:g} s"
            sent.unsent = self._streams is None
        except OSError as failure:
            sent.problem = reason_of(failure)
            sent.unsent = self._streams is None
            self._drop()
        sent.seconds = time.perf_counter() - begin
        if sent.complete and not more:
            self._open.pop(sent.control_id, None)
        return sent

    async def _exchange(self, sent: Sent, frame: bytes) -> None:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(frame)
        await writer.drain()
        while not sent.complete:
            await self._receive(reader, sent)

    async def _receive(self, reader: asyncio.StreamReader, current: Sent | None) -> None:
        data = await reader.read(_READ)
        events = self._decoder.feed(data) if data else self._decoder.close()
        self._take(events, current)
        if not data and not (current and current.complete):
            raise ConnectionResetError("the other side closed the connection")

    def _take(self, events: list[Event], current: Sent | None) -> None:
        for event in events:
            if isinstance(event, Frame | Truncated):
                self._answer(event.payload, current)

    def _answer(self, raw: bytes, current: Sent | None) -> None:
        """Give an answer to its message: the one that MSA-2 names, else the one that waits."""
        answer, control_id = _read(raw)
        sent = self._open.get(control_id) or (current if not control_id else None)
        if sent is None:
            self.strays += 1
        else:
            sent.answers.append(answer)

    async def finish(self, linger: float) -> None:
        """Say that nothing follows, take what still comes for a while, and close."""
        if self._streams is None:
            return
        reader, writer = self._streams
        with suppress(OSError, TimeoutError):
            if writer.can_write_eof() and self._open:
                writer.write_eof()
                async with asyncio.timeout(linger):
                    while True:
                        await self._receive(reader, None)
        self._drop()
        with suppress(OSError):
            await writer.wait_closed()

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
        self._open.clear()


def _read(raw: bytes) -> tuple[Answer, str]:
    """An acknowledgement's code and words, and the control id that it names."""
    try:
        message = Message.read(raw)
    except MessageError as failure:
        return Answer("?", f"the answer cannot be read: {failure}", raw), ""
    text = message.value("ERR-8") or message.value("MSA-3") or message.value("ERR-3.2")
    return Answer(message.value("MSA-1") or "?", text, raw), message.value("MSA-2")
