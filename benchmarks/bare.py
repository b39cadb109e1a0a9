"""The least that can be put beside the listener: Twisted, SQLite, and the same commits.

``python -m benchmarks.bare FOLDER`` prints its port.  It makes the rows that the
engine makes for an accepted message (same schema, same pragmas, same bulk
statements, same group commit and fsync) and answers after the commit.  It reads
nothing of a message but what those rows need (the patient's identifiers, each of
them a lane, and the filler number), remembers in memory who waits in a lane, checks
nothing, looks up no duplicate, knows no limit, no route, no metric, and answers from
a template: what the engine loses against it is what being right costs.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from zlib import crc32

from twisted.internet import asyncioreactor, protocol

from engine.store import bulk, lanes
from engine.store.accept import _DELIVERY, _MESSAGE
from engine.store.numbering import delivery_of
from engine.store.schema import migrate
from engine.store.session import Session

SENDER = "LABSYS|CENTRAL LAB^2.16.840.1.113883.19.4.6^ISO"
ACK = b"\x0bMSH|^~\\&|||||20260101||ACK^R01^ACK|1|P|2.5.1\rMSA|AA|%s\r\x1c\r"

Waiting = tuple["BareLoop", bytes, bytes]


class BareLoop(protocol.Protocol):
    """Cuts frames at the end block; one answer per commit."""

    transport: Any

    def __init__(self, queue: "SimpleQueue[Waiting]") -> None:
        self._queue = queue
        self._buffer = b""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted calls this name
        """Answers are small and must not wait for each other."""
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted calls this name
        """Queue every whole frame."""
        self._buffer += data
        while (end := self._buffer.find(b"\x1c\r")) >= 0:
            raw, self._buffer = self._buffer[1:end], self._buffer[end + 2 :]
            self._queue.put((self, raw, raw.split(b"|", 10)[9]))


class Committer(threading.Thread):
    """Commits whatever waits, then has the answers written on the reactor's thread."""

    def __init__(self, folder: Path, queue: "SimpleQueue[Waiting]", reactor: Any) -> None:
        super().__init__(daemon=True)
        self._reactor = reactor
        self._folder = folder
        self._queue = queue
        self._last = 0
        self._taken: set[int] = set()

    def run(self) -> None:
        """Group after group, for ever."""
        self.open("bare.db", time.time)
        while True:
            group = self._group()
            self.connection.execute("BEGIN IMMEDIATE")
            self.insert(group)
            self.connection.execute("COMMIT")
            self._reactor.callFromThread(answer, group)

    def open(self, name: str, clock: Callable[[], float]) -> None:
        """Make the store, with the schema and the settings of the engine's."""
        session = Session(self._folder / name, clock)
        migrate(session.connection, self._folder / name)
        self._bucket = session.bucket("bare", "mllp")
        self._destination = session.destination("nowhere")
        self.connection = session.connection

    def _group(self) -> list[Waiting]:
        group = [self._queue.get()]
        try:
            while len(group) < 1024:
                group.append(self._queue.get_nowait())
        except Empty:
            pass
        return group

    def insert(self, group: Sequence[Waiting]) -> None:
        """The rows of a group, as the engine's store makes them."""
        now = time.time()
        messages, deliveries, places, ready = [], [], [], []
        for number, (_, raw, control_id) in enumerate(group, self._last + 1):
            identifiers = _field_3(raw, b"PID|").split("~")
            filler = _field_3(raw, b"OBR|").partition("^")[0]
            patient = identifiers[0].partition("^")[0]
            numbers = [lanes.number_of(identifier) for identifier in identifiers]
            blocked = len(self._taken.intersection(numbers))
            self._taken.update(numbers)
            messages.append(
                (
                    *(number, self._bucket, "127.0.0.1:40000", now, now, "accepted"),
                    *(control_id.decode(), SENDER, "ORU^R01", "2.5.1", patient),
                    *(filler, "AA", now, "", "0123456789abcdef", None, 0, crc32(raw), raw),
                )
            )
            delivery = delivery_of(number, 0)
            told = bulk.numbers(numbers)
            deliveries.append((delivery, number, self._destination, "queued", told, blocked))
            places += [(lane, delivery) for lane in numbers]
            if not blocked:
                ready.append((self._destination, 0.0, delivery))
        self._last += len(group)
        bulk.insert(self.connection, _MESSAGE, messages)
        bulk.insert(self.connection, _DELIVERY, deliveries)
        bulk.insert(self.connection, "waiting (lane, delivery)", places)
        bulk.insert(self.connection, "ready (destination, due, delivery)", ready)
        self._count(len(group))

    def _count(self, more: int) -> None:
        rows = [
            ("message", self._bucket, "received", more),
            ("message", self._bucket, "accepted", more),
            ("delivery", self._destination, "accepted", more),
            ("delivery", self._destination, "queued", more),
        ]
        end = "ON CONFLICT DO UPDATE SET counted = counted + excluded.counted"
        bulk.insert(self.connection, "ledger (book, account, entry, counted)", rows, end)


def _field_3(raw: bytes, segment: bytes) -> str:
    begin = raw.find(segment)
    return raw[begin : begin + 200].split(b"|", 4)[3].decode()


def answer(group: Sequence[Waiting]) -> None:
    """Tell the senders, on the reactor's thread."""
    for line, _, control_id in group:
        line.transport.write(ACK % control_id)


def main(folder: str) -> None:
    """Listen until killed."""
    install: Any = asyncioreactor.install
    install(asyncio.new_event_loop())
    from twisted.internet import reactor as installed

    reactor: Any = installed
    queue: SimpleQueue[Waiting] = SimpleQueue()
    factory: Any = protocol.Factory()
    factory.buildProtocol = lambda _peer: BareLoop(queue)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    Committer(Path(folder), queue, reactor).start()
    print(port.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
