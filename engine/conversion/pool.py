"""Mapping in processes of its own, so that it neither waits for the listener nor holds it up."""

from __future__ import annotations

from collections import deque
from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, DeferredList

from engine.conversion.channels import Conversions, Work
from engine.conversion.connection import Job, MappingConnection
from engine.conversion.generation import Generation
from engine.mapping.prepared import Prepared

#: So many processes may end over a message before it counts as the reason.
LOSSES = 3


class MappingPool:
    """Some processes that map; one that ends is replaced, and what it had is mapped again."""

    def __init__(self, reactor: Any, log: FilteringBoundLogger) -> None:
        self._reactor = reactor
        self._log = log
        self._waiting: deque[Job] = deque()
        self._generation: Generation | None = None
        self._longest = 0.0
        self._number = 0
        self._ends: list[Deferred[Any]] = []
        #: those that map, and those that finish what they have
        self._generations: list[Generation] = []

    def use(self, conversions: Conversions, processes: int, longest: float) -> None:
        """Map like this from now on; what is being mapped is finished as it was begun."""
        self._retire()
        self._longest = longest
        over: Deferred[None] = Deferred()
        self._ends.append(over)

        def ended() -> None:
            self._generations.remove(generation)
            over.callback(None)

        generation = Generation(self, self._reactor, conversions, longest, ended)
        self._generation = generation
        self._generations.append(generation)
        generation.start(processes)

    def prepared(self, work: Work) -> Deferred[Prepared]:
        """A message as its destination wants it.

        Fails with MessageError when it cannot be read, MappingFault for a fault of ours, and
        MappingLost when mapping it takes too long or ends the process.
        """
        self._number += 1
        job = Job(self._number, work)
        self._waiting.append(job)
        self.dispatch()
        return job.done

    def dispatch(self) -> None:
        """Give out what waits, as far as there is room."""
        generation = self._generation
        while self._waiting and generation is not None:
            connection = generation.room()
            if connection is None:
                return
            job = self._waiting.popleft()
            if not job.over:
                connection.send(job)

    def lost(self, connection: MappingConnection) -> None:
        """Have mapped again what a process had; unless it is the reason why that has ended."""
        if not connection.jobs:
            return
        seconds = self._reactor.seconds() - connection.since
        self._log.error(
            "mapping.process-ended",
            process=connection.pid,
            messages=len(connection.jobs),
            seconds=round(seconds, 3),
            killed=connection.killed,
        )
        first = connection.jobs[0]
        if connection.pid:
            first.losses += 1
        self._waiting.extendleft(reversed(connection.jobs))
        if connection.pid and seconds >= self._longest and not connection.killed:
            self._give_up(first, f"mapping it takes longer than {self._longest:g} s")
        elif first.losses >= LOSSES:
            self._give_up(first, f"the process that maps it ends, {first.losses} times")
        if self._generation is None:
            self._cancel_waiting()
        self.dispatch()

    def close(self, limit: float | None = None) -> Deferred[Any]:
        """End all; what has not begun is cancelled, what has is finished.

        After ``limit`` seconds, if one is given, nothing is waited for any more.
        """
        self._retire()
        self._cancel_waiting()
        ended = DeferredList(self._ends)
        if limit is not None:
            cut = self._reactor.callLater(limit, self._kill)
            ended.addCallback(lambda _: cut.active() and cut.cancel())
        return ended

    def _kill(self) -> None:
        for generation in list(self._generations):
            generation.kill()

    def _cancel_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            job.done.cancel()

    def _give_up(self, job: Job, why: str) -> None:
        self._waiting.remove(job)
        job.fail(why)

    def _retire(self) -> None:
        old, self._generation = self._generation, None
        if old is not None:
            old.retire()
            self._ends += old.ends
