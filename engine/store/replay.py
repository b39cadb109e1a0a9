"""What a person does to deliveries: send them again, or give them up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.errors import StoreError
from engine.lifecycle import Event, State, next_state
from engine.store import bulk, lanes
from engine.store.claims import DeliveryRow, read_deliveries
from engine.store.counters import Counters
from engine.store.numbering import deliveries_of
from engine.store.session import Session


class Review(NamedTuple):
    """A person's word about the deliveries of a message, to one destination or to all."""

    message_id: int
    destination: str | None = None
    force: bool = False


def replay(session: Session, call: Review) -> list[int]:
    """Queue deliveries again, in the old order; the ids of those.

    With no destination named: those that are held or dead; when there are none, all that are
    delivered. A delivery whose lane has delivered something newer is refused unless forced: it
    would bring an older state back.
    """
    rows = _deliveries(session, call)
    chosen = [row for row in rows if row.state in (State.HELD, State.DEAD)] or [
        row for row in rows if row.state is State.DELIVERED
    ]
    if not chosen:
        raise StoreError(f"message {call.message_id} is on its way: there is nothing to replay")
    if not call.force:
        for row in chosen:
            _refuse_older(session, row, call.message_id)
    counters = Counters()
    for row in chosen:
        _queue_again(session, row, counters)
    counters.write(session)
    return [row.id for row in chosen]


def abandon(session: Session, call: Review) -> list[int]:
    """Give held and dead deliveries up, so that their lanes go on without them.

    Queued ones only by ``force``: where nobody serves their destination any more.
    """
    chosen = [
        row
        for row in _deliveries(session, call)
        if next_state(row.state, Event.ABANDONED) and (call.force or row.state is not State.QUEUED)
    ]
    if not chosen:
        raise StoreError(f"message {call.message_id} is neither held nor dead")
    counters = Counters()
    for row in chosen:
        lanes.withdraw(session, row.id)
        lanes.step_aside(session, row.id, row.lanes)
        counters.moved(row.destination, row.state, State.DEAD)
        session.connection.execute(
            "UPDATE delivery SET state = ?, settled_at = ?, blocked = 0 WHERE id = ?",
            (State.DEAD.value, session.clock(), row.id),
        )
    counters.write(session)
    return [row.id for row in chosen]


def _deliveries(session: Session, call: Review) -> list[DeliveryRow]:
    run = session.connection.execute
    message = run(
        "SELECT outcome, original FROM message WHERE id = ?", (call.message_id,)
    ).fetchone()
    if message is None:
        raise StoreError(f"there is no message {call.message_id}")
    if message[1] is not None:
        raise StoreError(f"message {call.message_id} repeats message {message[1]}: name that one")
    query = "SELECT id FROM delivery WHERE id BETWEEN ? AND ?"
    ids = [number for (number,) in run(query, deliveries_of(call.message_id))]
    rows = _to(session, read_deliveries(session, ids).values(), call.destination)
    if not rows:
        where = f" to {call.destination}" if call.destination else f", it was {message[0]}"
        raise StoreError(f"message {call.message_id} has no delivery{where}")
    return rows


def _to(
    session: Session, rows: Iterable[DeliveryRow], destination: str | None
) -> list[DeliveryRow]:
    if destination is None:
        return list(rows)
    number = session.destination(destination)
    return [row for row in rows if row.destination == number]


def _refuse_older(session: Session, row: DeliveryRow, message_id: int) -> None:
    query = (
        "SELECT 1 FROM lane WHERE id IN (SELECT value FROM json_each(?)) AND delivered > ? LIMIT 1"
    )
    newer = session.connection.execute(query, (bulk.numbers(row.lanes), row.id)).fetchone()
    if newer or lanes.being_sent(session, row.lanes, newer_than=row.id):
        raise StoreError(
            f"message {message_id} is overtaken: its lane has sent something newer since, "
            "and a replay would bring an older state back; force it if that is wanted"
        )


def _queue_again(session: Session, row: DeliveryRow, counters: Counters) -> None:
    session.connection.execute(
        "UPDATE delivery SET state = ?, attempt = 0, due = 0, settled_at = NULL WHERE id = ?",
        (State.QUEUED.value, row.id),
    )
    counters.moved(row.destination, row.state, State.QUEUED)
    if lanes.stands(session, row.id, row.lanes):
        lanes.make_ready(session, [row.id])
    else:
        lanes.come_back(session, row.id, row.lanes)
