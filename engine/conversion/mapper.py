"""Stored messages to what their destinations want: mapped here, or in processes of their own."""

from __future__ import annotations

import os
from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, maybeDeferred, succeed

from engine.config import MappingSettings
from engine.conversion.channels import Conversions, Work
from engine.conversion.generation import AHEAD
from engine.conversion.pool import MappingPool
from engine.mapping.prepared import Prepared

#: Each core more than this adds little as long as one process listens and sends.
MOST = 8


class Mapper:
    """Maps by what it was last told to use."""

    def __init__(self, reactor: Any, log: FilteringBoundLogger) -> None:
        self._reactor = reactor
        self._log = log
        self._conversions: Conversions | None = None
        self._pool: MappingPool | None = None
        #: how many messages it takes at once before any of them is done
        self.ahead = 0
        self._used: tuple[bytes, MappingSettings] | None = None

    def use(self, conversions: Conversions, settings: MappingSettings) -> None:
        """Map like this from now on; where nothing has changed, the processes stay."""
        processes = _processes(settings)
        self._conversions = conversions
        self.ahead = processes * AHEAD
        if not processes:
            self.close()
            return
        if self._pool is None:
            self._pool = MappingPool(self._reactor, self._log)
        used = (conversions.packed, settings)
        if used != self._used:
            self._used = used
            self._pool.use(conversions, processes, settings.timeout)

    def prepared(self, work: Work) -> Deferred[Prepared]:
        """A message as its destination wants it; see MappingPool.prepared."""
        if self._pool is not None:
            return self._pool.prepared(work)
        assert self._conversions is not None
        return maybeDeferred(self._conversions.prepared, work)

    def close(self, limit: float | None = None) -> Deferred[Any]:
        """End the processes; what they are at is finished, if need be within so many seconds."""
        pool, self._pool, self._used = self._pool, None, None
        return succeed(None) if pool is None else pool.close(limit)


def _processes(settings: MappingSettings) -> int:
    """How many there are; unless it is said, one core is left to the listener."""
    if settings.processes is not None:
        return settings.processes
    return min(len(os.sched_getaffinity(0)) - 1, MOST)
