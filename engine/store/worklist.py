"""The worklist: which codes of which channel no table holds, how often, and where to look.

A code is counted once for each message, however often that is sent and to how many
destinations; the rows are written with the settlements, so they cost no commit of their own.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from engine.store import bulk
from engine.store.numbering import DESTINATIONS_AT_MOST
from engine.store.records import HeldDelivery, MissingCodes, Settlement, UnmappedCode
from engine.store.session import Session

#: Entries of one table in one channel: a feed that puts free text where codes belong must not
#: fill the disk, and nobody works through more.
AT_MOST = 10_000
#: A code or text is kept up to here; what is longer is no code.
LONGEST = 300

#: channel, table, code, text
Key = tuple[str, str, str, str]

_GIVEN = "channel, table_name, code, text"


def note(session: Session, settlements: Sequence[Settlement]) -> None:
    """Count the codes that these messages have and that were not counted for them before."""
    found = list(_found(settlements))
    if not found:
        return
    first: dict[Key, tuple[int, float]] = {}
    for key, message, now in found:
        first.setdefault(key, (message, now))
    ids = _ids(session.connection, first)
    ids |= _added(session.connection, [(*key, *first[key]) for key in first if key not in ids])
    fresh = bulk.select(
        session.connection,
        "message, unmapped",
        list({(message, ids[key]) for key, message, _ in found if key in ids}),
        "INSERT INTO unmapped_in SELECT * FROM given WHERE 1 ON CONFLICT DO NOTHING "
        "RETURNING unmapped",
    )
    latest = {ids[key]: now for key, _, now in found if key in ids}
    _count(session.connection, Counter(number for (number,) in fresh), latest)


def _found(settlements: Iterable[Settlement]) -> Iterator[tuple[Key, int, float]]:
    for told in settlements:
        if told.missing is not None:
            for key in _keys(told.missing):
                yield key, told.delivery_id // DESTINATIONS_AT_MOST, told.now


def _keys(missing: MissingCodes) -> Iterator[Key]:
    for table, code, text in missing.codes:
        yield missing.channel, table, _kept(code), _kept(text)


def _kept(text: str) -> str:
    """As much of a text as is kept; what is no Unicode must not hinder a settlement."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


def _ids(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, int]:
    rows = bulk.select(
        connection,
        _GIVEN,
        list(keys),
        f"SELECT {_GIVEN}, id FROM given JOIN unmapped USING ({_GIVEN})",
    )
    return {(channel, table, code, text): number for channel, table, code, text, number in rows}


def _added(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, str, str, str, int, float]]
) -> dict[Key, int]:
    """New entries, as far as there is room in their tables."""
    if not rows:
        return {}
    room = {scope: AT_MOST - _size(connection, *scope) for scope in {row[:2] for row in rows}}
    added = []
    for row in rows:
        room[row[:2]] -= 1
        if room[row[:2]] >= 0:
            added.append((*row, row[-1]))
    bulk.insert(connection, f"unmapped ({_GIVEN}, example_message, first_seen, last_seen)", added)
    return _ids(connection, [row[:4] for row in added])


def _size(connection: sqlite3.Connection, channel: str, table: str) -> int:
    query = "SELECT count(*) FROM unmapped WHERE channel = ? AND table_name = ?"
    return int(connection.execute(query, (channel, table)).fetchone()[0])


def _count(connection: sqlite3.Connection, more: Counter[int], latest: dict[int, float]) -> None:
    bulk.change(
        connection,
        "id, more, now",
        [(number, count, latest[number]) for number, count in more.items()],
        "UPDATE unmapped SET count = count + given.more, last_seen = max(last_seen, given.now) "
        "FROM given WHERE unmapped.id = given.id",
    )


def forget(session: Session, entries: Sequence[int]) -> int:
    """Take entries off the list: how many there were."""
    cursor = session.connection.execute(
        "DELETE FROM unmapped WHERE id IN (SELECT value FROM json_each(?))",
        (bulk.numbers(entries),),
    )
    return cursor.rowcount


def entries(connection: sqlite3.Connection, channel: str, table: str) -> list[UnmappedCode]:
    """The list, or what a channel or a table has of it; the most frequent first."""
    query = (
        "SELECT id, channel, table_name, code, text, count, first_seen, last_seen, "
        "example_message FROM unmapped WHERE ?1 IN ('', channel) AND ?2 IN ('', table_name) "
        "ORDER BY count DESC, channel, table_name, code, text"
    )
    return [UnmappedCode(*row) for row in connection.execute(query, (channel, table))]


def held_with(connection: sqlite3.Connection, entries: Sequence[int]) -> list[HeldDelivery]:
    """Held deliveries of messages that have a code of these entries, the oldest first."""
    query = (
        "SELECT message, name FROM delivery JOIN destination ON destination.id = destination "
        # The index has these states only; the list lets SQLite see that it may be used.
        "WHERE state = 'held' AND state IN ('sending', 'held', 'dead') "
        "AND EXISTS (SELECT 1 FROM unmapped_in WHERE unmapped_in.message = delivery.message "
        "AND unmapped IN (SELECT value FROM json_each(?))) "
        "ORDER BY delivery.id"
    )
    found = connection.execute(query, (bulk.numbers(entries),))
    return [HeldDelivery(message, name) for message, name in found]
