"""Twisted's connections, at the two places where its own way of using them costs too much."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any, cast

from twisted.internet import tcp


def connect(connection: socket.socket, protocol: object, reactor: Any) -> Any:
    """Have a protocol speak over one end of a pair of sockets; the transport that it writes to."""
    transport: Any = tcp.Connection(connection, cast("Any", protocol), reactor)
    transport.connected = 1
    transport.startReading()
    return transport


def has_unwritten(transport: Any) -> bool:
    """Whether something waits until the socket has room."""
    return bool(transport.dataBuffer or transport._tempDataBuffer)


def send(transport: Any, data: bytes) -> None:
    """Write, at once if nothing is before it.

    Then the socket takes it without a turn of the reactor and two changes of what it polls for.
    """
    sent = 0
    if not has_unwritten(transport):
        with suppress(OSError):  # full or lost: the transport will find out
            sent = transport.socket.send(data)
    if sent < len(data):
        transport.write(data[sent:])
