"""Let a receiver that was written for txHL7 be plugged into our ports.

txHL7's own server answers out of order, knows no limits and drops the connection on bad input;
its receivers are fine. Here they get our framing, order, limits and back-pressure. What they
store or promise is theirs: such a port does not use our store.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from twisted.internet.defer import maybeDeferred
from twisted.python.failure import Failure

from engine.errors import MessageError
from engine.hl7v2.ack import Header
from engine.hl7v2.frame import wrap
from engine.sources.answers import Slot
from engine.sources.exchange import Line
from engine.sources.record import Record
from engine.sources.replies import Replies, Verdict


class Container(Protocol):
    """txHL7's MessageContainer: a message that can acknowledge itself."""

    def err(self, failure: Failure) -> str | None:
        """The answer when handling has failed."""
        ...


class Receiver(Protocol):
    """txHL7's IHL7Receiver."""

    def parseMessage(self, raw_message: str) -> Container:  # noqa: N802 - txHL7's name
        """A message from its text."""
        ...

    def handleMessage(self, message_container: Container) -> Any:  # noqa: N802 - txHL7's name
        """The answer, None for none, or a Deferred of either."""
        ...

    def getCodec(self) -> Any:  # noqa: N802 - txHL7's name
        """The codec's name, or name and error handling."""
        ...


class PluggedReceiver:
    """A reception (see engine.sources.mllp) that gives every message to a txHL7 receiver."""

    def __init__(self, receiver: Receiver, port: str, record: Record, replies: Replies) -> None:
        self._receiver = receiver
        self._port = port
        self._record = record
        self._replies = replies
        codec = receiver.getCodec()
        name, errors = codec if isinstance(codec, tuple) else (codec, None)
        self._codec = name or sys.getdefaultencoding()
        self._errors = errors or "strict"

    def frame(self, payload: bytes, line: Line) -> None:
        """Let the receiver handle a message; its answer keeps its place in the order."""
        slot = line.answers.open(len(payload))
        try:
            container = self._receiver.parseMessage(payload.decode(self._codec, self._errors))
        except Exception:  # whatever a receiver raises on bad input
            self._refuse(payload, slot, "not a message for this receiver")
            return
        handled = maybeDeferred(self._receiver.handleMessage, container)
        handled.addErrback(self._failed, container)
        handled.addCallback(self._answer, slot)
        handled.addErrback(self._gave_up, payload, slot)

    def broken(self, payload: bytes, reason: str, line: Line) -> None:
        """Refuse a frame that did not come whole; the receiver never sees it."""
        self._refuse(payload, line.answers.open(len(payload)), reason)

    def _answer(self, answer: str | bytes | None, slot: Slot) -> None:
        if isinstance(answer, str):
            answer = answer.encode(self._codec, self._errors)
        slot.fill(wrap(answer) if answer else b"")

    def _failed(self, failure: Failure, container: Container) -> str | None:
        self._record.fault(self._port, failure)
        return container.err(failure)

    def _gave_up(self, failure: Failure, payload: bytes, slot: Slot) -> None:
        self._record.fault(self._port, failure)
        self._refuse(payload, slot, "an error of the receiving system")

    def _refuse(self, payload: bytes, slot: Slot, reason: str) -> None:
        header = Header.read(payload)
        code = Verdict.REJECT.application
        slot.fill(
            b"" if header is None else self._replies.frame(header, code, (MessageError(reason),))
        )
