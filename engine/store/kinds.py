"""What the store can be asked to change, and in which order it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store import claims, replay, worklist
from engine.store.accept import accept
from engine.store.answers import answered
from engine.store.purge import purge
from engine.store.session import Session


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """A kind of call: how many of them are done at once.

    Calls of one group have not been answered yet, so their order is ours to choose: by rank,
    what adds or settles before what hands out.
    """

    name: str
    rank: int
    run: Callable[[Session, Sequence[Any]], Sequence[Any]]


def _each(name: str, rank: int, run: Callable[[Session, Any], Any]) -> Kind:
    return Kind(name, rank, lambda session, calls: [run(session, call) for call in calls])


ACCEPT = Kind("accept", 0, accept)
ANSWERED = Kind("answered", 1, answered)
SETTLE = Kind("settle", 2, claims.settle)
SETTLE_MANY = _each("settle many", 3, claims.settle)
RELEASE = _each("release", 4, claims.release)
ABANDON = _each("abandon", 5, replay.abandon)
REPLAY = _each("replay", 6, replay.replay)
CLAIM = _each("claim", 7, claims.claim)
NEXT_DUE = _each("next due", 8, claims.next_due)
PURGE = _each("purge", 9, purge)
FORGET = _each("forget", 10, worklist.forget)

#: By their names, under which another process is asked for them.
KINDS = {
    kind.name: kind
    for kind in (
        *(ACCEPT, ANSWERED, SETTLE, SETTLE_MANY, RELEASE, ABANDON),
        *(REPLAY, CLAIM, NEXT_DUE, PURGE, FORGET),
    )
}
