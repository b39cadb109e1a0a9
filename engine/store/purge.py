"""Forget old messages that are done with; what was counted stays counted.

Done with is what has no delivery that is still to come or that a person has to look at: what is
delivered, refused, filtered, repeated, or was quarantined.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.store import bulk
from engine.store.counters import DELIVERIES, MESSAGES
from engine.store.numbering import first_received_since
from engine.store.session import Session

#: Messages per commit, so that nobody waits long behind a purge.
PURGE_AT_ONCE = 500


class Purge(NamedTuple):
    """Forget messages received before a time, with ids above one; and how many those were."""

    before: float
    after: int = 0
    messages: int = 0


def purge(session: Session, call: Purge) -> Purge:
    """Forget the next few; dead, held and unsent ones are kept whatever their age.

    So is the newest message, from whose number the next one's follows. All that is younger is
    not looked at: it is nearly everything, and every commit waits for a purge.
    """
    query = (
        "SELECT id FROM message WHERE id > ? AND id < ? AND received_at < ? AND NOT EXISTS (SELECT "
        "1 FROM delivery WHERE delivery.id BETWEEN message.id * 64 AND message.id * 64 + 63 "
        "AND state <> 'delivered') AND id < (SELECT max(id) FROM message) ORDER BY id LIMIT ?"
    )
    younger = first_received_since(session.connection, call.before)
    limits = (call.after, younger, call.before, PURGE_AT_ONCE)
    found = session.connection.execute(query, limits)
    ids = [number for (number,) in found]
    if ids:
        deliveries = _deliveries(session, ids)
        _count(session, bulk.numbers(ids), deliveries)
        _delete(session, bulk.numbers(ids), deliveries)
    if len(ids) < PURGE_AT_ONCE:
        _forget_lanes(session)
    return call._replace(after=ids[-1] if ids else call.after, messages=len(ids))


def _deliveries(session: Session, ids: list[int]) -> str:
    query = (
        "SELECT delivery.id FROM json_each(?) CROSS JOIN delivery "
        "WHERE delivery.id BETWEEN value * 64 AND value * 64 + 63"
    )
    found = session.connection.execute(query, (bulk.numbers(ids),))
    return bulk.numbers(number for (number,) in found)


def _count(session: Session, messages: str, deliveries: str) -> None:
    run = session.connection.execute
    statement = (
        "INSERT INTO ledger (book, account, entry, purged) SELECT ?, {account}, {entry}, count(*) "
        "FROM {table} WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 2, 3 "
        "ON CONFLICT DO UPDATE SET purged = purged + excluded.purged"
    )
    of_messages = statement.format(account="bucket", entry="outcome", table="message")
    run(of_messages, (MESSAGES, messages))
    of_deliveries = statement.format(account="destination", entry="state", table="delivery")
    run(of_deliveries, (DELIVERIES, deliveries))


def _delete(session: Session, messages: str, deliveries: str) -> None:
    keys = (("delivery", "id", deliveries), ("message", "id", messages),
            ("unmapped_in", "message", messages))  # fmt: skip
    for table, key, numbers in keys:
        session.connection.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT value FROM json_each(?))", (numbers,)
        )


def _forget_lanes(session: Session) -> None:
    """A mark older than every delivery can refuse no replay."""
    session.connection.execute(
        "DELETE FROM lane WHERE delivered < coalesce((SELECT min(id) FROM delivery), 0)"
    )
