"""A port on loopback with a real store, and a sender that speaks raw bytes."""

from __future__ import annotations

import pathlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from twisted.internet import defer, interfaces, protocol, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from engine.config import Channel, FhirDestination, MllpSource
from engine.hl7v2.frame import Decoder, Frame, wrap
from engine.hl7v2.message import Message
from engine.intake import Authorities
from engine.lifecycle import State
from engine.mapping.prepared import Prepared, prepare
from engine.mapping.result import Mapped
from engine.metrics import Metrics
from engine.sources.budget import Budget
from engine.sources.exchange import Tools
from engine.sources.flow import Hold
from engine.sources.mllp import Surroundings
from engine.sources.port import MllpPort
from engine.sources.reception import Reception
from engine.sources.record import Record
from engine.sources.replies import Replies
from engine.sources.settlements import Settlements
from engine.sources.stages import Committed, Stages
from engine.store.committer import Failed
from engine.store.ledger import Ledger
from engine.store.records import Received
from engine.store.sqlite import SqliteStore
from tests.store.threaded import ThreadedStore


@implementer(interfaces.IHalfCloseableProtocol)
class Sender(protocol.Protocol):
    """A peer written for the tests: sends bytes, collects answers, can close one side."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self.answers: list[Message] = []
        self.closed: defer.Deferred[None] = defer.Deferred()
        self.ended = False
        self.keep_open = False  # also when the other side has closed its own
        self._waiting: list[tuple[int, defer.Deferred[list[Message]]]] = []

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        for event in self._decoder.feed(data):
            assert isinstance(event, Frame), event
            self.answers.append(Message.read(event.payload))
        for entry in list(self._waiting):
            if len(self.answers) >= entry[0]:
                self._waiting.remove(entry)
                entry[1].callback(self.answers)

    def readConnectionLost(self) -> None:  # noqa: N802
        if not self.keep_open:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:  # noqa: N802
        pass

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:  # noqa: N802
        self.ended = True
        self.closed.callback(None)
        for _, deferred in self._waiting:
            deferred.errback(reason)

    def send(self, *messages: bytes) -> None:
        self.transport.write(b"".join(wrap(message) for message in messages))

    def raw(self, data: bytes) -> None:
        self.transport.write(data)

    def answered(self, count: int) -> defer.Deferred[list[Message]]:
        """Fires with all answers so far once there are so many."""
        if len(self.answers) >= count:
            return defer.succeed(self.answers)
        deferred: defer.Deferred[list[Message]] = defer.Deferred()
        self._waiting.append((count, deferred))
        return deferred.addTimeout(60, reactor)

    @property
    def codes(self) -> list[str]:
        """MSA-1 of each answer."""
        return [answer.value("MSA-1") for answer in self.answers]

    @property
    def ids(self) -> list[str]:
        """MSA-2 of each answer."""
        return [answer.value("MSA-2") for answer in self.answers]


async def turn() -> None:
    """One turn of the reactor."""
    done: defer.Deferred[None] = defer.Deferred()
    reactor.callLater(0, done.callback, None)
    await done


class WatchedStore:
    """The real store; a test may keep its receipts back, or make it fail."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.calls = 0
        self.failure: Exception | None = None
        self.on_hold: list[Callable[[], None]] | None = None

    def keep(self, received: Received, told: Callable[[Any], None]) -> None:
        self.calls += 1
        if self.failure is not None:
            told(Failed(self.failure))
            return

        def kept(result: Any) -> None:
            if self.on_hold is None:
                told(result)
            else:
                self.on_hold.append(lambda: told(result))

        self.store.keep(received, kept)

    def let_go(self) -> None:
        held, self.on_hold = self.on_hold or [], None
        for tell in held:
            tell()


