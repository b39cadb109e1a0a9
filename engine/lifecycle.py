"""States of a delivery and what may happen in each; retry arithmetic; outcomes of messages."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What became of a received message; every message has exactly one."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    ACKNOWLEDGEMENT = "acknowledgement"
    QUARANTINED = "quarantined"


class State(StrEnum):
    """Where the delivery of one message to one destination stands."""

    QUEUED = "queued"  # waits for its lanes, or for the time of its next attempt
    SENDING = "sending"  # claimed; after a crash it is queued again
    HELD = "held"  # waits for a person, and its lanes with it
    DELIVERED = "delivered"
    DEAD = "dead"  # will not be sent again unless a person replays it


class Event(StrEnum):
    """What happens to a delivery."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"  # the destination has it
    RETRYABLE = "retryable"  # not now: try again, and count the attempt
    RELEASED = "released"  # nothing was tried, or the fault is not the message's: no attempt
    REFUSED = "refused"  # the destination will never take it: a dead letter
    HELD = "held"  # a person must look at it
    REPLAYED = "replayed"  # a person wants it sent (again)
    ABANDONED = "abandoned"  # a person gives it up, so that its lanes go on without it


#: The whole machine: what is not in this table cannot happen.
NEXT: dict[tuple[State, Event], State] = {
    (State.QUEUED, Event.CLAIMED): State.SENDING,
    (State.QUEUED, Event.ABANDONED): State.DEAD,  # its destination is served no more
    (State.SENDING, Event.ACCEPTED): State.DELIVERED,
    (State.SENDING, Event.RETRYABLE): State.QUEUED,
    (State.SENDING, Event.RELEASED): State.QUEUED,
    (State.SENDING, Event.REFUSED): State.DEAD,
    (State.SENDING, Event.HELD): State.HELD,
    (State.HELD, Event.REPLAYED): State.QUEUED,
    (State.HELD, Event.ABANDONED): State.DEAD,
    (State.DEAD, Event.REPLAYED): State.QUEUED,
    (State.DEAD, Event.ABANDONED): State.DEAD,
    (State.DELIVERED, Event.REPLAYED): State.QUEUED,
}


def next_state(state: State, event: Event) -> State | None:
    """The state after an event, or None when the event cannot happen in this state."""
    return NEXT.get((state, event))


class Patience(Protocol):
    """How a destination retries: seconds, and how many attempts there are at most."""

    @property
    def initial(self) -> float: ...  # noqa: D102 - the protocol's names speak
    @property
    def limit(self) -> float: ...  # noqa: D102
    @property
    def attempts(self) -> int | None: ...  # noqa: D102


def backoff(
    attempt: int, retry: Patience, random01: float, *, retry_after: float | None = None
) -> float:
    """Seconds until the next attempt after ``attempt`` (from 1) has failed.

    Exponential with full jitter: anything between nothing and the doubled ceiling, so that
    lanes which failed together do not come back together. What the server asks for with
    Retry-After is a lower bound.
    """
    doublings = min(max(attempt - 1, 0), 62)  # beyond, a float would overflow
    ceiling = min(retry.limit, retry.initial * 2.0**doublings)
    return max(random01 * ceiling, retry_after or 0.0)


def exhausted(attempt: int, retry: Patience) -> bool:
    """Whether no attempt is left after ``attempt`` (from 1) has failed."""
    return retry.attempts is not None and attempt >= retry.attempts
