"""A configuration folder for one test, and the service on it."""

from __future__ import annotations

import io
import json
import pathlib
import socket
from typing import Any

from twisted.internet import defer, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from engine import log
from engine.config import Installation, load_configuration
from engine.mapping.library import MappingLibrary, load_library
from engine.notify import Systemd
from engine.service import Service
from tests.sources.rig import Sender

CHANNEL = """\
channel: {name}
source:
  mllp:
    port: {port}
  timezone: UTC
assigner:
  PID-3: urn:oid:2.999.1
{more}
destinations:
  - {to}
"""

_LIBRARY: list[MappingLibrary] = []


def library() -> MappingLibrary:
    """The standard library, compiled once for all tests."""
    if not _LIBRARY:
        _LIBRARY.append(load_library())
    return _LIBRARY[0]


def load(folder: pathlib.Path) -> Installation:
    """The configuration as the engine reads it, with mappings that are compiled already."""
    return Installation(load_configuration(folder), library())


class Running:
    """A folder, and a service that may be started, told to reload, and ended."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "channels").mkdir(exist_ok=True)
        self.engine()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        self.service: Service | None = None
        self.stopped = False
        self.senders: list[Sender] = []
        self.lines = io.StringIO()

    def engine(self, more: str = "") -> None:
        """Write engine.yaml."""
        mapping = "" if "mapping:" in more else "mapping:\n  processes: 0\n"
        drain = "" if "drain:" in more else "drain: 5\n"
        text = f"console:\n  port: 0\n{drain}{mapping}{more}"
        (self.folder / "engine.yaml").write_text(text)

    def channel(
        self, name: str = "north", port: int = 0, more: str = "", to: str = "file: {name}.ndjson"
    ) -> None:
        """Write a channel."""
        text = CHANNEL.format(name=name, port=port, more=more, to=to.format(name=name))
        (self.folder / "channels" / f"{name}.yaml").write_text(text)

    async def start(self) -> Service:
        systemd = Systemd({"NOTIFY_SOCKET": str(self.folder / "notify")})
        log.configure("json", "info", self.lines)
        self.service = Service(
            load(self.folder), reactor, systemd=systemd, load=load, log_stream=self.lines
        )
        await self.service.start()
        return self.service

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one name."""
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    def told(self) -> list[str]:
        """What systemd was told since the last time."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    async def sender(self, channel: str = "north") -> Sender:
        assert self.service is not None
        host, _, port = self.service.ports.listening[channel].rpartition(":")
        endpoint = TCP4ClientEndpoint(reactor, host, int(port))
        sender = await connectProtocol(endpoint, Sender())
        self.senders.append(sender)
        return sender

    def bundles(self, name: str = "north") -> list[dict[str, Any]]:
        """What the file destination of a channel holds."""
        file = self.folder / f"{name}.ndjson"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text().splitlines()]

    async def until(self, condition: Any) -> None:
        """Let the reactor turn until something holds."""
        deadline = reactor.seconds() + 60
        while not condition():
            assert reactor.seconds() < deadline, "it never came to hold"
            done: defer.Deferred[None] = defer.Deferred()
            reactor.callLater(0.005, done.callback, None)
            await done

    async def end(self) -> None:
        for sender in self.senders:
            if not sender.ended:
                sender.transport.abortConnection()
                await sender.closed
        if self.service is not None:
            await self.service.stop()
        self._socket.close()
