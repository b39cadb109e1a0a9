"""``run``: the engine itself, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

if TYPE_CHECKING:
    from engine.service import Service

#: Seconds that a log line may wait for others, to be written with one system call.
_MOMENT = 0.05
#: Objects, more made than freed, after which the collector looks for rings of them.
_COLLECT_AFTER = 10_000
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER, default=".")
@click.option("--config", type=_FOLDER, help="The same as FOLDER.")
def run(folder: Path, config: Path | None) -> None:
    """Run the engine on the configuration in FOLDER.

    SIGTERM and Ctrl-C finish what is in flight and end it, a second one ends it at once; SIGHUP
    reads the configuration again. Exit status: 0 after a drain; 1, a port or the store cannot
    be opened; 2, something is wrong in the configuration.
    """
    _fill_standard_streams()
    # Until there is a service that can reload, SIGHUP would end the process.
    early = _Early()
    # Before anything imports a reactor: aiohttp needs the one that asyncio drives.
    from twisted.internet import asyncioreactor

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    # Twisted's is the wall clock: set back by an hour, all that is to come would wait that hour.
    cast("Any", reactor).seconds = time.monotonic

    from engine import log
    from engine.config import load_installation
    from engine.notify import Systemd
    from engine.service import Service
    from engine.service.lines import Lines

    installation = load_installation(config or folder)
    settings = installation.configuration.engine

    def soon(call: Callable[[], None]) -> None:
        reactor.callFromThread(reactor.callLater, _MOMENT, call)

    lines = Lines(sys.stderr, soon)
    stream = cast("TextIO", lines)  # as much of a text file as a log writes to
    log.configure(settings.log.format, settings.log.level, stream)
    log.capture()
    try:
        service = Service(
            installation,
            reactor,
            systemd=Systemd(),
            log_stream=stream,
        )
        _Process(service, reactor, early).run()
    finally:
        lines.close()


def _fill_standard_streams() -> None:
    """Open those that we were started without.

    Their numbers would be given to the next files and sockets, and whoever writes to "stderr"
    would write into those.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stderr is None:  # Python has found it closed
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - a descriptor, for good


class _Early:
    """A reload that was asked for before the start is over; it is done then."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGHUP, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


class _Process:
    """A service in a process of its own: signals in, an exit status out."""

    def __init__(self, service: Service, reactor: Any, early: _Early) -> None:
        self._service = service
        self._early = early
        self._reactor = reactor
        self._failure: BaseException | None = None
        self._ending = False
        self._left = False

    def run(self) -> None:
        """Run until the end; what prevented the start is raised."""
        self._service.failed.addErrback(self._fail)
        self._reactor.callWhenRunning(self._begin)
        self._reactor.run(installSignalHandlers=False)
        if self._failure is not None:
            raise self._failure

    def _begin(self) -> None:
        for number, react in (
            (signal.SIGTERM, self._end),
            (signal.SIGINT, self._end),
        ):
            signal.signal(number, self._event(react))
        self._do(self._start())

    async def _start(self) -> None:
        await self._service.start()
        # Mappings and dictionaries stay as long as the process: the collector need not walk
        # through them again and again, which costs more than a message's way (measured).
        gc.collect()
        gc.freeze()
        # Nor need it look for rings after each dozen of messages, which leave none.
        gc.set_threshold(_COLLECT_AFTER, 20, 20)
        signal.signal(signal.SIGHUP, self._event(self._reload))
        if self._early.asked:
            self._reload()

    def _event(self, react: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        """A handler may run at any point of ours: the reactor makes it an event of its own."""

        def handle(_number: int, _frame: FrameType | None) -> None:
            self._reactor.callFromThread(react)

        return handle

    def _reload(self) -> None:
        self._do(self._service.reload())

    def _end(self) -> None:
        if self._ending or self._left:
            self._leave()
            return
        self._ending = True
        self._do(self._stop())

    async def _stop(self) -> None:
        await self._service.stop()
        self._leave()

    def _do(self, work: Any) -> None:
        from twisted.internet.defer import ensureDeferred

        ensureDeferred(work).addErrback(self._fail)

    def _fail(self, failure: Any) -> None:
        if not self._left:  # the first is the reason; what comes of it is none
            self._failure = failure.value
        self._leave()

    def _leave(self) -> None:
        if not self._left:
            self._left = True
            self._reactor.stop()
