"""Lanes: who is at the head, who steps up. Strict order inside, nothing between them.

``waiting`` holds each unsettled delivery once per lane. The head of a lane is its smallest
delivery; ``delivery.blocked`` counts the lanes in which a delivery is not the head; ``ready``
holds those that are QUEUED and blocked nowhere. So neither a claim nor a settlement looks at
more of a lane than its first two, however long it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

from engine.store import bulk
from engine.store.session import Session


@lru_cache(maxsize=8192)
def number_of(lane: str) -> int:
    """The number that a lane is kept under.

    Two lanes with one number would only wait for each other; with 64 bits they do not meet.
    """
    digest = blake2b(lane.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def unpack(lanes: str) -> list[int]:
    """The column ``delivery.lanes``."""
    numbers: list[int] = json.loads(lanes)
    return numbers


def occupied(session: Session, lanes: Collection[int]) -> set[int]:
    """Which of these lanes somebody waits in."""
    if len(lanes) == 1:  # of most messages that come alone
        query = "SELECT lane FROM waiting WHERE lane = ? LIMIT 1"
        found = session.connection.execute(query, tuple(lanes)).fetchone()
        return set(lanes) if found else set()
    query = (
        "SELECT value FROM json_each(?) "
        "WHERE EXISTS (SELECT 1 FROM waiting WHERE waiting.lane = value)"
    )
    return {lane for (lane,) in session.connection.execute(query, (bulk.numbers(lanes),))}


def heads(session: Session, lanes: Iterable[int]) -> dict[int, int]:
    """The head of each of these lanes that has one."""
    query = (
        "SELECT value, (SELECT min(delivery) FROM waiting WHERE waiting.lane = value) AS head "
        "FROM json_each(?) WHERE head IS NOT NULL"
    )
    return dict(session.connection.execute(query, (bulk.numbers(lanes),)).fetchall())


def enter(session: Session, places: Sequence[tuple[int, int]]) -> None:
    """Stand in lanes: (lane, delivery)."""
    bulk.insert(session.connection, "waiting (lane, delivery)", places)


def leave(session: Session, places: Sequence[tuple[int, int]]) -> None:
    """Heads leave their lanes, (lane, delivery), and the next of each lane steps up."""
    _remove(session, places)
    _unblock(session, Counter(heads(session, {lane for lane, _ in places}).values()))


def step_aside(session: Session, delivery: int, lanes: Sequence[int]) -> None:
    """Leave lanes without having to be the head of each."""
    before = heads(session, lanes)
    led = [lane for lane, head in before.items() if head == delivery]
    _remove(session, [(lane, delivery) for lane in lanes])
    _unblock(session, Counter(heads(session, led).values()))


def stay(session: Session, delivery: int, lanes: Sequence[int]) -> None:
    """What was being sent keeps its lanes; where a replay has come before it, that goes first."""
    before = [head for head in heads(session, lanes).values() if head != delivery]
    if before:
        block(session, {delivery: len(before)})
        _unblock(session, Counter(before))
    make_ready(session, [delivery])


def come_back(session: Session, delivery: int, lanes: Sequence[int]) -> None:
    """Stand in lanes again by the old order: before what is newer, behind what is being sent."""
    busy = being_sent(session, lanes)
    ahead, behind = 0, Counter[int]()
    for lane, head in heads(session, lanes).items():
        if lane in busy or head < delivery:
            ahead += 1
        else:
            behind[head] += 1
    enter(session, [(lane, delivery) for lane in lanes])
    block(session, {delivery: ahead, **behind})
    make_ready(session, [delivery])


def being_sent(session: Session, lanes: Iterable[int], newer_than: int = 0) -> set[int]:
    """Which of these lanes have a delivery on its way, newer than a given one."""
    query = (
        "SELECT DISTINCT lane FROM delivery CROSS JOIN waiting "
        "ON waiting.delivery = delivery.id AND lane IN (SELECT value FROM json_each(?)) "
        "WHERE state = 'sending' AND state IN ('sending', 'held', 'dead') AND delivery.id > ?"
    )
    found = session.connection.execute(query, (bulk.numbers(lanes), newer_than))
    return {lane for (lane,) in found}


def stands(session: Session, delivery: int, lanes: Sequence[int]) -> bool:
    """Whether a delivery is in its lanes."""
    query = "SELECT 1 FROM waiting WHERE lane = ? AND delivery = ?"
    return session.connection.execute(query, (lanes[0], delivery)).fetchone() is not None


def block(session: Session, more: Mapping[int, int]) -> None:
    """These deliveries have lost the head of so many lanes: they cannot be claimed."""
    for delivery, lanes in more.items():
        if lanes:
            run = session.connection.execute
            run("UPDATE delivery SET blocked = blocked + ? WHERE id = ?", (lanes, delivery))
            withdraw(session, delivery)


def withdraw(session: Session, delivery: int) -> None:
    """Let a delivery be claimed no more."""
    session.connection.execute(
        "DELETE FROM ready WHERE (destination, due, delivery) = "
        "(SELECT destination, due, id FROM delivery WHERE id = ?)",
        (delivery,),
    )


def _remove(session: Session, places: Sequence[tuple[int, int]]) -> None:
    bulk.change(
        session.connection,
        "lane, delivery",
        places,
        "DELETE FROM waiting WHERE (lane, delivery) IN (SELECT lane, delivery FROM given)",
    )


def _unblock(session: Session, steps: Counter[int]) -> None:
    """Each of these deliveries has become the head of so many more lanes."""
    if not steps:
        return
    bulk.change(
        session.connection,
        "id, steps",
        list(steps.items()),
        "UPDATE delivery SET blocked = blocked - given.steps FROM given "
        "WHERE delivery.id = given.id",
    )
    make_ready(session, steps)


def make_ready(session: Session, deliveries: Iterable[int]) -> None:
    """Let those be claimed that are queued and blocked nowhere."""
    session.connection.execute(
        "INSERT INTO ready (destination, due, delivery) "
        "SELECT destination, due, id FROM delivery "
        "WHERE id IN (SELECT value FROM json_each(?)) AND state = 'queued' AND blocked = 0",
        (bulk.numbers(deliveries),),
    )


def mark(session: Session, delivered: Sequence[tuple[int, int]]) -> None:
    """Remember the newest delivered, (lane, delivery)."""
    bulk.insert(
        session.connection,
        "lane (id, delivered)",
        delivered,
        "ON CONFLICT DO UPDATE SET delivered = max(delivered, excluded.delivered)",
    )
