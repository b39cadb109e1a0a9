"""What the listener shows of itself: one log line and one count for each arrow."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.python.failure import Failure

from engine.errors import StoreError
from engine.hl7v2.ack import AckCode
from engine.lifecycle import Outcome
from engine.log import Frequent
from engine.metrics import Metrics
from engine.store.records import Receipt, Received

#: Why a sender may not come in: in metrics, and so in an alert rule.
FULL = "too many connections"

_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?")


#: Senders come and go, each from a port of its own.
_ORDINARY_AT_MOST, _LONGEST_TYPE = 4096, len("ORU^R01")


class _Ordinary(NamedTuple):
    """How the accepted messages of one type from one sender are counted and told of."""

    counted: Callable[[float], None]
    last: Callable[[float], None]
    line: Frequent


class Record:
    """Log and metrics of the MLLP ports, in one vocabulary. Never a byte of a message."""

    def __init__(self, log: Any, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._log = log
        self._metrics = metrics
        self._clock = clock
        # Finding a labelled metric costs more than counting with it.
        self._answers: dict[tuple[str, AckCode], Callable[[float], None]] = {}
        self._ordinary: dict[tuple[str, ...], _Ordinary] = {}

    # --- connections -------------------------------------------------------------------------

    def port_opened(self, port: str) -> None:
        """A port listens: an alert sees the first that finds it full only if zero was there."""
        self._metrics.connections.labels(port)
        self._metrics.connections_displaced.labels(port)
        self._metrics.connections_refused.labels(port, FULL)

    def connection_opened(self, port: str, peer: str) -> None:
        """A sender has come in."""
        self._metrics.connections.labels(port).inc()
        self._log.info("connection.opened", port=port, peer=peer)

    def connection_refused(self, port: str, peer: str, reason: str) -> None:
        """A sender may not come in."""
        self._metrics.connections_refused.labels(port, reason).inc()
        self._log.warning("connection.refused", port=port, peer=peer, reason=reason)

    def connection_displaced(self, port: str, peer: str) -> None:
        """A silent connection is ended because another sender needs its place."""
        self._metrics.connections_displaced.labels(port).inc()
        self._log.warning("connection.displaced", port=port, peer=peer)

    def connection_closed(self, port: str, peer: str, reason: Failure) -> None:
        """A sender is gone."""
        self._metrics.connections.labels(port).dec()
        why = type(reason.value).__name__
        self._log.info("connection.closed", port=port, peer=peer, reason=why)

    def idle(self, port: str, peer: str) -> None:
        """A connection is closed because nothing came for the time that its port allows."""
        self._log.info("connection.idle", port=port, peer=peer)

    # --- frames ------------------------------------------------------------------------------

    def junk(self, port: str, peer: str, length: int) -> None:
        """Bytes came that belong to no frame."""
        self._metrics.junk_bytes.labels(port).inc(length)
        self._log.warning("frame.junk", port=port, peer=peer, bytes=length)

    def empty_frame(self, port: str, peer: str) -> None:
        """A frame without a message came: somebody asks whether we live."""
        self._log.debug("frame.empty", port=port, peer=peer)

    # --- messages ----------------------------------------------------------------------------

    def stored(self, received: Received, receipt: Receipt) -> None:
        """A message and what became of it are on the disk."""
        plain = not (receipt.reused_id or received.reason) and len(received.type) <= _LONGEST_TYPE
        if plain and receipt.outcome is Outcome.ACCEPTED:
            self._accepted(received, receipt)
            return
        told = _seen(received)
        told["message"] = receipt.message_id
        told["outcome"] = receipt.outcome.value
        if receipt.original_id is not None:
            told["original"] = receipt.original_id
        if receipt.reused_id:
            told["reused_id"] = True
        if received.channel:
            self._metrics.received.labels(received.channel, receipt.outcome).inc()
            self._metrics.last_message.labels(received.channel).set(received.received_at)
            self._log.info("message.stored", **told)
        else:
            self._metrics.quarantined.labels(received.port).inc()
            self._log.warning("message.stored", **told)

    def _accepted(self, received: Received, receipt: Receipt) -> None:
        """What most messages are: nothing but numbers tells their lines and counts apart."""
        key = (received.channel, received.port, received.peer, received.type, received.answer)
        known = self._ordinary.get(key)
        if known is None:
            known = self._learn(key, received)
        known.counted(1)
        known.last(received.received_at)
        known.line(len(received.raw), receipt.message_id)

    def _learn(self, key: tuple[str, ...], received: Received) -> _Ordinary:
        if len(self._ordinary) >= _ORDINARY_AT_MOST:
            self._ordinary.clear()
        told = _seen(received)
        del told["bytes"]
        told["outcome"] = Outcome.ACCEPTED.value
        self._ordinary[key] = known = _Ordinary(
            self._metrics.received.labels(received.channel, Outcome.ACCEPTED).inc,
            self._metrics.last_message.labels(received.channel).set,
            Frequent(self._log, "message.stored", told, ("bytes", "message")),
        )
        return known

    def not_stored(self, received: Received, error: StoreError) -> None:
        """The store cannot promise; the sender is told so."""
        self._metrics.not_stored.labels(received.port).inc()
        self._log.error("message.not-stored", **{**_seen(received), "reason": str(error)})

    def fault(self, port: str, failure: Failure) -> None:
        """Our own fault: where, but not the text of the exception, which may quote the message."""
        frame = failure.frames[-1] if failure.frames else ("", "", 0)
        where = f"{frame[1]}:{frame[2]} {frame[0]}"
        fault = type(failure.value).__name__
        self._log.error("message.fault", port=port, fault=fault, where=where)

    # --- answers -----------------------------------------------------------------------------

    def answered(self, port: str, code: AckCode, received_at: float) -> None:
        """An answer is on its way."""
        observe = self._answers.get((port, code))
        if observe is None:
            self._answers[port, code] = observe = self._observer(port, code)
        observe(self._clock() - received_at)

    def _observer(self, port: str, code: AckCode) -> Callable[[float], None]:
        count = self._metrics.acknowledged.labels(port, code).inc
        observe = self._metrics.ack_seconds.labels(port).observe

        def answered(seconds: float) -> None:
            count()
            observe(seconds)

        return answered

    def answer_dropped(self, port: str, peer: str) -> None:
        """An answer came too late: its sender has gone."""
        self._metrics.answers_dropped.labels(port).inc()
        self._log.warning("answer.dropped", port=port, peer=peer)


def _seen(received: Received) -> dict[str, Any]:
    """What may be said of a message outside of the store."""
    seen: dict[str, Any] = {
        "channel": received.channel,
        "port": received.port,
        "peer": received.peer,
        "bytes": len(received.raw),
        "answer": str(received.answer),
    }
    # A broken header may hold anything where its type should be.
    if _TYPE.fullmatch(received.type):
        seen["type"] = received.type
    if received.reason:
        seen["reason"] = received.reason
    return seen
