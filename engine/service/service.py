"""The one place where everything is put together: start, reload, drain."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from engine import log
from engine.config import EngineSettings, FhirDestination, Installation, load_installation
from engine.console.checks import StoreCheck
from engine.console.figures import Figures
from engine.console.http import site
from engine.conversion.channels import Conversions, Work
from engine.conversion.connection import MappingFault, MappingLost
from engine.conversion.mapper import Mapper
from engine.errors import ConfigurationError, EngineError, Problem, StoreError
from engine.mapping.prepared import BLIND, Prepared
from engine.metrics import Metrics
from engine.notify import Systemd
from engine.service import survey
from engine.service.deliveries import Deliveries
from engine.service.status import Status
from engine.sources.budget import Budget
from engine.sources.exchange import Tools
from engine.sources.port import PortError
from engine.sources.ports import Ports
from engine.sources.record import Record
from engine.sources.replies import Replies
from engine.sources.settlements import Settlements
from engine.sources.stages import Committed, Stages
from engine.store.sqlite import SqliteStore

#: What senders may take of the time for a drain; the rest is the deliveries'.
SENDERS_SHARE = 0.6
#: Seconds that the store has after a drain for what was asked of it last: more than it waits for
#: locks until it says that it cannot.
LAST_COMMITS = 10.0
#: How often, in seconds, messages are looked for that are old enough to be forgotten.
PURGE_EVERY = 3600.0
DAY = 86400.0


class Service:
    """An engine: built from an installation, with a reactor that is handed in.

    Started in this order: store, deliveries, console, and the ports last; ended the other way.
    """

    def __init__(
        self,
        installation: Installation,
        reactor: Any,
        *,
        systemd: Systemd | None = None,
        load: Callable[[Path], Installation] = load_installation,
        log_stream: TextIO | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        settings = installation.configuration.engine
        self._installation = installation
        self._reactor = reactor
        self._systemd = systemd or Systemd({})
        self._load = load
        self._log_stream = log_stream
        self._now = now
        self._log = log.get()
        self.metrics = Metrics()
        #: fails when the engine cannot go on, and must be started anew
        self.failed: Deferred[None] = Deferred()
        self.store = SqliteStore(settings.store, clock=now, reactor=reactor, lost=self._store_lost)
        self._settlements = Settlements()
        self._conversions = Conversions.of(installation)
        self._mapper = Mapper(reactor, self._log)
        self._budget = Budget(settings.memory)
        self.deliveries = Deliveries(
            self.store,
            self._mapper,
            self._settlements.settled,
            self.metrics,
            self._log,
            reactor,
            now,
        )
        self.ports = Ports(reactor, reactor, self._budget, self._tools())
        self.status = Status(
            StoreCheck(self.store, settings.data, reactor),
            Figures(self.store, self.metrics, reactor),
            self.ports,
            self.deliveries,
            now,
        )
        self._coverage = survey.Survey(self.metrics, self._log, reactor)
        self._console: Any = None
        self._calls: list[LoopingCall] = []
        self._reloading = False

    def _tools(self) -> Tools:
        stages = Stages(
            self._reactor,
            self._settlements,
            self._prepared,
            self._remember,
            self._look_up,
            self._not_mapped,
        )
        return Tools(
            store=self.store,
            stages=stages,
            replies=Replies(self._now),
            record=Record(self._log, self.metrics, self._now),
            authorities=lambda channel: self._conversions.authorities(channel.name),
            wake=self.deliveries.wake,
            clock=self._now,
        )

    @property
    def settings(self) -> EngineSettings:
        """What is in force."""
        return self._installation.configuration.engine

    # --- start -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything; a service that cannot open all of it opens nothing.

        Raises:
            StoreError: the store cannot be opened.
            PortError: a port of a channel, or the console's, cannot be opened.

        """
        configuration = self._installation.configuration
        self._open_store()
        try:
            self._mapper.use(self._conversions, self.settings.mapping)
            self.deliveries.use(configuration)
            self._open_console()
            self.ports.use(configuration.channels, configuration.hash)
        except EngineError:
            await self._close(0.0)
            raise
        self.metrics.configured(configuration.hash, self._now())
        self._regularly(PURGE_EVERY, self._purge)
        self._regularly(survey.EVERY, self._survey, at_once=False)
        if self._systemd.watchdog_interval:
            self._regularly(self._systemd.watchdog_interval, self._systemd.alive)
        self._tell_ready("engine.started")
        ensureDeferred(self._recall())

    def _open_store(self) -> None:
        data = self.settings.data
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise StoreError(f"{data} cannot be made: {failure.strerror}") from failure
        self.store.open()

    def _open_console(self) -> None:
        console = self.settings.console
        pages = site(self.metrics, self.status.health, self.status.ready, self.status.refresh)
        try:
            self._console = self._reactor.listenTCP(console.port, pages, interface=console.host)
        except CannotListenError as cause:
            what = f"the console's port {console.host}:{console.port} cannot be opened"
            raise PortError(f"{what}: {cause.socketError}") from cause

    def _regularly(
        self, seconds: float, call: Callable[[], object], *, at_once: bool = True
    ) -> None:
        looping = LoopingCall(call)
        looping.clock = self._reactor
        self._calls.append(looping)
        looping.start(seconds, now=at_once).addErrback(
            lambda failure: self._log.error("engine.fault", exc_info=failure)
        )

    def _tell_ready(self, event: str) -> None:
        hash_, listening = self._installation.configuration.hash, self.ports.listening
        self._log.info(event, configuration=hash_, listening=listening)
        where = ", ".join(sorted(set(listening.values())))
        self._systemd.ready(f"listening on {where}; configuration {hash_}")

    # --- reload ------------------------------------------------------------------------------

    async def reload(self) -> bool:
        """Read the folder again: all of it comes into force, or nothing does."""
        if self._reloading or self.status.draining:
            return False
        self._reloading = True
        self._systemd.reloading(int(time.monotonic() * 1e6))
        folder = self._installation.configuration.folder
        try:
            loaded = await deferToThread(self._loaded, folder)
            if self.status.draining:
                return False  # it was told to stop meanwhile
            self._use(*loaded)
        except (Exception, SystemExit) as fault:  # whatever it is, the engine goes on
            self._refuse(fault)
            return False
        finally:
            self._reloading = False
        self._tell_ready("engine.reloaded")
        ensureDeferred(self._recall())
        return True

    def _loaded(self, folder: Path) -> tuple[Installation, Conversions]:
        """In a thread: what takes long."""
        installation = self._load(folder)
        conversions = Conversions.of(installation)
        if installation.configuration.engine.mapping.processes != 0:
            conversions.packed  # noqa: B018 - kept for whoever uses it
        return installation, conversions

    def _use(self, installation: Installation, conversions: Conversions) -> None:
        configuration = installation.configuration
        _require_same(self.settings, configuration.engine)
        # What can fail is first; the rest is within this turn of the reactor.
        self.ports.use(configuration.channels, configuration.hash)
        self._installation = installation
        self._conversions = conversions
        self._mapper.use(self._conversions, configuration.engine.mapping)
        self.deliveries.use(configuration)
        self._budget.limit = configuration.engine.memory
        settings = configuration.engine.log
        log.configure(settings.format, settings.level, self._log_stream)
        self.metrics.configured(configuration.hash, self._now())

    def _refuse(self, fault: BaseException) -> None:
        if isinstance(fault, EngineError):
            problems = fault.problems if isinstance(fault, ConfigurationError) else (fault,)
            for problem in problems:
                self._log.error("engine.reload-refused", reason=str(problem))
        else:
            self._log.error("engine.reload-refused", exc_info=fault)
        if not self.status.draining:
            self.metrics.reload_refused()
            self._systemd.ready("the reload was refused; what was in force stays so")

    # --- end ---------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Finish what is in flight, within the time that the configuration allows."""
        if self.status.draining:
            return
        self.status.draining = True
        self._systemd.stopping()
        self._log.info("engine.draining", limit=self.settings.drain)
        until = self._reactor.seconds() + self.settings.drain
        cut = self._reactor.callLater(self.settings.drain * SENDERS_SHARE, self._cut_senders)
        await self.ports.drain()
        if cut.active():
            cut.cancel()
        await self._close(max(until - self._reactor.seconds(), 0.0))
        self._log.info("engine.stopped")

    def _cut_senders(self) -> None:
        """Wait no longer for what senders have begun: a frame without its end was not promised."""
        self._log.warning("engine.senders-cut")
        self.ports.cut()

    async def _close(self, limit: float) -> None:
        for call in self._calls:
            if call.running:
                call.stop()
        until = self._reactor.seconds() + limit
        late = self._reactor.callLater(limit + LAST_COMMITS, self._give_up_store)
        await self.deliveries.drain(limit)
        await self._mapper.close(max(until - self._reactor.seconds(), 0.0))
        if self._console is not None:
            await self._console.stopListening()
        await self.store.close()
        if late.active():
            late.cancel()

    def _give_up_store(self) -> None:
        """Wait no longer for a disk that does not answer: what is not committed is not promised."""
        self._log.error("store.given-up")
        self.store.give_up()

    def _store_lost(self, error: StoreError) -> None:
        self._log.critical("store.lost", reason=str(error))
        self.failed.errback(error)

    # --- what the parts ask for --------------------------------------------------------------

    def _prepared(self, committed: Committed) -> Deferred[Prepared]:
        """For an answer that waits for it; it is mapped again when it is delivered."""
        channel = committed.channel
        first = channel.destinations[0]
        write = first.write if isinstance(first, FhirDestination) else BLIND
        work = Work(channel.name, write, committed.raw, committed.received_at)
        return self._mapper.prepared(work)

    def _not_mapped(self, committed: Committed, failure: Failure) -> None:
        line = self._log.bind(channel=committed.channel.name, message=committed.message_id)
        error = failure.value
        if isinstance(error, MappingFault):  # in another process: it has told us its name
            line.error("message.fault", fault=str(error), where=error.where)
        elif isinstance(error, MappingLost):
            line.error("message.fault", fault=str(error))
        else:
            line.error("message.fault", exc_info=failure)

    def _remember(self, message_id: int, answer: str) -> Deferred[None]:
        return self.store.answered(message_id, answer).addErrback(
            lambda failure: self._log.error("answer.not-recorded", exc_info=failure)
        )

    def _look_up(self, message_id: int) -> None:
        ensureDeferred(self._looked_up(message_id))

    async def _looked_up(self, message_id: int) -> None:
        try:
            message = await self.store.message(message_id)
        except StoreError as error:
            self._log.error("message.not-found", message=message_id, reason=str(error))
            return
        for delivery in message.deliveries if message else ():
            self._settlements.settled(message_id, delivery.destination, delivery.state)

    async def _survey(self) -> None:
        await self._coverage.look(self._installation.configuration.folder)

    async def _recall(self) -> None:
        """Tell what the store holds from before: silent channels, destinations that are gone."""
        await self._recall_channels()
        await self._recall_destinations()

    async def _recall_channels(self) -> None:
        """Since when each channel is silent; one without a message, since it is listened to."""
        now, last = self._now(), {}
        try:
            last = await self.store.last_received()
        except Exception as fault:
            self._log.error("store.not-read", exc_info=fault)
        channels = self._installation.configuration.channels
        self.metrics.silent_since({one.name: last.get(one.name, now) for one in channels})

    async def _recall_destinations(self) -> None:
        try:
            await self.deliveries.changed()
            waiting = await self.store.queued()
        except Exception as fault:
            self._log.error("store.not-read", exc_info=fault)
            return
        configuration = self._installation.configuration
        served = {to.name for channel in configuration.channels for to in channel.destinations}
        for name in sorted(waiting.keys() - served):
            if waiting[name].waiting:
                self._log.warning(
                    "destination.unserved", destination=name, queued=waiting[name].waiting
                )

    async def _purge(self) -> None:
        """Forget what is done with and old; a store in trouble keeps it until the next time."""
        before = self._now() - self.settings.retention_days * DAY
        try:
            purged = await self.store.purge(before)
        except StoreError as error:
            self._log.error("store.not-purged", reason=str(error))
        else:
            self._log.info("store.purged", messages=purged)


def _require_same(now: EngineSettings, wanted: EngineSettings) -> None:
    """What a running engine cannot change.

    Raises:
        ConfigurationError: names each of it.

    """
    problems = [
        Problem(None, f"engine.yaml: {key}: cannot change while the engine runs", "restart it")
        for key in ("data", "console")
        if getattr(now, key) != getattr(wanted, key)
    ]
    if problems:
        raise ConfigurationError(problems)
