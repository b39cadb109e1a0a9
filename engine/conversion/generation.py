"""The mapping processes of one configuration; those that end are replaced until it is over."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from engine.conversion.channels import Conversions
from engine.conversion.connection import MappingConnection
from engine.conversion.nursery import Nursery

#: Messages that a process has at once, enough that neither waits for the other on a machine with
#: more to do; and bytes of them, so that not many wait behind a long one.
AHEAD = 16
AHEAD_BYTES = 256 * 1024
#: Seconds before another try when a process has ended before it could begin.
PAUSE = 1.0


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
        self._nursery: Nursery | None = None
        self._connections: list[MappingConnection] = []
        self._retired = False
        #: of processes that have been killed and not yet been waited for
        self.ends: list[Deferred[int]] = []

    def start(self, processes: int) -> None:
        """Begin so many."""
        for _ in range(processes):
            self._start()

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
            self._over()
