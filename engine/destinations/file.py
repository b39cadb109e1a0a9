"""Deliver to a file: one transaction Bundle per line, each once, even over a crash."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from engine.config import FileDestination
from engine.destinations.appender import Appender
from engine.destinations.breaker import Breaker
from engine.fhir import bundle
from engine.fhir.outcome import Delivered, Down, Verdict
from engine.mapping.prepared import BLIND, Prepared

#: Each line says which delivery it is, in Bundle.identifier, which R4 has for just that.
SYSTEM = "urn:mllp-engine:delivery"

_DELIVERY = re.compile(
    rb'\{"resourceType":"Bundle","identifier":\{"system":"'
    + SYSTEM.encode()
    + rb'","value":"(\d+)"'
)


class FileSender:
    """Appends to one file, in a thread. Lines that wait for the disk share one fsync."""

    #: Deliveries at once: a whole group costs one fsync.
    concurrency = 64
    write = BLIND

    def __init__(
        self, destination: FileDestination, *, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = destination.name
        self.breaker = Breaker(destination.name, elapsed)
        self._appender = Appender(destination.path, delivery_of)
        self._waiting: list[tuple[bytes, Deferred[Verdict]]] = []
        self._replayed: set[bytes] = set()
        self._busy = False

    def deliver(
        self, prepared: Prepared, *, delivery_id: int, replayed: bool = False
    ) -> Deferred[Verdict]:
        """Append the Bundle of a message, unless a crash came after it was written.

        Whoever has it replayed wants it written, though it stands there already.
        """
        done: Deferred[Verdict] = Deferred()
        line = line_of(prepared, delivery_id)
        if replayed:
            self._replayed.add(line)
        self._waiting.append((line, done))
        self._flush()
        return done

    def close(self) -> Deferred[None]:
        """Give the file back."""
        return deferToThread(self._appender.close)

    def _flush(self) -> None:
        if self._busy or not self._waiting:
            return
        group, self._waiting = self._waiting, []
        again, self._replayed = self._replayed, set()
        self._busy = True
        written = deferToThread(self._appender.append, [line for line, _ in group], again)
        written.addBoth(self._tell, group)

    def _tell(self, result: object, group: list[tuple[bytes, Deferred[Verdict]]]) -> None:
        self._busy = False
        verdict = _down(result) if isinstance(result, Failure) else Delivered()
        for _, done in group:
            if not done.called:  # cancelled: the line is there, and a repeat will find it
                done.callback(verdict)
        self._flush()


def line_of(prepared: Prepared, delivery_id: int) -> bytes:
    """A delivery as a line; the system's name and number stand first, to be found quickly."""
    identifier = b'{"system":"%b","value":"%d"}' % (SYSTEM.encode(), delivery_id)
    return bundle.joined(prepared.entries, identifier=identifier)


def delivery_of(line: bytes) -> bytes:
    """Which delivery a line is; the line itself when it is none of ours."""
    found = _DELIVERY.match(line)
    return found[1] if found else line


def _down(failure: Failure) -> Verdict:
    """A disk that is full or gone is no message's fault."""
    error = failure.value
    if isinstance(error, OSError):
        return Down(error.strerror or type(error).__name__)
    return Down(type(error).__name__)
