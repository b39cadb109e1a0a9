"""What deliveries show of themselves: one log line and one count for each arrow."""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from engine.conversion.connection import MappingFault
from engine.errors import StoreError
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict
from engine.lifecycle import State
from engine.mapping.prepared import Prepared
from engine.metrics import Metrics
from engine.store.records import Claimed

_WORDS = {
    Delivered: "delivered",
    Retry: "retry",
    Dead: "dead",
    Hold: "held",
    Down: "down",
}


class DeliveryRecord:
    """Log and metrics of one destination. Never a byte of a message, nor a server's words."""

    def __init__(self, destination: str, log: FilteringBoundLogger, metrics: Metrics) -> None:
        self._log = log.bind(destination=destination)
        self._metrics = metrics
        self._seconds = metrics.delivery_seconds.labels(destination)
        self._down = metrics.breaker.labels(destination)
        self._store_failed = False
        # By what it leads to: a retry whose attempts are used up is a dead letter.
        self._counts: dict[State, Callable[[], None]] = {
            State.DELIVERED: metrics.delivered.labels(destination).inc,
            State.QUEUED: metrics.retried.labels(destination).inc,
            State.HELD: metrics.held.labels(destination).inc,
            State.DEAD: metrics.dead.labels(destination).inc,
        }

    def mapped(self, claimed: Claimed, prepared: Prepared) -> None:
        """A message became resources."""
        self._metrics.mapping_seconds.labels(claimed.channel).observe(prepared.seconds)
        for severity, count in prepared.issues.items():
            self._metrics.issues.labels(claimed.channel, severity).inc(count)
        self._log.debug(
            "delivery.mapped",
            channel=claimed.channel,
            message=claimed.message_id,
            count=len(prepared.entries),
            issues=dict(prepared.issues),
            seconds=round(prepared.seconds, 6),
        )

    def fault(self, claimed: Claimed, error: Exception) -> None:
        """A fault of ours; the line says where, not with what."""
        line = self._log.bind(channel=claimed.channel, message=claimed.message_id)
        if isinstance(error, MappingFault):  # in another process: it has told us its name
            line.error("delivery.fault", fault=str(error), where=error.where)
        else:
            line.error("delivery.fault", exc_info=error)

    def settled(self, claimed: Claimed, verdict: Verdict, state: State, seconds: float) -> None:
        """An attempt has ended, and the store knows how."""
        kind = type(verdict)
        self._counts[state]()
        self._seconds.observe(seconds)
        write = self._log.info if state is State.DELIVERED else self._log.warning
        write(
            "delivery.settled",
            channel=claimed.channel,
            message=claimed.message_id,
            attempt=claimed.attempt,
            verdict=_WORDS[kind],
            reason=verdict.reason if isinstance(verdict, Retry | Down) else None,
            state=state.value,
            seconds=round(seconds, 6),
        )

    def store_failed(self, doing: str, failure: Exception) -> None:
        """The store does not do it; nothing is lost, and it is asked again. Said once."""
        if self._store_failed:
            return
        self._store_failed = True
        if isinstance(failure, StoreError):
            self._log.error("delivery.store-failed", doing=doing, reason=str(failure))
        else:  # a fault of ours: the line says where, not with what
            self._log.error("delivery.store-failed", doing=doing, exc_info=failure)

    def store_works(self) -> None:
        """The store has answered: its next failure is news."""
        self._store_failed = False

    def down(self, is_down: bool) -> None:
        """Whether the destination is taken to be down, from now on."""
        self._down.set(int(is_down))

    def outage(self, server: str, reason: str) -> None:
        """The one alert at the start of an outage (with its reason), or the one at its end."""
        self.down(bool(reason))
        if reason:
            self._log.error("destination.down", server=server, reason=reason)
        else:
            self._log.warning("destination.up", server=server)
