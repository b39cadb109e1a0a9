"""Coverage as a metric: now and then, another process looks at the newest messages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import orjson
from structlog.typing import FilteringBoundLogger
from twisted.internet.utils import getProcessOutputAndValue

from engine.metrics import Metrics

#: Seconds between two looks. Mapping knows nothing of it, and pays nothing for it.
EVERY = 900.0
#: Unmapped fields of a channel that get a label of their own; what comes later is "other".
FIELDS_AT_MOST = 200


#: What the survey says of its failure; anything else on its stderr may quote a message.
_WHERE = re.compile(r"\w+ at \S+:\d+")


class Survey:
    """Counts what a sample of each channel's messages became, value by value."""

    def __init__(self, metrics: Metrics, log: FilteringBoundLogger, reactor: Any) -> None:
        self._metrics = metrics
        self._log = log
        self._reactor = reactor
        self._last: dict[str, int] = {}
        self._fields: dict[str, set[str]] = {}
        self._running = False

    async def look(self, folder: Path) -> None:
        """Look at what came since the last time; a look that fails is told and left."""
        if self._running:
            return
        self._running = True
        try:
            out, err, code = await getProcessOutputAndValue(  # type: ignore[no-untyped-call]
                sys.executable,
                ("-P", "-m", "engine.workbench.survey", str(folder)),
                env=None,
                reactor=self._reactor,
                stdinBytes=orjson.dumps(self._last),
            )
        except Exception as failure:  # the process was killed, or none could be made
            self._log.warning("coverage.not-surveyed", reason=type(failure).__name__)
            return
        finally:
            self._running = False
        if code:
            self._log.warning("coverage.not-surveyed", status=code, reason=_reason(err))
            return
        try:
            self._count(orjson.loads(out))
        except (ValueError, LookupError, TypeError, AttributeError) as rubbish:
            self._log.warning("coverage.not-surveyed", reason=type(rubbish).__name__)

    def _count(self, told: dict[str, Any]) -> None:
        for channel, found in told.items():
            self._last[channel] = found["last"]
            for fate, count in found["values"].items():
                self._metrics.coverage_values.labels(channel, fate).inc(count)
            known = self._fields.setdefault(channel, set())
            for field, count in found["unmapped"].items():
                if field in known or len(known) < FIELDS_AT_MOST:
                    known.add(field)
                else:
                    field = "other"
                self._metrics.coverage_unmapped.labels(channel, field).inc(count)


def _reason(said: bytes) -> str:
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return last if _WHERE.fullmatch(last) else ""
