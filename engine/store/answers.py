"""Note what messages were answered with."""

from __future__ import annotations

from collections.abc import Sequence

from engine.store import bulk
from engine.store.session import Session


def answered(session: Session, calls: Sequence[tuple[int, str, float]]) -> list[None]:
    """(message, code, time): the last word on a message counts."""
    bulk.change(
        session.connection,
        "id, code, time",
        list({call[0]: call for call in calls}.values()),
        "UPDATE message SET answer = given.code, answered_at = given.time FROM given "
        "WHERE message.id = given.id",
    )
    return [None] * len(calls)
