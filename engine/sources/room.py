"""Room on a full port: whoever holds several connections gives up one that nothing comes by.

A sender that opens a connection for each message and forgets to close it would lock out all the
others. No message and no answer is lost by this: a connection that is inside a frame, or whose
peer waits for something, is never ended, nor is the only one of an address; and a sender whose
message crosses our end has no answer for it, and sends it again.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from typing import Protocol, TypeVar

#: Seconds without a byte after which a connection may be ended for a newcomer: who sends all the
#: time is let be, and who opens ten connections a second without an end is kept up with.
SILENT = 10.0

#: Where struct tcp_info (linux/tcp.h) has tcpi_last_data_recv: milliseconds.
_LAST_DATA = slice(52, 56)


class Connection(Protocol):
    """What is asked of a connection."""

    @property
    def host(self) -> str:
        """The address of its peer."""
        ...

    def silent_for(self) -> float:
        """For how many seconds nothing has come; 0 while anything is under way."""
        ...


C = TypeVar("C", bound=Connection)


def to_make_room(connections: Iterable[C]) -> C | None:
    """The connection to be ended for a newcomer: of the address that has most, the most silent.

    None when every address has but one, or nothing has been silent for ``SILENT`` seconds.
    """
    by_host: dict[str, list[C]] = {}
    for connection in connections:
        by_host.setdefault(connection.host, []).append(connection)
    for held in sorted(by_host.values(), key=len, reverse=True):
        if len(held) < 2:
            return None
        silences = [one.silent_for() for one in held]
        longest = max(silences)
        if longest >= SILENT:
            return held[silences.index(longest)]
    return None


def seconds_since_data(connection: socket.socket) -> float:
    """How long ago the last bytes came, or the connection: those count that are unread, too.

    The kernel knows, so that a read need not look at a clock.
    """
    known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA.stop)
    return int.from_bytes(known[_LAST_DATA], sys.byteorder) / 1000
