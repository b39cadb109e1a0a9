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
        self._running: dict[str, _Running] = {}
        self._ending: list[_Running] = []
        self._servers: dict[str, tuple[Server | None, Senders]] = {}
        self._changes: set[Deferred[None]] = set()
        self._limit = 0.0
        self._stopping = False

    @property
    def names(self) -> list[str]:
        """The destinations that are served."""
        return sorted(self._running)

    def use(self, configuration: Configuration) -> None:
        """Serve these destinations; a loop whose settings changed ends before its successor."""
        self._limit = configuration.engine.drain
        wanted = _settings(configuration)
        for name, running in list(self._running.items()):
            if wanted.get(name) != running.settings:
                del self._running[name]
                self._exchange(running, wanted.get(name))
            wanted.pop(name, None)
        for settings in wanted.values():
            self._begin(settings)

    def wake(self, destinations: Iterable[str]) -> None:
        """There is new work for these."""
        for name in destinations:
            running = self._running.get(name)
            if running is not None:
                running.loop.wake()

    async def drain(self, limit: float) -> None:
        """Claim nothing more, let end what is under way, close the connections."""
        self._stopping = True
        running, self._running = list(self._running.values()), {}
        await gatherResults([ensureDeferred(one.loop.drain(limit)) for one in running])
        await gatherResults(list(self._changes))
        for one in running:
            await one.sender.close()
        for _, senders in self._servers.values():
            await senders.close()

    def _exchange(self, old: _Running, successor: Settings | None) -> None:
        change = ensureDeferred(self._exchanged(old, successor))
        self._changes.add(change)
        change.addBoth(lambda _: self._changes.discard(change))

    async def _exchanged(self, old: _Running, successor: Settings | None) -> None:
        self._ending.append(old)
        await old.loop.drain(self._limit)
        await old.sender.close()
        self._ending.remove(old)
        if successor is not None and not self._stopping:
            self._begin(successor)
        if all(old.senders is not one.senders for one in (*self._running.values(), *self._ending)):
            self._forget(old.senders)
            await old.senders.close()

    def _forget(self, senders: Senders) -> None:
        self._servers = {
            name: known for name, known in self._servers.items() if known[1] is not senders
        }

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
