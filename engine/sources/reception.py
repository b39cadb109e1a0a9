"""Frames of one port: read, decide, commit, answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from engine import intake
from engine.errors import MessageError, StoreError
from engine.hl7v2.ack import AckCode, Header, is_acknowledgement
from engine.hl7v2.batch import Parts
from engine.hl7v2.message import Message
from engine.lifecycle import Outcome
from engine.sources import facts
from engine.sources.exchange import Arrival, Exchange, Line, Tools
from engine.sources.replies import OUR_FAULT, Verdict
from engine.sources.unpack import unpack
from engine.store.committer import Failed
from engine.store.records import Receipt, Received

if TYPE_CHECKING:
    from engine.config import Channel

#: So much of a batch is taken in one turn of the reactor, in messages and in bytes: some
#: hundredths of a second, in which nobody else is listened to.
AT_ONCE, BYTES_AT_ONCE = 64, 256 * 1024


class Reception:
    """The channels of one port, and what they make of each frame.

    Everything up to the call of the store runs within the read that brought the frame: so the
    store, and with it every lane, has the messages in the order in which they came.
    """

    def __init__(
        self, port: str, channels: Sequence[Channel], configuration: str, tools: Tools
    ) -> None:
        self.port = port
        self._tools = tools
        self.use(channels, configuration)

    def use(self, channels: Sequence[Channel], configuration: str) -> None:
        """Take what comes from now on by these channels; that of all the rest comes last."""
        self.channels = tuple(sorted(channels, key=lambda channel: channel.when is None))
        self.configuration = configuration
        self._targets = {channel.name: facts.Targets.of(channel) for channel in channels}

    def frame(self, payload: bytes, line: Line) -> Iterator[int] | None:
        """Take a frame: one message; or, as far as its iterator is asked, a batch.

        Each step takes a portion and tells how many bytes are left.

        The messages of a batch are handled and answered one by one, each as its own MSH asks;
        chapter 2.10.3 leaves answers to whole batches to an agreement, and there is none.
        """
        try:
            parts = unpack(payload)
        except MessageError as error:
            self._quarantine(self._arrival(payload, line), error, Verdict.REJECT)
            return None
        if parts is not None:
            return self._batch(parts, line)
        self._message(self._arrival(payload, line))
        return None

    def broken(self, payload: bytes, reason: str, line: Line) -> None:
        """Take what came of a frame that did not come whole."""
        self._quarantine(self._arrival(payload, line), MessageError(reason), Verdict.REJECT)

    def _arrival(self, raw: bytes, line: Line) -> Arrival:
        slot = line.answers.open(len(raw))
        return Arrival(self.port, raw, line, slot, self._tools.clock(), self.configuration)

    def _batch(self, parts: Parts, line: Line) -> Iterator[int]:
        pieces, before = 0, parts.left
        for raw in parts:
            if raw is not None:
                self._message(self._arrival(raw, line))
            pieces += 1
            if pieces >= AT_ONCE or before - parts.left >= BYTES_AT_ONCE:
                yield parts.left
                pieces, before = 0, parts.left
        batch = parts.batch
        if batch.problems:
            # The messages are safe; what is odd about their envelope is kept for a person.
            envelope = b"\r".join((*batch.headers, *batch.strays, *batch.trailers))
            reason = "; ".join(str(problem) for problem in batch.problems)
            arrival = self._arrival(envelope, line)
            exchange = Exchange(self._tools, arrival, None)
            self._close(exchange, facts.unreadable(arrival, (), reason))

    # --- decisions ---------------------------------------------------------------------------

    def _message(self, arrival: Arrival) -> None:
        try:
            message, channel = intake.read(arrival.raw, self.channels)
            self._decided(arrival, message, intake.decide(message, channel))
        except MessageError as error:
            self._quarantine(arrival, error, Verdict.REJECT)
        except Exception:  # a fault of ours must not cost the sender its connection
            failure = Failure()  # type: ignore[no-untyped-call]
            self._tools.record.fault(self.port, failure)
            self._quarantine(arrival, OUR_FAULT, Verdict.ERROR)

    def _decided(
        self, arrival: Arrival, message: Message, decision: intake.Decision[Channel]
    ) -> None:
        exchange = Exchange(self._tools, arrival, Header.of(message))
        match decision:
            case intake.Accept(channel, flags):
                self._accept(exchange, arrival, message, channel, flags)
            case intake.Filter(channel, condition):
                codes = exchange.both(Verdict.POSITIVE)
                received = facts.closed(
                    arrival, message, channel, Outcome.FILTERED, codes, condition
                )
                self._close(exchange, received, codes)
            case intake.Refuse(channel, error):
                codes = exchange.refusal(Verdict.REJECT if decision.rejected else Verdict.ERROR)
                # What no channel of the port takes is kept as what never reached a channel.
                outcome = Outcome.REFUSED if channel else Outcome.QUARANTINED
                received = facts.closed(arrival, message, channel, outcome, codes, str(error))
                self._close(exchange, received, codes, error)
            case intake.Acknowledgement(channel):
                received = facts.closed(arrival, message, channel, Outcome.ACKNOWLEDGEMENT)
                self._close(exchange, received)

    def _quarantine(self, arrival: Arrival, error: MessageError, verdict: Verdict) -> None:
        """Keep bytes that are no message, and refuse them where their MSH says to whom."""
        header = Header.read(arrival.raw)
        if header is not None and is_acknowledgement(header):
            header = None  # never answered, also when it cannot be read
        exchange = Exchange(self._tools, arrival, header)
        codes = exchange.refusal(verdict)
        received = facts.unreadable(arrival, codes, str(error))
        self._close(exchange, received, codes, error)

    # --- commits -----------------------------------------------------------------------------

    def _accept(
        self,
        exchange: Exchange,
        arrival: Arrival,
        message: Message,
        channel: Channel,
        flags: Sequence[MessageError],
    ) -> None:
        answer = exchange.commit_answer(channel)
        known = self._tools.authorities(channel)
        targets = self._targets[channel.name]
        received = facts.accepted(arrival, message, channel, targets, answer, flags, known)
        # Nothing of the message but its bytes waits for the commit: hundreds may, and what they
        # hold would drive everything else out of the processor's cache.
        self._commit(exchange, received, lambda receipt: exchange.committed(receipt, channel))
        if channel.ack.when == "stored":
            exchange.prepare()

    def _close(
        self,
        exchange: Exchange,
        received: Received,
        codes: Sequence[AckCode] = (),
        *errors: MessageError,
    ) -> None:
        self._commit(exchange, received, lambda _: exchange.close(codes, errors))

    def _commit(
        self, exchange: Exchange, received: Received, then: Callable[[Receipt], None]
    ) -> None:
        """Store, then answer: in this order, whatever the message is."""
        record = self._tools.record

        def stored(receipt: Receipt | Failed) -> None:
            if isinstance(receipt, Failed):
                self._not_stored(exchange, received, receipt.error)
                return
            try:
                then(receipt)  # first of all: somebody waits for it
                record.stored(received, receipt)
                if receipt.outcome is Outcome.ACCEPTED:
                    self._tools.wake(received.destinations)
            except Exception as fault:
                self._not_stored(exchange, received, fault)

        self._tools.store.keep(received, stored)

    def _not_stored(self, exchange: Exchange, received: Received, error: BaseException) -> None:
        record = self._tools.record
        if isinstance(error, StoreError):
            record.not_stored(received, error)
        else:
            record.fault(self.port, Failure(error))  # type: ignore[no-untyped-call]
        exchange.not_stored()
