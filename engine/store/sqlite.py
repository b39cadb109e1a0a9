"""The store: every message that was received and what became of it, in one SQLite file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from engine.errors import StoreError
from engine.lifecycle import Event, Outcome, State
from engine.store import kinds
from engine.store.apart import ProcessBench
from engine.store.claims import Claim
from engine.store.committer import Failed
from engine.store.ledger import Ledger
from engine.store.opening import lock
from engine.store.purge import PURGE_AT_ONCE, Purge
from engine.store.reader import Reader
from engine.store.records import (
    Claimed,
    MissingCodes,
    Queue,
    Receipt,
    Received,
    Settlement,
    StoredMessage,
    UnmappedCode,
)
from engine.store.replay import Review
from engine.store.search import Search
from engine.store.writer import Bench, Writer

__all__ = ["Claimed", "Receipt", "Received", "Search", "Settlement", "SqliteStore"]


T = TypeVar("T")


class SqliteStore:
    """Messages, deliveries and their ledger; every call returns a Deferred.

    All calls that wait at the same time share one commit, and no Deferred fires before it is
    on the disk. When it cannot be (full, locked, read-only), each fails with StoreError.

    A process of its own writes. ``reactor`` is the installed one when it is not given; ``lost``
    is told when that process has ended by itself: then nothing can be written any more, and the
    store must be opened anew.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Callable[[], float] = time.time,
        reactor: Any = None,
        lost: Callable[[StoreError], None] = lambda _: None,
    ) -> None:
        self._path = Path(path)
        self._clock = clock
        self._reactor = reactor
        self._lost = lost
        self._writer: Writer | None = None

    def open(self) -> None:
        """Create or migrate the store; what was being sent when it was left is queued again.

        Raises:
            StoreError: another engine has it, it is newer than this engine, or unusable.

        """
        self._lock = lock(self._path)
        writer = Writer(self._bench(), self._lost)
        try:
            writer.start()
        except BaseException:
            self._lock.close()
            raise
        self._writer = writer

    def _bench(self) -> Bench:
        reactor = self._reactor
        if reactor is None:
            from twisted.internet import reactor  # it is installed by now
        return ProcessBench(self._path, self._lock, self._clock, reactor)

    def close(self) -> Deferred[None]:
        """Do what was asked for until now, then give the files back."""
        return self._open_writer.stop().addBoth(self._unlock)

    def give_up(self) -> None:
        """Wait no longer for a process that writes nothing any more: all its calls fail."""
        self._open_writer.give_up()

    def _unlock(self, result: Any) -> Any:
        self._lock.close()
        return result

    @property
    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"{self._path} is not open")
        return self._writer

    def accept(self, received: Received) -> Deferred[Receipt]:
        """Keep a message and queue its deliveries, unless it repeats an earlier one."""
        return self._open_writer.submit(kinds.ACCEPT, received, len(received.raw))

    def keep(self, received: Received, told: Callable[[Receipt | Failed], None]) -> None:
        """As ``accept``, without a Deferred: each message would need one."""
        self._open_writer.ask(kinds.ACCEPT, received, len(received.raw), told)

    def quarantine(
        self, port: str, peer: str, raw: bytes, reason: str, received_at: float
    ) -> Deferred[Receipt]:
        """Keep bytes that could not be read as a message."""
        outcome = Outcome.QUARANTINED
        return self.accept(Received("", port, peer, raw, received_at, outcome, reason=reason))

    def answered(self, message_id: int, answer: str) -> Deferred[None]:
        """Note the code that a message was answered with, later than at its commit."""
        return self._open_writer.submit(kinds.ANSWERED, (message_id, answer, self._clock()))

    def claim(
        self, destination: str, limit: int, now: float, longest: float = math.inf
    ) -> Deferred[list[Claimed]]:
        """Take deliveries that may be sent now: heads of all their lanes, and due.

        ``longest``: the seconds that a delivery is put off at most.
        """
        return self._open_writer.submit(kinds.CLAIM, Claim(destination, limit, now, longest))

    def settle(
        self,
        delivery_id: int,
        event: Event | str,
        *,
        now: float,
        detail: str = "",
        not_before: float | None = None,
        on_dead: str = "continue",
        missing: MissingCodes | None = None,
        untouched: bool = False,
    ) -> Deferred[State]:
        """Say what came of a claimed delivery, and which codes its message has in vain."""
        settlement = Settlement(
            delivery_id, Event(event), now, detail, not_before, on_dead, missing, untouched
        )
        return self._open_writer.submit(kinds.SETTLE, settlement)

    def settle_many(self, settlements: Sequence[Settlement]) -> Deferred[list[State]]:
        """Say what came of several: all of them, or none when one cannot be."""
        return self._open_writer.submit(kinds.SETTLE_MANY, settlements)

    def next_due(self, destination: str) -> Deferred[float | None]:
        """The time from which the next delivery may be claimed; None when there is none."""
        return self._open_writer.submit(kinds.NEXT_DUE, destination)

    def release(self, destination: str | None = None) -> Deferred[int]:
        """Queue again what was claimed and will not be sent by whoever claimed it."""
        return self._open_writer.submit(kinds.RELEASE, destination)

    def replay(
        self, message_id: int, destination: str | None = None, *, force: bool = False
    ) -> Deferred[list[int]]:
        """Queue deliveries of a message again; see engine.store.replay."""
        return self._open_writer.submit(kinds.REPLAY, Review(message_id, destination, force))

    def abandon(
        self, message_id: int, destination: str | None = None, *, force: bool = False
    ) -> Deferred[list[int]]:
        """Give held or dead deliveries up, by force queued ones too, so that their lanes go on."""
        return self._open_writer.submit(kinds.ABANDON, Review(message_id, destination, force))

    def unmapped(self, channel: str = "", table: str = "") -> Deferred[list[UnmappedCode]]:
        """The worklist of codes that tables do not hold, the most frequent first."""
        return self._read(lambda reader: reader.unmapped(channel, table))

    def forget_unmapped(self, entries: Sequence[int]) -> Deferred[int]:
        """Take entries off the worklist; if they come again, they are counted from 1."""
        return self._open_writer.submit(kinds.FORGET, entries)

    def ledger(self, *, verify: bool = False) -> Deferred[Ledger]:
        """Both identities, from the counters; ``verify`` holds them against the rows too."""
        return self._read(lambda reader: reader.ledger(verify=verify))

    def queued(self) -> Deferred[dict[str, Queue]]:
        """What waits for each destination, and since when its oldest does."""
        return self._read(Reader.queued)

    def find(self, search: Search) -> Deferred[list[StoredMessage]]:
        """Messages that fit, newest first."""
        return self._read(lambda reader: reader.find(search))

    def message(self, message_id: int) -> Deferred[StoredMessage | None]:
        """One message with its deliveries."""
        return self._read(lambda reader: reader.message(message_id))

    def last_received(self) -> Deferred[dict[str, float]]:
        """When the last message of each channel came, of those that are still there."""
        return self._read(Reader.last_received)

    def raw(self, message_id: int) -> Deferred[bytes | None]:
        """The bytes of a message as they were received."""
        return self._read(lambda reader: reader.raw(message_id))

    @staticmethod
    def reader(path: Path | str) -> Reader:
        """Look into a store from outside, while an engine may be running."""
        return Reader(path)

    def _read(self, read: Callable[[Reader], T]) -> Deferred[T]:
        """Read in a thread of the reactor's pool, so that nobody who writes waits for it."""

        def run() -> T:
            with Reader(self._path) as reader:
                return read(reader)

        return deferToThread(run)

    async def purge(self, before: float) -> int:
        """Forget messages received before a time that have no delivery, or only delivered ones."""
        total, newest = 0, 0
        while True:
            purged: Purge = await self._open_writer.submit(kinds.PURGE, Purge(before, newest))
            total += purged.messages
            newest = purged.after
            if purged.messages < PURGE_AT_ONCE:
                return total
