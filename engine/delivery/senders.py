"""The senders of a configuration: one per destination, and what those of one server share."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from engine.config import Destination, FhirDestination, Server
from engine.destinations.breaker import Breaker
from engine.destinations.fhir import FhirSender
from engine.destinations.file import FileSender
from engine.destinations.reader import Reader
from engine.destinations.server import FhirServer
from engine.fhir.outcome import Verdict
from engine.mapping.prepared import Prepared


class Sender(Protocol):
    """Writes prepared messages to one destination."""

    name: str
    #: the way to write that messages are prepared for
    write: str
    #: how many deliveries may be under way at once
    concurrency: int
    breaker: Breaker

    def deliver(
        self, prepared: Prepared, *, delivery_id: int, replayed: bool = False
    ) -> Awaitable[Verdict]:
        """Write one message. It may be asked again for the same delivery: the effect is one.

        Unless it is ``replayed``: then a person wants it written, whether it was before or not.
        """
        ...

    def close(self) -> Awaitable[None]:
        """Give back what is held open for this destination alone."""
        ...


class Senders:
    """Makes senders; destinations of one server share its connections, locks and breaker."""

    def __init__(
        self, servers: Mapping[str, Server], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = servers
        self._clock = clock
        self._servers: dict[str, tuple[FhirServer, Reader]] = {}

    def sender(self, destination: Destination) -> Sender:
        """The sender of one destination."""
        if not isinstance(destination, FhirDestination):
            return FileSender(destination)
        server, reader = self._server(destination.server)
        return FhirSender(destination, server, reader)

    def _server(self, name: str) -> tuple[FhirServer, Reader]:
        known = self._servers.get(name)
        if known is None:
            server = FhirServer(self._settings[name], clock=self._clock)
            known = self._servers[name] = (server, Reader(server))
        return known

    async def close(self) -> None:
        """Close the connections to all servers."""
        for server, _ in self._servers.values():
            await server.close()
