"""Take messages in: tell duplicates, keep bytes and deliveries, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

from engine.lifecycle import Outcome
from engine.store import bulk, lanes
from engine.store.counters import Counters
from engine.store.numbering import deliveries_of, delivery_of
from engine.store.records import Receipt, Received
from engine.store.session import Session

_MESSAGE = (
    "message (id, bucket, peer, received_at, stored_at, outcome, control_id, sender, type, "
    "version, patient, order_number, answer, answered_at, reason, configuration, original, "
    "reused, checksum, raw)"
)
_DELIVERY = "delivery (id, message, destination, state, lanes, blocked)"

#: Answers after which a resend is a new message (HL7 table 0008).
NEGATIVE = frozenset(("AE", "AR", "CE", "CR"))


#: A channel, a sender and its control id.
_Identity = tuple[str, str, str]


class _Earlier(NamedTuple):
    """A message that was accepted before by the same channel, sender and control id."""

    id: int
    answer: str
    raw: bytes


class _Queued(NamedTuple):
    """A delivery to be."""

    id: int
    message: int
    destination: int
    lanes: list[int]


def accept(session: Session, calls: Sequence[Received]) -> list[Receipt]:
    """Store messages in their order; each duplicate is told by what came before it."""
    group = _Group(session, calls)
    receipts = [group.take(message) for message in calls]
    group.write()
    return receipts


class _Group:
    """The rows that messages make which are stored at once."""

    def __init__(self, session: Session, calls: Sequence[Received]) -> None:
        self._session = session
        self._now = session.clock()
        self._last = session.last_message()
        self._used = _used_ids(session, calls)
        self._accepted: dict[_Identity, list[tuple[int, Received]]] = {}
        self._messages: list[tuple[Any, ...]] = []
        self._deliveries: list[_Queued] = []

    def take(self, call: Received) -> Receipt:
        """Decide about one message and note its rows."""
        self._last += 1
        checksum = crc32(call.raw)
        key = (call.channel, call.sender, call.control_id)
        receipt = self._judge(call, key, checksum)
        if receipt.outcome is Outcome.ACCEPTED:
            self._accepted.setdefault(key, []).append((self._last, call))
            self._queue(call)
        self._note(call, receipt, checksum)
        return receipt

    def _judge(self, call: Received, key: _Identity, checksum: int) -> Receipt:
        if call.outcome is not Outcome.ACCEPTED:
            return Receipt(self._last, call.outcome)
        # Without a control id there is nothing by which a resend could be told (MSH-10).
        if not call.control_id or not (key in self._used or key in self._accepted):
            return Receipt(self._last, Outcome.ACCEPTED)
        original = self._original(call, key, checksum)
        if original is None:
            return Receipt(self._last, Outcome.ACCEPTED, reused_id=True)
        # Told that it failed, a sender sends again: a new message, unless the first is on its
        # way all the same (a delivery that took longer than ack.timeout).
        if original.answer in NEGATIVE and not self._is_on_its_way(original.id):
            return Receipt(self._last, Outcome.ACCEPTED)
        return Receipt(self._last, Outcome.DUPLICATE, original.id, original.answer)

    def _original(self, call: Received, key: _Identity, checksum: int) -> _Earlier | None:
        """The newest accepted message with the same channel, sender, control id and bytes."""
        for number, earlier in reversed(self._accepted.get(key, ())):
            if earlier.raw == call.raw:
                return _Earlier(number, earlier.answer, earlier.raw)
        rows = self._session.connection.execute(
            "SELECT id, answer, raw FROM message INDEXED BY message_control "
            "WHERE sender = ? AND control_id = ? AND checksum = ? AND outcome = 'accepted' "
            f"AND received_at > ? AND {_OF_CHANNEL.format('?')} ORDER BY id DESC",
            (call.sender, call.control_id, checksum, call.duplicates_after, call.channel),
        )
        return next((_Earlier(*row) for row in rows if row[2] == call.raw), None)

    def _is_on_its_way(self, message: int) -> bool:
        query = "SELECT 1 FROM delivery WHERE id BETWEEN ? AND ? AND state IN ('queued', 'sending')"
        found = self._session.connection.execute(query, deliveries_of(message))
        return found.fetchone() is not None

    def _queue(self, call: Received) -> None:
        for nth, (name, names) in enumerate(call.deliveries()):
            destination = self._session.destination(name)
            numbers = [lanes.number_of(lane) for lane in names]
            number = delivery_of(self._last, nth)
            self._deliveries.append(_Queued(number, self._last, destination, numbers))

    def _note(self, call: Received, receipt: Receipt, checksum: int) -> None:
        bucket = self._session.bucket(call.channel, call.port)
        # A plain str: SQLite asks a subclass, such as an enumeration's, for an adapter first.
        answer = str(receipt.original_answer if receipt.original_id else call.answer)
        row = (
            self._last,
            bucket,
            call.peer,
            call.received_at,
            self._now,
            receipt.outcome.value,
            call.control_id,
            call.sender,
            call.type,
            call.version,
            call.patient,
            call.order,
            answer,
            self._now if answer else None,
            call.reason,
            call.configuration,
            receipt.original_id,
            int(receipt.reused_id),
            checksum,
            call.raw if receipt.original_id is None else None,
        )
        self._messages.append(row)

    def write(self) -> None:
        """Write everything down."""
        bulk.insert(self._session.connection, _MESSAGE, self._messages)
        if self._deliveries:
            self._write_deliveries()
        counters = Counters()
        counters.received((row[1], row[5]) for row in self._messages)
        counters.queued(delivery.destination for delivery in self._deliveries)
        counters.write(self._session)
        self._session.stored_message(self._last)

    def _write_deliveries(self) -> None:
        wanted = {lane for delivery in self._deliveries for lane in delivery.lanes}
        taken = lanes.occupied(self._session, wanted)
        rows, places, ready = [], [], []
        for number, message, destination, numbers in self._deliveries:
            blocked = len(taken.intersection(numbers))
            taken.update(numbers)
            places += [(lane, number) for lane in numbers]
            if not blocked:
                ready.append((destination, 0.0, number))
            text = bulk.numbers(numbers)
            rows.append((number, message, destination, "queued", text, blocked))
        bulk.insert(self._session.connection, _DELIVERY, rows)
        lanes.enter(self._session, places)
        bulk.insert(self._session.connection, "ready (destination, due, delivery)", ready)


# Two channels may well get the same message, each for its own destinations.
_OF_CHANNEL = "message.bucket IN (SELECT id FROM bucket WHERE channel = {})"
_SINCE = (
    "FROM message INDEXED BY message_control WHERE message.control_id = {} "
    "AND message.sender = {} AND outcome = 'accepted' AND received_at > {} AND " + _OF_CHANNEL
)
_USED = f"SELECT 1 {_SINCE.format('?', '?', '?', '?')} LIMIT 1"
_USED_OF_MANY = "SELECT channel, sender, control_id FROM given WHERE EXISTS (SELECT 1 {})".format(
    _SINCE.format("given.control_id", "given.sender", "since", "given.channel")
)


def _used_ids(session: Session, calls: Sequence[Received]) -> set[_Identity]:
    """Which of these identities had been accepted before, in the window."""
    asked = [
        (call.control_id, call.sender, call.duplicates_after, call.channel)
        for call in calls
        if call.outcome is Outcome.ACCEPTED and call.control_id
    ]
    if len(asked) == 1:
        [(control_id, sender, _, channel)] = asked
        found = session.connection.execute(_USED, asked[0]).fetchone()
        return {(channel, sender, control_id)} if found else set()
    columns = "control_id, sender, since, channel"
    return set(bulk.select(session.connection, columns, asked, _USED_OF_MANY))
