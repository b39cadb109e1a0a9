"""What goes between the engine and its own processes: a length, then a pickle of plain values.

Both ends are ours, of one version, and nobody else has the socket.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Iterator
from typing import Any

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
