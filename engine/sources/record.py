"""What the listener shows of itself: one log line and one count for each arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from engine.hl7v2.ack import AckCode
from engine.store.records import Receipt, Received


class Record:
    """Log and metrics of the MLLP ports, in one vocabulary. Never a byte of a message."""

    def __init__(self, log: Any, metrics: Any, clock: Callable[[], float]) -> None:
        self._log = log
        self._metrics = metrics
        self._clock = clock

    # --- connections -------------------------------------------------------------------------

    def connection_opened(self, port: str, peer: str) -> None:
        """A sender has come in."""
        self._log.info("connection.opened", port=port, peer=peer)

    def connection_refused(self, port: str, peer: str, reason: str) -> None:
        """A sender may not come in."""
        self._log.warning("connection.refused", port=port, peer=peer, reason=reason)

    def connection_closed(self, port: str, peer: str, reason: Failure) -> None:
        """A sender is gone."""
        self._log.info(
            "connection.closed", port=port, peer=peer, reason=type(reason.value).__name__
        )

    def idle(self, port: str, peer: str) -> None:
        """A connection is closed because nothing came for the time that its port allows."""
        self._log.info("connection.idle", port=port, peer=peer)

    # --- frames ------------------------------------------------------------------------------

    def junk(self, port: str, peer: str, length: int) -> None:
        """Bytes came that belong to no frame."""
        self._log.warning("frame.junk", port=port, peer=peer, bytes=length)

    def empty_frame(self, port: str) -> None:
        """A frame without a message came: somebody asks whether we live."""
        self._log.debug("frame.empty", port=port)

    # --- messages ----------------------------------------------------------------------------

    def stored(self, received: Received, receipt: Receipt) -> None:
        """A message and what became of it are on the disk."""
        self._log.info(
            "message.stored",
            channel=received.channel,
            port=received.port,
            peer=received.peer,
            message=receipt.message_id,
            outcome=receipt.outcome,
            type=received.type,
            bytes=len(received.raw),
            reason=received.reason,
            original=receipt.original_id,
            reused_id=receipt.reused_id,
        )

    def not_stored(self, received: Received, failure: Failure) -> None:
        """The store cannot promise; the sender is told so."""
        self._log.error(
            "message.not-stored",
            channel=received.channel,
            port=received.port,
            peer=received.peer,
            reason=failure.getErrorMessage(),
        )

    def fault(self, port: str, failure: Failure) -> None:
        """Our own fault: where, but not the text of the exception, which may quote the message."""
        frame = failure.frames[-1] if failure.frames else ("", "", 0)
        where = f"{frame[1]}:{frame[2]} {frame[0]}"
        self._log.error("message.fault", port=port, fault=type(failure.value).__name__, where=where)

    # --- answers -----------------------------------------------------------------------------

    def answered(self, port: str, code: AckCode, received_at: float) -> None:
        """An answer is on its way."""

    def answer_dropped(self, port: str, peer: str) -> None:
        """An answer came too late: its sender has gone."""
        self._log.warning("answer.dropped", port=port, peer=peer)
