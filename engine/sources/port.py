"""One MLLP port: who may connect, how many at once, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Protocol

from twisted.internet import defer, error, protocol
from twisted.python.failure import Failure

from engine.errors import EngineError
from engine.sources.mllp import MllpProtocol, Surroundings
from engine.sources.record import FULL
from engine.sources.room import to_make_room


class PortError(EngineError):
    """A port that cannot be opened."""


class Listening(Protocol):
    """A reactor that opens ports (Twisted's IReactorTCP)."""

    def listenTCP(  # noqa: N802 - Twisted's name
        self, port: int, factory: protocol.ServerFactory, *, interface: str, backlog: int
    ) -> Any:
        """Open a port."""
        ...


class MllpPort(protocol.ServerFactory):
    """Opens a port and makes a connection of each sender that may come in."""

    noisy = False

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self._connections: set[MllpProtocol] = set()
        self._listening: Any = None
        self._emptied: defer.Deferred[None] | None = None

    @property
    def number(self) -> int:
        """The port's number; the real one when the configuration said 0."""
        if self._listening is None:
            return self.around.source.port
        number: int = self._listening.getHost().port
        return number

    @property
    def connections(self) -> int:
        """How many senders are connected."""
        return len(self._connections)

    def open(self, reactor: Listening) -> None:
        """Listen.

        Raises:
            PortError: the port is taken, or is not ours to open.

        """
        source = self.around.source
        try:
            self._listening = reactor.listenTCP(
                source.port, self, interface=source.host, backlog=128
            )
        except error.CannotListenError as cause:
            what = f"port {source.host}:{source.port} cannot be opened: {cause.socketError}"
            raise PortError(what) from cause

    def buildProtocol(self, addr: Any) -> MllpProtocol | None:  # noqa: N802 - Twisted's name
        """Let a sender in, or close its connection."""
        source, record, port = self.around.source, self.around.record, self.around.port
        host, peer = addr.host, f"{addr.host}:{addr.port}"
        if source.allow and not is_in(host, source.allow):
            record.connection_refused(port, peer, "not in an allowed network")
            return None
        if len(self._connections) >= source.connections and not self._make_room():
            record.connection_refused(port, peer, FULL)
            return None
        connection = MllpProtocol(self.around, host, addr.port, self._lost)
        self._connections.add(connection)
        record.connection_opened(port, peer)
        return connection

    def _make_room(self) -> bool:
        """Whether there is room, or can be made: what is at its end anyway takes none."""
        serving = [connection for connection in self._connections if not connection.ending]
        if len(serving) < self.around.source.connections:
            return True
        connection = to_make_room(serving)
        if connection is None:
            return False
        self.around.record.connection_displaced(self.around.port, connection.peer)
        connection.drain()
        return True

    def stop_listening(self) -> defer.Deferred[None]:
        """Take no new connection; those that are there go on."""
        listening, self._listening = self._listening, None
        if listening is None:
            return defer.succeed(None)
        return defer.maybeDeferred(listening.stopListening)

    def leave(self) -> None:
        """As ``stop_listening``, but within this turn: another may have the port at once."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.connectionLost(Failure(error.ConnectionDone()))  # type: ignore[no-untyped-call]

    def drain(self) -> defer.Deferred[None]:
        """Finish what is in flight on each connection; fires when the last one is closed."""
        self._emptied = defer.Deferred()
        for connection in tuple(self._connections):
            connection.drain()
        self._tell_when_empty()
        return self._emptied

    def cut(self) -> None:
        """Close every connection at once."""
        for connection in tuple(self._connections):
            connection.cut()

    def _lost(self, connection: MllpProtocol) -> None:
        self._connections.discard(connection)
        self._tell_when_empty()

    def _tell_when_empty(self) -> None:
        if self._emptied is not None and not self._emptied.called and not self._connections:
            self._emptied.callback(None)


def is_in(host: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of these networks."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # an IPv4 peer of a port that is open for both
    return any(address in network for network in networks)
