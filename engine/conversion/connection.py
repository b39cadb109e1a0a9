"""The engine's end of one mapping process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from engine import wire
from engine.conversion import process
from engine.conversion.channels import Work
from engine.errors import EngineError, MessageError
from engine.mapping.prepared import Prepared
from engine.pipes import Frames, framed


class MappingFault(EngineError):  # noqa: N818 - a fault is not the message's error
    """Mapping has failed by a fault of ours."""

    def __init__(self, fault: str, where: str) -> None:
        super().__init__(fault)
        self.where = where


class MappingLost(EngineError):  # noqa: N818 - it says what has happened
    """A message cannot be mapped: the processes that tried have ended."""


class Job:
    """A message to be mapped, and who waits for it."""

    __slots__ = ("done", "losses", "number", "over", "work")

    def __init__(self, number: int, work: Work) -> None:
        self.number = number
        self.work = work
        self.done: Deferred[Prepared] = Deferred(lambda _: self._cancelled())
        #: how many processes have ended while they mapped it
        self.losses = 0
        #: nobody waits any more
        self.over = False

    def _cancelled(self) -> None:
        self.over = True

    def answer(self, word: str, *said: Any) -> None:
        """Tell what came of it."""
        if word == process.PREPARED:
            self._end(Prepared.unpacked(said[0]))
        elif word == process.UNREADABLE:
            self._end(MessageError(*said))
        else:
            self._end(MappingFault(*said))

    def fail(self, why: str) -> None:
        """Tell that nothing will come of it."""
        self._end(MappingLost(why))

    def _end(self, result: Prepared | EngineError) -> None:
        if self.over:
            return
        self.over = True
        if isinstance(result, EngineError):
            self.done.errback(result)
        else:
            self.done.callback(result)


#: While a process has more to do, its answers are told so many at once, or after so many seconds:
#: deliveries that begin together search together, which is most of what they cost.
TOGETHER = 8
MOMENT = 0.025


class MappingConnection(Protocol):
    """Jobs go in, answers come back in the same order.

    ``free`` is called when there is room for more, ``lost`` when the process has ended.
    """

    def __init__(
        self,
        free: Callable[[], None],
        lost: Callable[[MappingConnection], None],
        clock: Any,
    ) -> None:
        self.jobs: deque[Job] = deque()
        #: bytes of their messages
        self.size = 0
        #: of the process; 0 until it is there
        self.pid = 0
        #: since when it has been at its first job
        self.since = 0.0
        #: that it was ended from here, and not by what it maps
        self.killed = False
        self._free = free
        self._lost = lost
        self._clock = clock
        self._seconds: Callable[[], float] = clock.seconds
        self._answers: list[tuple[Job, list[Any]]] = []
        self._telling: Any = None
        self._frames = Frames()
        self._retired = False

    def begin(self, connection: socket.socket, reactor: Any) -> None:
        """Speak over one end of a pair of sockets."""
        self._wire = wire.connect(connection, self, reactor)

    def send(self, job: Job) -> None:
        """Have a message mapped."""
        if not self.jobs:
            self.since = self._seconds()
        self.jobs.append(job)
        self.size += len(job.work.raw)
        self._wire.write(framed((job.number, *job.work)))

    def retire(self) -> None:
        """Hang up as soon as nothing is to come."""
        self._retired = True
        if not self.jobs:
            self._wire.loseConnection()
            self._end_process()  # one that is stopped would never see that we have hung up

    def kill(self) -> None:
        """End the process, whatever it is at; that it has ended, ``lost`` is told."""
        self.killed = True
        self._end_process()
        if not self.pid:
            self._wire.abortConnection()  # it has not come so far as to have a number

    def _end_process(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted calls this name
        """Take answers."""
        for value in self._frames.feed(data):
            self._take(value)
        self._free()
        if not self.jobs or len(self._answers) >= TOGETHER:
            self._tell()
        elif self._answers and self._telling is None:
            self._telling = self._clock.callLater(MOMENT, self._tell)

    def _take(self, value: Any) -> None:
        if not self.pid:
            self.pid = value
            self.since = self._seconds()
            return
        number, *answer = value
        job = self.jobs.popleft()
        self.size -= len(job.work.raw)
        assert job.number == number
        self.since = self._seconds()
        self._answers.append((job, answer))
        if self._retired:
            self.retire()

    def _tell(self) -> None:
        if self._telling is not None and self._telling.active():
            self._telling.cancel()
        self._telling = None
        answers, self._answers = self._answers, []
        for job, answer in answers:
            job.answer(*answer)

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: ARG002, N802 - Twisted's signature
        """The process has ended."""
        self._tell()
        self._lost(self)
