"""One MLLP connection: bytes in, frames to the reception, answers out in order."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet import interfaces, protocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from engine import wire
from engine.hl7v2.frame import Decoder, Empty, Event, Frame, Junk, Oversize, Truncated
from engine.sources.answers import AnswerQueue
from engine.sources.budget import Budget
from engine.sources.ending import Ending
from engine.sources.exchange import Line
from engine.sources.flow import Flow, Hold
from engine.sources.portions import Portions
from engine.sources.record import Record
from engine.sources.room import seconds_since_data
from engine.sources.timing import Clock, FrameTimer, IdleTimer, SilenceTimer

if TYPE_CHECKING:
    from engine.config import MllpSource

#: More unanswered messages than this on one connection, and it is not read for a while: enough
#: that a sender which does not wait for answers fills the store's group commits.
UNANSWERED = 256
#: As above for application answers that wait for a delivery; accept answers go on meanwhile.
UNDELIVERED = 4096
_NOTHING = (0, 0)


class Reception(Protocol):
    """What a connection does with its frames."""

    def frame(self, payload: bytes, line: Line) -> Iterator[int] | None:
        """Take a whole frame; a batch step by step, each telling how many bytes are left."""
        ...

    def broken(self, payload: bytes, reason: str, line: Line) -> None:
        """Take what came of a frame that has no end, or none within the limits."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connection is given by the port that it came in by."""

    port: str
    source: MllpSource
    reception: Reception
    budget: Budget
    record: Record
    clock: Clock


