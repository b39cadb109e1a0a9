"""The MLLP ports of a configuration: opened together, changed together, drained together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred, gatherResults

from engine.config import Channel
from engine.sources.budget import Budget
from engine.sources.exchange import Tools
from engine.sources.mllp import Surroundings
from engine.sources.port import Listening, MllpPort, PortError
from engine.sources.reception import Reception
from engine.sources.timing import Clock

#: What tells ports apart: host and number; of a port with any free number, its channel.
Key = tuple[str, int | str]


@dataclass(frozen=True, slots=True)
class _Open:
    """A port that listens, and what takes its frames."""

    port: MllpPort
    reception: Reception


class Ports:
    """Every port; channels that name the same one share it."""

    def __init__(self, reactor: Listening, clock: Clock, budget: Budget, tools: Tools) -> None:
        self._reactor = reactor
        self._clock = clock
        self._budget = budget
        self._tools = tools
        self._open: dict[Key, _Open] = {}
        #: those that are wanted no more, each with the end of its last connection
        self._leaving: dict[MllpPort, Deferred[None]] = {}

    @property
    def listening(self) -> dict[str, str]:
        """Channel -> the address that it listens on."""
        return {
            channel.name: f"{opened.port.around.source.host}:{opened.port.number}"
            for opened in self._open.values()
            for channel in opened.reception.channels
        }

    def use(self, channels: Iterable[Channel], configuration: str) -> None:
        """Listen for these channels, and no longer for others: all of it or nothing.

        What is open stays open, with its connections: they see the new channels with their
        next message. Connections of a port that is no longer wanted finish what is in flight.

        Raises:
            PortError: a port cannot be opened; everything is as it was.

        """
        wanted = _by_port(channels)
        new = self._exchanged(wanted, configuration)
        gone = [self._open.pop(key) for key in list(self._open) if key not in wanted]
        for key, opened in self._open.items():
            opened.reception.use(wanted[key], configuration)
            opened.port.around = replace(opened.port.around, source=wanted[key][0].source)
        self._open.update(new)
        for opened in gone:
            opened.port.stop_listening()
            self._leave(opened.port)

    def _leave(self, port: MllpPort) -> None:
        emptied = port.drain()
        if not emptied.called:
            self._leaving[port] = emptied
            emptied.addCallback(lambda _: self._left(port))

    def _left(self, port: MllpPort) -> None:
        del self._leaving[port]

    def _exchanged(self, wanted: dict[Key, list[Channel]], configuration: str) -> dict[Key, _Open]:
        """Open what is new; what has its number, on another host, makes room for it before."""
        numbers = {number for _, number in wanted.keys() - self._open.keys()}
        in_the_way = [
            opened.port
            for (host, number), opened in self._open.items()
            if number in numbers and (host, number) not in wanted
        ]
        for port in in_the_way:
            port.leave()
        try:
            return self._open_new(wanted, configuration)
        except PortError:
            for port in in_the_way:
                port.open(self._reactor)
            raise

    def _open_new(self, wanted: dict[Key, list[Channel]], configuration: str) -> dict[Key, _Open]:
        new: dict[Key, _Open] = {}
        try:
            for key, sharing in wanted.items():
                if key not in self._open:
                    new[key] = self._listen(sharing, configuration)
        except PortError:
            for opened in new.values():
                opened.port.leave()
            raise
        return new

    def _listen(self, sharing: list[Channel], configuration: str) -> _Open:
        source = sharing[0].source
        reception = Reception(str(source.port), sharing, configuration, self._tools)
        record = self._tools.record
        around = Surroundings(reception.port, source, reception, self._budget, record, self._clock)
        port = MllpPort(around)
        port.open(self._reactor)
        # A port that any number will do for has its name only now.
        reception.port = str(port.number)
        port.around = replace(around, port=reception.port)
        record.port_opened(reception.port)
        return _Open(port, reception)

    def drain(self) -> Deferred[list[None]]:
        """Take no new connection, finish what is in flight; fires when every one is closed."""
        for opened in self._open.values():
            opened.port.stop_listening()
        drained = [opened.port.drain() for opened in self._open.values()]
        return gatherResults([*drained, *self._leaving.values()])

    def cut(self) -> None:
        """Close every connection at once."""
        for port in (*self._leaving, *(opened.port for opened in self._open.values())):
            port.cut()


def _by_port(channels: Iterable[Channel]) -> dict[Key, list[Channel]]:
    wanted: dict[Key, list[Channel]] = {}
    for channel in channels:
        source = channel.source
        key: Key = (source.host, source.port or channel.name)
        wanted.setdefault(key, []).append(channel)
    return wanted