class Rig:
    """Everything between a socket and the store, with what a test wants to look at."""

    def __init__(self, folder: pathlib.Path, channels: Sequence[Channel], **source: Any) -> None:
        self._store = ThreadedStore(folder / "store.sqlite", clock=time.time)
        self.store = WatchedStore(self._store)
        self.path = folder / "store.sqlite"
        self.log = Log()
        self.metrics = Metrics()
        self.settlements = Settlements()
        self.states: dict[int, State] = {}
        self.mapped: Mapped | Exception | None = Mapped([], [])
        self.faults: list[Exception] = []
        self.budget = Budget(source.pop("memory", 64 * 1024 * 1024))
        record = Record(self.log, self.metrics, time.time)
        stages = Stages(
            reactor,
            self.settlements,
            self.prepared,
            self.answered,
            self.look_up,
            lambda _, failure: self.faults.append(failure.value),
        )
        self.stages = stages
        self.replies = Replies(time.time)
        self.tools = tools = Tools(
            self.store,
            stages,
            self.replies,
            record,
            lambda _: Authorities(),
            lambda _: None,
            time.time,
        )
        self.reception = Reception("2575", channels, "hash", tools)
        self.source = MllpSource(**{"port": 0, **source})
        self.port = MllpPort(
            Surroundings("2575", self.source, self.reception, self.budget, record, reactor)
        )
        self.senders: list[Sender] = []

    def settle(self, message_id: int, state: State) -> None:
        """What a delivery loop does when a delivery has reached a state."""
        self.states[message_id] = state
        self.settlements.settled(message_id, "out", state)

    def look_up(self, message_id: int) -> None:
        """What the service does: tell the states that the store knows."""
        if message_id in self.states:
            self.settlements.settled(message_id, "out", self.states[message_id])

    def answered(self, message_id: int, code: str) -> defer.Deferred[None]:
        return self._store.answered(message_id, code)

    def start(self) -> None:
        self._store.open()
        self.port.open(reactor)

    async def sender(self, host: str = "127.0.0.1") -> Sender:
        """A peer that has connected, from one of the addresses of this machine."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.number, bindAddress=(host, 0))
        sender = await connectProtocol(endpoint, Sender())
        self.senders.append(sender)
        return sender

    turn = staticmethod(turn)

    @staticmethod
    def seconds() -> float:
        """The reactor's time."""
        return float(reactor.seconds())

    def holds(self) -> Hold:
        """Why the only connection is not read now."""
        (connection,) = self.port._connections
        return connection._flow._reasons

    @contextmanager
    def store_on_hold(self) -> Iterator[None]:
        """Commits go on, but their receipts are kept back."""
        self.store.on_hold = []
        yield
        self.store.let_go()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the reactor turn until something holds, at most for a minute."""
        deadline = reactor.seconds() + 60
        while not condition():
            assert reactor.seconds() < deadline, "it never came to hold"
            await turn()

    def prepared(self, _: Committed) -> defer.Deferred[Prepared]:
        """What becomes of every message; None: it takes for ever."""
        if isinstance(self.mapped, Exception):
            return defer.fail(self.mapped)
        return defer.Deferred() if self.mapped is None else defer.succeed(prepare(self.mapped, ""))

    def ledger(self) -> defer.Deferred[Ledger]:
        """What came in and what became of it, held against the rows."""
        return self._store.ledger(verify=True)

    async def stop(self) -> None:
        for sender in self.senders:
            if not sender.ended:
                sender.transport.abortConnection()
                await sender.closed
        await self.port.stop_listening()
        emptied = self.port.drain()
        self.port.cut()
        await emptied
        await self._store.close()

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of every stored message, in their order."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(
                f"SELECT {', '.join(columns)} FROM message ORDER BY id"
            ).fetchall()


class Log:
    """Collects what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        def log(event: str, **values: Any) -> None:
            self.lines.append((level, event, values))

        return log

    @property
    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]


def channel_of(name: str = "north", **changed: Any) -> Channel:
    """A channel with one destination."""
    settings: dict[str, Any] = {
        "source": MllpSource(0),
        "timezone": ZoneInfo("UTC"),
        "destinations": (FhirDestination("out", "clinic"),),
    }
    return Channel(name, **{**settings, **changed})


def adt(
    control_id: str = "1",
    *,
    modes: str = "||",
    type: str = "ADT^A01^ADT_A01",  # noqa: A002 - the field's name
    version: str = "2.5.1",
    processing: str = "P",
    patient: str = "4711",
    extra: str = "",
) -> bytes:
    """An admission of nobody; ``modes`` is MSH-13 to MSH-16 without the first separator."""
    return (
        f"MSH|^~\\&|LAB|NORTH|ENGINE|CLINIC|20240101120000||{type}|{control_id}|{processing}|"
        f"{version}|{modes}\rEVN||20240101120000\r"
        f"PID|1||{patient}^^^NORTH&1.2.3&ISO^MR||Testpatient^Anna\r{extra}"
    ).encode()


#: MSH-13 to MSH-16: MSH-15 is the accept answer's condition, MSH-16 the application answer's.
def enhanced(accept: str, application: str) -> str:
    return f"||{accept}|{application}"
