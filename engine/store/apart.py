"""The engine's end of the process that writes the store."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from twisted.internet.protocol import Protocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from engine import wire
from engine.errors import StoreError
from engine.pipes import Frames, begin, framed, values
from engine.store.committer import Asked


class ProcessBench:
    """Commits in a process of its own, which has the store's lock as long as it lives."""

    def __init__(
        self, path: Path, lock: IO[bytes], clock: Callable[[], float], reactor: Any
    ) -> None:
        self._path = path
        self._lock = lock
        self._clock = clock
        self._reactor = reactor

    def open(self, done: Callable[[Sequence[Any]], None], over: Callable[[], None]) -> None:
        """Begin; raise StoreError when the store cannot be opened.

        It waits as long as that takes: there is nothing else to be done before it.
        """
        try:
            ours, process = self._begun()
        except OSError as failure:
            raise StoreError(f"no process can write {self._path}: {failure.strerror}") from failure
        never_began = StoreError("the process that writes the store has ended before it began")
        trouble = next(values(ours), never_began)
        if trouble is not None:
            ours.close()
            process.wait()
            raise trouble
        self._wire = _Wire(process, done, over)
        self._wire.begin(ours, self._reactor)

    def _begun(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair()
        with theirs:
            given = theirs.fileno(), self._lock.fileno()
            arguments = str(self._path), str(theirs.fileno()), repr(self._clock())
            try:
                return ours, begin("engine.store.process", *arguments, descriptors=given)
            except OSError:
                ours.close()
                raise

    def commit(self, group: Sequence[Asked]) -> None:
        """Do a group."""
        named = [(kind.name, argument) for kind, argument in group]
        self._wire.send((self._clock(), named))

    def close(self) -> None:
        """End, and give the files back."""
        self._wire.send(None)

    def kill(self) -> None:
        """End at once: what was not committed was not promised either."""
        self._wire.kill()


class _Wire(Protocol):
    """Groups go out, results come in."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        done: Callable[[Sequence[Any]], None],
        over: Callable[[], None],
    ) -> None:
        self._process = process
        self._done = done
        self._over = over
        self._frames = Frames()

    def begin(self, connection: socket.socket, reactor: Any) -> None:
        """Speak over one end of a pair of sockets."""
        self._wire = wire.connect(connection, self, reactor)

    def send(self, value: Any) -> None:
        """Say something, unless the process has ended: whoever waits is told of that soon."""
        if self._wire.connected:
            wire.send(self._wire, framed(value))

    def kill(self) -> None:
        """End the process; the connection finds out."""
        self._process.kill()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted calls this name
        """Take results."""
        for results in self._frames.feed(data):
            self._done(results)

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: ARG002, N802 - Twisted's signature
        """The process has ended; it is waited for, so that its number is given back."""
        deferToThread(self._process.wait).addBoth(lambda _: self._over())
