"""The delivery loops of a configuration, and what changes when it is reloaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from engine.config import Configuration, Destination, FhirDestination, Server
from engine.conversion.mapper import Mapper
from engine.delivery import DeliveryLoop, DeliveryRecord, Sender, Senders
from engine.lifecycle import State
from engine.metrics import Metrics
from engine.store.sqlite import SqliteStore

#: What a loop was made from: when it changes, the loop is exchanged.
Settings = tuple[Destination, Server | None]


@dataclass(frozen=True, slots=True)
class _Running:
    settings: Settings
    loop: DeliveryLoop
    sender: Sender
    senders: Senders


class Deliveries:
    """One loop for each destination; those of one server share its connections and locks."""

    def __init__(
        self,
        store: SqliteStore,
        mapper: Mapper,
        settled: Callable[[int, str, State], None],
        metrics: Metrics,
        log: FilteringBoundLogger,
        clock: Any,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._mapper = mapper
        self._settled = settled
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._now = now
        #: what the configuration asks for, by name
        self._wanted: dict[str, Settings] = {}
        #: the loops that serve, and those that finish what they have begun; a name has one loop
        self._running: dict[str, _Running] = {}
        self._ending: dict[str, _Running] = {}
        self._servers: dict[str, tuple[Server | None, Senders]] = {}
        self._changes: set[Deferred[None]] = set()
        self._limit = 0.0
        self._stopping = False

    @property
    def names(self) -> list[str]:
        """The destinations that are served."""
        return sorted(self._running)

    @property
    def missing(self) -> list[str]:
        """The destinations that are configured, and that nothing serves or is about to."""
        return sorted(self._wanted.keys() - self._running.keys() - self._ending.keys())

    def use(self, configuration: Configuration) -> None:
        """Serve these destinations; a loop whose settings changed ends before its successor."""
        self._limit = configuration.engine.drain
        self._wanted = _settings(configuration)
        for name, running in list(self._running.items()):
            if self._wanted.get(name) != running.settings:
                self._exchange(name)
        for name in self.missing:
            self._serve(name)

    def changed(self) -> Deferred[Any]:
        """Fires when what was to end by the last ``use`` has ended."""
        return gatherResults(list(self._changes))

    def wake(self, destinations: Iterable[str]) -> None:
        """There is new work for these."""
        for name in destinations:
            running = self._running.get(name)
            if running is not None:
                running.loop.wake()

    async def drain(self, limit: float) -> None:
        """Claim nothing more, let end what is under way, close the connections."""
        self._stopping = True
        running, self._running = self._running, {}
        await gatherResults([ensureDeferred(self._end(*one, limit)) for one in running.items()])
        await self.changed()
        for name, (_, senders) in list(self._servers.items()):
            await self._close(name, senders)

    def _exchange(self, name: str) -> None:
        """End a loop; whatever is wanted of its destination then is begun."""
        old = self._ending[name] = self._running.pop(name)
        change = ensureDeferred(self._exchanged(name, old))
        self._changes.add(change)
        change.addBoth(lambda _: self._changes.discard(change))

    async def _exchanged(self, name: str, old: _Running) -> None:
        await self._end(name, old, self._limit)
        del self._ending[name]
        if name not in self._wanted:
            self._metrics.destination_gone(name)
        elif not self._stopping:
            self._serve(name)
        await self._close(old.settings[1].name if old.settings[1] else "", old.senders)

    async def _end(self, name: str, old: _Running, limit: float) -> None:
        """Drain a loop; what fails is told, and hinders neither its successor nor the others."""
        try:
            await old.loop.drain(limit)
            await old.sender.close()
        except Exception as fault:
            self._log.error("destination.not-ended", destination=name, exc_info=fault)

    async def _close(self, server: str, senders: Senders) -> None:
        """Close the connections to a server that no loop uses any more."""
        if any(senders is one.senders for one in (*self._running.values(), *self._ending.values())):
            return
        self._forget(senders)
        try:
            await senders.close()
        except Exception as fault:
            self._log.error("server.not-closed", server=server, exc_info=fault)

    def _forget(self, senders: Senders) -> None:
        self._servers = {
            name: known for name, known in self._servers.items() if known[1] is not senders
        }

    def _serve(self, name: str) -> None:
        """Begin what is wanted; what cannot is told, and seen as not ready, by itself."""
        try:
            self._begin(self._wanted[name])
        except Exception as fault:
            self._log.error("destination.not-served", destination=name, exc_info=fault)

    def _begin(self, settings: Settings) -> None:
        destination, server = settings
        senders = self._senders(server)
        sender = senders.sender(destination)
        loop = DeliveryLoop(
            self._store,
            destination,
            sender,
            self._mapper,
            record=DeliveryRecord(destination.name, self._log, self._metrics),
            clock=self._clock,
            settled=self._settled,
            now=self._now,
        )
        self._metrics.destination_known(destination.name)
        self._running[destination.name] = _Running(settings, loop, sender, senders)
        loop.start()

    def _senders(self, server: Server | None) -> Senders:
        name = server.name if server else ""
        known = self._servers.get(name)
        if known is None or known[0] != server:
            known = (server, Senders({name: server} if server else {}, clock=self._now))
            self._servers[name] = known
        return known[1]


def _settings(configuration: Configuration) -> dict[str, Settings]:
    servers = configuration.engine.servers
    return {
        destination.name: (
            destination,
            servers[destination.server] if isinstance(destination, FhirDestination) else None,
        )
        for channel in configuration.channels
        for destination in channel.destinations
    }