@implementer(interfaces.IHalfCloseableProtocol, interfaces.IPushProducer)
class MllpProtocol(protocol.Protocol):
    """One connection. As producer it is told by Twisted when the peer does not read answers."""

    transport: Any  # a TCP transport; Twisted's interfaces say little to mypy

    def __init__(
        self, around: Surroundings, host: str, port: int, lost: Callable[[MllpProtocol], None]
    ) -> None:
        source, clock = around.source, around.clock
        self.host, self.peer = host, f"{host}:{port}"
        self.answers = AnswerQueue(self._write, self._dropped, self._moved)
        self.later = AnswerQueue(self._write, self._dropped, self._moved)
        self._around = around
        self._tell_lost = lost
        self._decoder = Decoder(max_frame=source.max_frame, tolerant=source.tolerant)
        self._flow = Flow(self._stop_reading, self._read_on)
        self._in_frame = FrameTimer(clock, source.frame_timeout, self._too_slow)
        self._idle = IdleTimer(clock, source.idle_timeout, self._too_quiet)
        self._silence = SilenceTimer(clock, self._silent)
        self._ending = Ending(clock, self._close_our_side, self._cut)
        self._events: deque[Event] = deque()  # what has come behind a batch
        self._portions = Portions(clock, self._flow, self._portion_taken)
        self._partial = self._whole = 0  # bytes that the budget counts for this connection
        self._last_frame = False  # end with the frame that is being read or taken
        self._read_closed = False
        self._gone = False

    # --- what Twisted calls ------------------------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Begin."""
        self.transport.setTcpNoDelay(True)
        _keep_alive(self.transport.getHandle())
        self.transport.registerProducer(self, True)
        self._idle.start()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take bytes, in whatever pieces they come."""
        if self._ending.begun:
            return  # nothing is promised for what comes after our last word
        self._idle.touch()
        events = self._decoder.feed(data)
        self._take(events)
        self._after_read(len(data), bool(events))

    def readConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """The peer has closed its side; it may still read, so its answers are finished."""
        self._read_closed = True
        self._in_frame.stop()
        self._end_frame("the sender closed its side inside the frame")
        if self._ending.said_all:
            self.transport.loseConnection()  # both sides have said all
        self._last_frame = True
        if not self._portions.more:
            self._end()

    def writeConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """Our side is closed; the peer's end, or the cut, comes next."""

    def connectionLost(  # noqa: N802 - Twisted's name
        self, reason: Failure = connectionDone
    ) -> None:
        """Stop everything that belongs to the connection; what is committed goes its way."""
        self._gone = True
        self._leave_batch()
        self.answers.close()
        self.later.close()
        self._ending.over()
        self._in_frame.stop()
        self._idle.stop()
        self._silence.stop()
        self._end_frame("the connection was lost inside the frame")
        self._count_bytes()
        self._around.budget.leave(self)
        self._around.record.connection_closed(self._around.port, self.peer, reason)
        self._tell_lost(self)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The peer does not read: the buffer of answers is full."""
        self._flow.hold(Hold.PEER)

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The peer reads again."""
        self._flow.release(Hold.PEER)

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport ends; connectionLost says the rest."""

    # --- what the port and the budget call ---------------------------------------------------

    @property
    def inside(self) -> bool:
        """Whether a frame is half read, or a batch is half taken."""
        return self._portions.more or self._decoder.inside

    @property
    def busy(self) -> bool:
        """Whether the peer may rightly wait for us: for an answer, or to be read."""
        if self._flow.held_for(Hold.PEER):
            return False  # it is we who wait
        pending = self.answers.pending or self.later.pending
        return self.inside or self._flow.held or bool(pending)

    @property
    def ending(self) -> bool:
        """Whether nothing that comes is handled any more."""
        return self._ending.begun

    def silent_for(self) -> float:
        """For how many seconds nothing has come; 0 while anything is under way, or at its end."""
        unwritten = wire.has_unwritten(self.transport)
        if self.ending or self._gone or self._flow.held or self.busy or unwritten:
            return 0.0
        return seconds_since_data(self.transport.getHandle())

    def resume(self) -> None:
        """The budget allows to read on."""
        self._flow.release(Hold.BUDGET)

    def drain(self) -> None:
        """Finish the frame that is half read, give the answers, close."""
        if self.inside:
            self._last_frame = True
        else:
            self._end()

    def cut(self) -> None:
        """Close without any more patience."""
        self._cut()

    # --- frames ------------------------------------------------------------------------------

    def _take(self, events: Sequence[Event] = ()) -> None:
        """Handle what has come, in its order: behind a batch, when that is taken."""
        self._events += events
        while self._events and not self._portions.more:
            self._handle(self._events.popleft())

    def _handle(self, event: Event) -> None:
        around = self._around
        match event:
            case _ if self._ending.begun:
                pass
            case Frame(payload):
                batch = around.reception.frame(payload, self)
                if batch is not None:
                    self._begin_batch(batch)
            case Oversize(head):
                reason = f"larger than the {around.source.max_frame} bytes that the port takes"
                around.reception.broken(head, reason, self)
                self._end()
            case Truncated(payload, reason):
                around.reception.broken(payload, reason, self)
            case Junk(length):
                around.record.junk(around.port, self.peer, length)
            case Empty():
                around.record.empty_frame(around.port, self.peer)

    def _after_read(self, received: int, new_frame: bool) -> None:
        inside = self._decoder.inside
        if inside or self._in_frame.running:
            self._in_frame.progress(inside=inside, received=received, new_frame=new_frame)
        if self._around.source.tolerant:
            self._silence.watch(self._decoder.waiting_for_silence)
        if self._last_frame and not self.inside:
            self._end()
        self._count_bytes()
        if self.answers.pending > UNANSWERED or self.later.pending > UNDELIVERED:
            self._flow.hold(Hold.ANSWERS)

    def _end_frame(self, reason: str) -> None:
        self._take(
            [
                replace(event, reason=reason) if isinstance(event, Truncated) else event
                for event in self._decoder.close()
            ]
        )

    # --- batches -----------------------------------------------------------------------------

    def _begin_batch(self, batch: Iterator[int]) -> None:
        """Take the first portion; while there are more, read no further."""
        self._portions.begin(batch)
        if self._portions.more and not self._flow.held:
            self._stop_reading()

    def _portion_taken(self) -> None:
        self._idle.touch()
        if not self._portions.more:
            self._take()
            if not (self._portions.more or self._flow.held):
                self._read_on()
        self._after_read(0, False)

    def _leave_batch(self) -> None:
        self._portions.leave()
        self._events.clear()

    # --- time --------------------------------------------------------------------------------

    def _too_slow(self) -> None:
        self._end_frame(f"the frame did not end within {self._around.source.frame_timeout:g} s")
        self._end()

    def _too_quiet(self) -> None:
        if self.busy:
            self._idle.start()  # it is not the sender who is late; a frame has its own time
            return
        self._around.record.idle(self._around.port, self.peer)
        self._end()

    def _silent(self) -> None:
        self._take(self._decoder.expire())
        self._after_read(0, True)

    # --- answers and bytes -------------------------------------------------------------------

    def _write(self, answer: bytes) -> None:
        if self.answers.pending:
            self.transport.write(answer)
        else:  # the sender waits for just this
            wire.send(self.transport, answer)

    def _dropped(self) -> None:
        self._around.record.answer_dropped(self._around.port, self.peer)

    def _moved(self) -> None:
        self._count_bytes()
        if self.answers.pending <= UNANSWERED // 2 and self.later.pending <= UNDELIVERED // 2:
            self._flow.release(Hold.ANSWERS)
        if self._ending.begun:
            self._end()

    def _count_bytes(self) -> None:
        partial = self._decoder.buffered + self._portions.left
        whole = self.answers.size + self.later.size
        change = (partial - self._partial, whole - self._whole)
        if change == _NOTHING:
            return
        self._partial, self._whole = partial, whole
        if self._gone:
            self._around.budget.give(*change)
        elif self._around.budget.change(self, *change):
            self._flow.release(Hold.BUDGET)
        else:
            self._flow.hold(Hold.BUDGET)

    # --- reading and ending ------------------------------------------------------------------

    def _stop_reading(self) -> None:
        self._in_frame.suspend()
        self._silence.suspend()
        if not (self._gone or self._ending.begun):
            self.transport.pauseProducing()

    def _read_on(self) -> None:
        if self._portions.more:
            self._portions.go_on()
            return
        self._in_frame.resume()
        self._silence.resume()
        if not (self._gone or self._read_closed):
            self.transport.resumeProducing()

    def _end(self) -> None:
        """Handle nothing more; close when the last answer has been written."""
        if self._gone:
            return
        if not self._ending.begun:
            self._ending.begin()
            held = self._flow.held or self._portions.more
            self._leave_batch()
            self._in_frame.stop()
            self._idle.stop()
            self._silence.stop()
            if held and not self._read_closed:
                self.transport.resumeProducing()  # to see the peer's end, and to discard
        if not (self.answers.pending or self.later.pending):
            self._ending.say_no_more()

    def _close_our_side(self) -> None:
        self.transport.unregisterProducer()
        if self._read_closed:
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def _cut(self) -> None:
        if not self._gone:
            self.transport.abortConnection()


def _keep_alive(connection: socket.socket) -> None:
    """Let the kernel notice a peer that vanished: after a minute of silence, four probes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
