"""Hand out what may be sent, and take back what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from engine.errors import StoreError
from engine.lifecycle import Event, State, next_state
from engine.store import bulk, lanes, worklist
from engine.store.counters import Counters
from engine.store.records import Claimed, Settlement
from engine.store.session import Session

#: Before they are marked. What has been claimed and has no settlement was queued again by a
#: person, or was given back untouched: its destination has nothing of this attempt.
_CLAIMED = (
    "SELECT delivery.id, delivery.message, channel, lanes, attempt, raw, received_at, "
    "configuration, claimed_at IS NOT NULL AND settled_at IS NULL "
    "FROM delivery JOIN message ON message.id = delivery.message "
    "JOIN bucket ON bucket.id = message.bucket "
    "WHERE delivery.id IN (SELECT value FROM json_each(?)) ORDER BY delivery.id"
)


#: About so many bytes of messages are handed out at once, and one message however long: they are
#: on their way between two processes, each of which holds them twice.
CLAIM_BYTES = 16 * 1024 * 1024


class Claim(NamedTuple):
    """Ask for deliveries to a destination."""

    destination: str
    limit: int
    now: float
    #: seconds; nothing is put off for longer, unless the clock was set back since
    longest: float = math.inf


def claim(session: Session, call: Claim) -> list[Claimed]:
    """Mark the heads of lanes that are due as SENDING and hand them out, oldest first.

    There may be more of them when these are as many as the limit, or as long.
    """
    destination = session.destination(call.destination)
    rows = _due(session, destination, call)
    if not rows:
        return []
    claimed = _as_many_as_go(session, call.destination, [delivery for _, delivery in rows])
    taken = {one.delivery_id for one in claimed}
    bulk.change(
        session.connection,
        "destination, due, delivery",
        [(destination, due, delivery) for due, delivery in rows if delivery in taken],
        "DELETE FROM ready WHERE (destination, due, delivery) IN (SELECT * FROM given)",
    )
    ids = bulk.numbers(taken)
    session.connection.execute(
        "UPDATE delivery SET state = ?, attempt = attempt + 1, claimed_at = ? "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (State.SENDING.value, call.now, ids),
    )
    counters = Counters()
    counters.moved(destination, State.QUEUED, State.SENDING, len(claimed))
    counters.write(session)
    return claimed


def are_long(claimed: Iterable[Claimed]) -> bool:
    """Whether these are as much as is handed out at once, so that there may be more."""
    return sum(len(one.raw) for one in claimed) >= CLAIM_BYTES


def _as_many_as_go(session: Session, destination: str, ids: Sequence[int]) -> list[Claimed]:
    """The oldest of these, up to ``CLAIM_BYTES``."""
    claimed, size = [], 0
    for row in session.connection.execute(_CLAIMED, (bulk.numbers(ids),)):
        claimed.append(_claimed(row, destination))
        size += len(claimed[-1].raw)
        if size >= CLAIM_BYTES:
            break
    return claimed


def _claimed(row: tuple[Any, ...], destination: str) -> Claimed:
    delivery, message, channel, numbers, attempt, raw, received_at, configuration, replayed = row
    return Claimed(
        delivery_id=delivery,
        message_id=message,
        channel=channel,
        destination=destination,
        lanes=tuple(lanes.unpack(numbers)),
        attempt=attempt + 1,
        raw=raw,
        received_at=received_at,
        configuration=configuration,
        replayed=bool(replayed),
    )


def _due(session: Session, destination: int, call: Claim) -> list[tuple[float, int]]:
    """Retries that are due and new heads, half and half, so that neither starves the other.

    When there is room for one, as there is for the try at a destination that is down, they take
    turns. What was tried longest ago is the first of the retries. One that is put off for longer
    than anything is was put off by a clock that has been set back since: it is due.
    """
    query = (
        "SELECT due, delivery FROM ready WHERE destination = ? AND due {} "
        "ORDER BY due, delivery LIMIT ?"
    )
    run = session.connection.execute
    retries = run(query.format("> 0 AND due <= ?"), (destination, call.now, call.limit)).fetchall()
    if len(retries) < call.limit:
        farthest, left = call.now + call.longest, call.limit - len(retries)
        retries += run(query.format("> ?"), (destination, farthest, left)).fetchall()
    fresh = run(query.format("= 0"), (destination, call.limit)).fetchall()
    more = call.limit % 2 if retries and fresh and session.retry_first(destination) else 0
    half = max(call.limit - len(fresh), call.limit // 2 + more)
    retries = retries[:half]
    return retries + fresh[: call.limit - len(retries)]


def next_due(session: Session, destination: str) -> float | None:
    """When the next delivery may be claimed; 0 for now, None when nothing waits for a time."""
    row = session.connection.execute(
        "SELECT min(due) FROM ready WHERE destination = ?", (session.destination(destination),)
    ).fetchone()
    return None if row[0] is None else float(row[0])


class DeliveryRow(NamedTuple):
    """A delivery as the state machine needs it."""

    id: int
    destination: int
    state: State
    lanes: list[int]
    attempt: int


def settle(session: Session, calls: Sequence[Settlement]) -> list[State]:
    """Move deliveries to the states that the events lead to; let their lanes go on."""
    rows = read_deliveries(session, [call.delivery_id for call in calls])
    settling = _Settling(session)
    states = [settling.settle(rows.get(call.delivery_id), call) for call in calls]
    settling.write()
    worklist.note(session, calls)
    return states


def read_deliveries(session: Session, ids: Sequence[int]) -> dict[int, DeliveryRow]:
    """Deliveries by id, as the state machine needs them."""
    query = (
        "SELECT id, destination, state, lanes, attempt FROM delivery "
        "WHERE id IN (SELECT value FROM json_each(?))"
    )
    found = session.connection.execute(query, (bulk.numbers(ids),))
    return {
        number: DeliveryRow(number, destination, State(state), lanes.unpack(numbers), attempt)
        for number, destination, state, numbers, attempt in found
    }


class _Settling:
    """What one group of settlements changes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counters = Counters()
        self._settled: set[int] = set()
        self._updates: list[tuple[Any, ...]] = []
        self._leaving: list[tuple[int, int]] = []
        self._delivered: list[tuple[int, int]] = []
        self._again: list[int] = []
        self._staying: list[DeliveryRow] = []

    def settle(self, row: DeliveryRow | None, call: Settlement) -> State:
        """Decide one; raise StoreError when the event cannot happen to it."""
        if row is None or call.delivery_id in self._settled:
            raise StoreError(f"delivery {call.delivery_id} is not being sent")
        state = next_state(row.state, call.event)
        if state is None or row.state is not State.SENDING:
            raise StoreError(f"delivery {row.id} is {row.state}: {call.event} cannot happen to it")
        self._settled.add(row.id)
        self._counters.moved(row.destination, row.state, state)
        due = (call.not_before or 0.0) if state is State.QUEUED else 0.0
        attempt = row.attempt - (call.event is Event.RELEASED)
        now = None if call.untouched else call.now
        self._updates.append((row.id, state.value, attempt, due, now, call.detail))
        self._lanes(row, state, call)
        return state

    def _lanes(self, row: DeliveryRow, state: State, call: Settlement) -> None:
        places = [(lane, row.id) for lane in row.lanes]
        if state is State.DELIVERED:
            self._delivered += places
        if state is State.DELIVERED or (state is State.DEAD and call.on_dead != "hold"):
            self._leaving += places
        else:
            self._staying.append(row)

    def write(self) -> None:
        """Write everything down."""
        bulk.change(
            self._session.connection,
            "id, state, attempt, due, now, detail",
            self._updates,
            "UPDATE delivery SET state = given.state, attempt = given.attempt, "
            "due = given.due, settled_at = coalesce(given.now, settled_at), detail = given.detail "
            "FROM given WHERE delivery.id = given.id",
        )
        lanes.mark(self._session, self._delivered)
        if self._leaving:
            lanes.leave(self._session, self._leaving)
        for row in self._staying:
            lanes.stay(self._session, row.id, row.lanes)
        self._counters.write(self._session)


def release(session: Session, destination: str | None) -> int:
    """Queue again what is marked as being sent: nobody is sending it any more."""
    query = (
        "SELECT id FROM delivery WHERE state = 'sending' AND state IN ('sending', 'held', 'dead')"
    )
    values: tuple[Any, ...] = ()
    if destination is not None:
        query += " AND destination = ?"
        values = (session.destination(destination),)
    ids = [number for (number,) in session.connection.execute(query, values)]
    now = session.clock()
    settle(session, [Settlement(number, Event.RELEASED, now) for number in ids])
    return len(ids)
