"""Whether the process is well, check by check: what /health and /ready ask."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from engine.errors import StoreError
from engine.lifecycle import State
from engine.store.records import Settlement

#: A store with less room than this cannot take the next large frame's journal.
_ROOM = 1 << 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    well: bool
    says: str


Checks = Callable[[], Awaitable[Mapping[str, Check]]]


class Writable(Protocol):
    """What is asked of the store."""

    def settle_many(self, settlements: Sequence[Settlement]) -> Deferred[list[State]]:
        """Say what came of several deliveries."""


class StoreCheck:
    """Whether the store would take a message now."""

    def __init__(
        self, store: Writable, folder: Path, clock: IReactorTime, patience: float = 2.0
    ) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock
        self._patience = patience

    async def check(self) -> Check:
        """Take the way of a message's commit, without a message."""
        room = self._room()
        if room is not None and room < _ROOM:
            return Check(False, "the disk is full")
        try:
            # A transaction that changes nothing, and needs every lock that a message needs.
            await self._store.settle_many(()).addTimeout(self._patience, self._clock)
        except StoreError as error:
            return Check(False, str(error))
        except defer.TimeoutError:
            return Check(False, f"no commit within {self._patience:g} seconds")
        return Check(True, "writable" if room is None else f"writable, {room >> 20} MiB free")

    def _room(self) -> int | None:
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize
