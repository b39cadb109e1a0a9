"""What goes between the engine and its own processes: a length, then a pickle of plain values.

Both ends are ours, of one version, and nobody else has the socket.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

#: They are for the engine: it drains, and needs its processes meanwhile.
ENGINES_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_LENGTH = struct.Struct("!I")
#: A buffer of this size is taken from the heap; one of twice this size is mapped anew each time.
_AT_ONCE = 64 * 1024


def framed(value: Any) -> bytes:
    """A value as it is sent."""
    data = pickle.dumps(value, 5)
    return _LENGTH.pack(len(data)) + data


class Frames:
    """Values out of bytes as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Add bytes: the values that are whole now."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
            if len(buffer) < end:
                return
            value = pickle.loads(memoryview(buffer)[_LENGTH.size : end])
            del buffer[:end]
            yield value


def values(connection: socket.socket) -> Iterator[Any]:
    """Every value that comes, until the other side hangs up."""
    frames = Frames()
    while data := connection.recv(_AT_ONCE):
        yield from frames.feed(data)


def begin(
    module: str,
    *arguments: str,
    stdin: int = subprocess.DEVNULL,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Begin a process of the engine's own, which runs a module and is given these descriptors.

    It is born with the engine's signals blocked: Ctrl-C goes to every process of a terminal, and
    would end this one before it can say that it ignores it. It finds modules where the engine
    does, and not in the folder that it is run in (-P), where a file may be called like one of them.
    """
    path = os.pathsep.join(filter(None, sys.path))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENGINES_SIGNALS)
    try:
        command = [sys.executable, "-P", "-m", module, *arguments]
        return subprocess.Popen(
            command, stdin=stdin, pass_fds=descriptors, env={**os.environ, "PYTHONPATH": path}
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_the_engine() -> None:
    """In a process of its own: as it was begun, also by whoever begins it otherwise."""
    for number in ENGINES_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
