"""Take messages in: tell duplicates, keep bytes and deliveries, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

from engine.lifecycle import Outcome, State
from engine.store import bulk, lanes
from engine.store.counters import Counters
from engine.store.records import Receipt, Received
from engine.store.session import Session

_MESSAGE = (
    "message (id, bucket, peer, received_at, stored_at, outcome, control_id, sender, type, "
    "version, patient, order_number, answer, answered_at, reason, configuration, original, "
    "reused, checksum)"
)
_DELIVERY = "delivery (id, message, destination, state, lanes, blocked)"

#: Answers after which a resend is a new message (HL7 table 0008).
NEGATIVE = frozenset(("AE", "AR", "CE", "CR"))


class _Earlier(NamedTuple):
    """A message that was accepted before under the same sender and control id."""

    id: int
    answer: str


def accept(session: Session, calls: Sequence[Received]) -> list[Receipt]:
    """Store messages in their order; each duplicate is told by what came before it."""
    intake = _Intake(session, calls)
    receipts = [intake.take(message) for message in calls]
    intake.write()
    return receipts


class _Intake:
    """The rows that one group of messages makes."""

    def __init__(self, session: Session, calls: Sequence[Received]) -> None:
        self._session = session
        self._now = session.clock()
        self._counters = Counters()
        self._message, self._delivery = session.last_ids()
        self._known = _used_ids(session, calls)
        self._group: defaultdict[tuple[str, str], list[tuple[bytes, _Earlier]]]
        self._group = defaultdict(list)
        self._messages: list[tuple[Any, ...]] = []
        self._raws: list[tuple[int, bytes]] = []
        self._deliveries: list[tuple[int, int, list[int]]] = []  # message, destination, lanes

    def take(self, call: Received) -> Receipt:
        """Decide about one message and note its rows."""
        self._message += 1
        checksum = crc32(call.raw)
        key = (call.sender, call.control_id)
        receipt = Receipt(self._message, call.outcome)
        if call.outcome is Outcome.ACCEPTED:
            receipt = self._against_earlier(call, key, checksum)
        if receipt.outcome is Outcome.ACCEPTED:
            self._group[key].append((call.raw, _Earlier(self._message, call.answer)))
            self._queue(call)
        if receipt.outcome is not Outcome.DUPLICATE:
            self._raws.append((self._message, call.raw))
        self._note(call, receipt, checksum)
        return receipt

    def _against_earlier(self, call: Received, key: tuple[str, str], checksum: int) -> Receipt:
        # Without a control id there is nothing by which a resend could be told (MSH-10).
        if not call.control_id or not (key in self._known or key in self._group):
            return Receipt(self._message, Outcome.ACCEPTED)
        original = self._original(call, key, checksum)
        if original is None:
            return Receipt(self._message, Outcome.ACCEPTED, reused_id=True)
        return Receipt(self._message, Outcome.DUPLICATE, original.id, original.answer)

    def _original(self, call: Received, key: tuple[str, str], checksum: int) -> _Earlier | None:
        """The newest accepted message with the same bytes, unless it was answered negatively."""
        for raw, earlier in reversed(self._group[key]):
            if raw == call.raw:
                return None if earlier.answer in NEGATIVE else earlier
        rows = self._session.connection.execute(
            "SELECT message.id, answer, bytes FROM message JOIN raw ON raw.message = message.id "
            "WHERE sender = ? AND control_id = ? AND checksum = ? AND outcome = ? "
            "AND received_at > ? ORDER BY message.id DESC",
            (*key, checksum, Outcome.ACCEPTED, call.duplicates_after),
        )
        for number, answer, raw in rows:
            if raw == call.raw:
                return None if answer in NEGATIVE else _Earlier(number, answer)
        return None

    def _queue(self, call: Received) -> None:
        for name, names in call.deliveries():
            destination = self._session.destination(name)
            numbers = list({lanes.number_of(lane): None for lane in names})
            self._deliveries.append((self._message, destination, numbers))
            self._counters.queued(destination)

    def _note(self, call: Received, receipt: Receipt, checksum: int) -> None:
        bucket = self._session.bucket(call.channel, call.port)
        answer = receipt.original_answer if receipt.original_id else call.answer
        row = (
            *(receipt.message_id, bucket, call.peer, call.received_at, self._now),
            *(receipt.outcome, call.control_id, call.sender, call.type, call.version),
            *(call.patient, call.order, answer, self._now if answer else None, call.reason),
            *(call.configuration, receipt.original_id, int(receipt.reused_id), checksum),
        )
        self._messages.append(row)
        self._counters.received(bucket, receipt.outcome)

    def write(self) -> None:
        """Write everything down."""
        bulk.insert(self._session.connection, _MESSAGE, self._messages)
        bulk.insert(self._session.connection, "raw (message, bytes)", self._raws)
        self._write_deliveries()
        self._counters.write(self._session)

    def _write_deliveries(self) -> None:
        taken = lanes.occupied(
            self._session, {lane for _, _, numbers in self._deliveries for lane in numbers}
        )
        rows, places, ready = [], [], []
        for message, destination, numbers in self._deliveries:
            self._delivery += 1
            blocked = len(taken.intersection(numbers))
            taken.update(numbers)
            places += [(lane, self._delivery) for lane in numbers]
            if not blocked:
                ready.append((destination, 0.0, self._delivery))
            rows.append(
                (self._delivery, message, destination, State.QUEUED)
                + (bulk.numbers(numbers), blocked)
            )
        bulk.insert(self._session.connection, _DELIVERY, rows)
        lanes.enter(self._session, places)
        bulk.insert(self._session.connection, "ready (destination, due, delivery)", ready)


def _used_ids(session: Session, calls: Sequence[Received]) -> set[tuple[str, str]]:
    """Which (sender, control id) of these messages had been accepted before, in the window."""
    asked = {
        (call.sender, call.control_id, call.duplicates_after)
        for call in calls
        if call.outcome is Outcome.ACCEPTED and call.control_id
    }
    query = (
        "SELECT sender, control_id FROM given WHERE EXISTS (SELECT 1 FROM message INDEXED BY "
        "message_control WHERE message.control_id = given.control_id "
        "AND message.sender = given.sender AND outcome = 'accepted' AND received_at > since)"
    )
    found = bulk.select(session.connection, "sender, control_id, since", list(asked), query)
    return {(sender, control_id) for sender, control_id in found}
