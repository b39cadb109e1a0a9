"""The mapping processes of one configuration; those that end are replaced until it is over."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from engine.conversion.channels import Conversions
from engine.conversion.connection import Job, MappingConnection
from engine.conversion.nursery import Nursery

#: Messages that a process has at once, enough that neither waits for the other on a machine with
#: more to do; and bytes of them, so that not many wait behind a long one.
AHEAD = 16
AHEAD_BYTES = 256 * 1024
#: Seconds before another try when a process has ended before it could begin.
PAUSE = 1.0
#: Seconds between two looks at whether processes still do something; and those that one may
#: take to begin, for it waits until mappings are compiled.
LOOK = 1.0
BEGINNING = 120.0


class Owner(Protocol):
    """Who gives the processes their work."""

    def dispatch(self) -> None:
        """There is room for more."""

    def lost(self, connection: MappingConnection) -> None:
        """A process has ended; its jobs have not."""


class Generation:
    """Some processes that map alike."""

    def __init__(
        self,
        owner: Owner,
        reactor: Any,
        conversions: Conversions,
        longest: float,
        over: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._reactor = reactor
        self._begin: Callable[[], Nursery] = lambda: Nursery(conversions, longest)
        self._over = over
        #: a process ends itself when a message takes longer; after this, it is stopped
        self._patience = 1.2 * longest + 1.0
        self._suspects: dict[MappingConnection, Job] = {}
        self._looking: Any = None
        self._nursery: Nursery | None = None
        self._connections: list[MappingConnection] = []
        self._retired = False
        #: of processes that have been killed and not yet been waited for
        self.ends: list[Deferred[int]] = []

    def start(self, processes: int) -> None:
        """Begin so many."""
        for _ in range(processes):
            self._start()
        self._look()

    def room(self) -> MappingConnection | None:
        """The process that has least to do, if it can take more."""
        least = min(self._connections, key=lambda one: len(one.jobs), default=None)
        if least is None or len(least.jobs) >= AHEAD or least.size >= AHEAD_BYTES:
            return None
        return least

    def retire(self) -> None:
        """End them when they have finished what they have."""
        self._retired = True
        self._end_nursery()
        for connection in list(self._connections):
            connection.retire()
        self._end_if_empty()

    def kill(self) -> None:
        """End them at once."""
        for connection in list(self._connections):
            connection.kill()

    def _look(self) -> None:
        """End the processes that do nothing any more: stopped, or deaf to their own timer.

        What is seen twice counts: after the engine itself has stood still, answers are waiting.
        """
        before, self._suspects = self._suspects, {}
        for connection in list(self._connections):
            patience = self._patience if connection.pid else max(self._patience, BEGINNING)
            if not connection.jobs or self._reactor.seconds() - connection.since < patience:
                continue
            job = self._suspects[connection] = connection.jobs[0]
            if before.get(connection) is job:
                if not connection.pid:
                    self._end_nursery()
                connection.kill()
        self._looking = self._reactor.callLater(LOOK, self._look)

    def _start(self) -> None:
        if self._retired:
            return
        try:
            connection = self._forked()
        except OSError:  # no process, no memory, no file: another time
            self._reactor.callLater(PAUSE, self._start)
            return
        process = MappingConnection(self._owner.dispatch, self._lost, self._reactor)
        process.begin(connection, self._reactor)
        self._connections.append(process)
        self._owner.dispatch()

    def _forked(self) -> socket.socket:
        if self._nursery is not None and not self._nursery.alive:
            self._end_nursery()
        if self._nursery is None:
            self._nursery = self._begin()
        return self._nursery.fork()

    def _end_nursery(self) -> None:
        if self._nursery is not None:
            self.ends.append(self._nursery.end())
            self._nursery = None

    def _lost(self, connection: MappingConnection) -> None:
        self._connections.remove(connection)
        if not self._retired:
            self._reactor.callLater(0 if connection.pid else PAUSE, self._start)
        self._owner.lost(connection)
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._retired and not self._connections:
            if self._looking is not None and self._looking.active():
                self._looking.cancel()
            self._over()
