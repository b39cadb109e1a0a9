"""Forget old messages that nobody waits for; what was counted stays counted."""

from __future__ import annotations

from typing import NamedTuple

from engine.store import bulk
from engine.store.session import Session

#: Messages per commit, so that nobody waits long behind a purge.
PURGE_AT_ONCE = 500


class Purge(NamedTuple):
    """Forget messages received before a time, with ids above one; and how many those were."""

    before: float
    after: int = 0
    messages: int = 0


def purge(session: Session, call: Purge) -> Purge:
    """Forget the next few; dead, held and unsent ones are kept whatever their age."""
    query = (
        "SELECT id FROM message WHERE id > ? AND received_at < ? AND NOT EXISTS (SELECT 1 "
        "FROM delivery WHERE delivery.message = message.id AND state <> 'delivered') "
        "ORDER BY id LIMIT ?"
    )
    found = session.connection.execute(query, (call.after, call.before, PURGE_AT_ONCE))
    ids = [number for (number,) in found]
    if ids:
        _count(session, bulk.numbers(ids))
        _delete(session, bulk.numbers(ids))
    if len(ids) < PURGE_AT_ONCE:
        _forget_lanes(session)
    return call._replace(after=ids[-1] if ids else call.after, messages=len(ids))


def _count(session: Session, ids: str) -> None:
    end = "ON CONFLICT DO UPDATE SET purged = purged + excluded.purged"
    those = "(SELECT value FROM json_each(?))"
    run = session.connection.execute
    run(
        "INSERT INTO outcome_count (bucket, outcome, purged) SELECT bucket, outcome, count(*) "
        f"FROM message WHERE id IN {those} GROUP BY bucket, outcome {end}",
        (ids,),
    )
    run(
        "INSERT INTO state_count (destination, state, purged) SELECT destination, state, count(*) "
        f"FROM delivery WHERE message IN {those} GROUP BY destination, state {end}",
        (ids,),
    )


def _delete(session: Session, ids: str) -> None:
    for table, column in (("delivery", "message"), ("raw", "message"), ("message", "id")):
        session.connection.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (ids,)
        )


def _forget_lanes(session: Session) -> None:
    """A mark older than every delivery can refuse no replay."""
    session.connection.execute(
        "DELETE FROM lane WHERE delivered < coalesce((SELECT min(id) FROM delivery), 0)"
    )
