"""What goes into the store and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.lifecycle import Event, Outcome, State


class Received(NamedTuple):
    """A message that arrived, with what intake decided about it.

    Lanes are written ``scope|key``. A delivery waits in those whose scope is its
    destination's (``scopes`` stands beside ``destinations``; where it says nothing, the scope
    is the destination's name). Lanes without such a scope hold within each destination.
    """

    channel: str
    port: str
    peer: str
    raw: bytes
    received_at: float
    outcome: Outcome
    control_id: str = ""
    sender: str = ""
    type: str = ""
    version: str = ""
    patient: str = ""
    order: str = ""
    #: code of HL7 table 0008 that will answer it, "" for none or not yet known
    answer: str = ""
    reason: str = ""
    lanes: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    #: hash of the configuration that decided
    configuration: str = ""
    #: a duplicate is one of an original that was received after this time
    duplicates_after: float = 0.0

    def deliveries(self) -> list[tuple[str, list[str]]]:
        """Each destination with the lanes that its delivery waits in."""
        lanes = list(dict.fromkeys(self.lanes)) if len(self.lanes) > 1 else self.lanes
        scopes = self.scopes or self.destinations
        return [
            (destination, _in_scope(f"{scope or destination}|", lanes))
            for destination, scope in zip(self.destinations, scopes, strict=True)
        ]


def _in_scope(prefix: str, lanes: Sequence[str]) -> list[str]:
    scoped = [lane for lane in lanes if lane.startswith(prefix)]
    return scoped or [prefix + lane for lane in lanes] or [prefix]


class Receipt(NamedTuple):
    """What the store made of a message, after the commit.

    ``outcome`` is DUPLICATE when it repeats ``original_id``, whose answer so far is
    ``original_answer`` ("" while it waits for one, or wanted none).
    """

    message_id: int
    outcome: Outcome
    original_id: int | None = None
    original_answer: str = ""
    #: the sender had used this control id for other bytes
    reused_id: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is now this process's to send."""

    delivery_id: int
    message_id: int
    channel: str
    destination: str
    lanes: tuple[int, ...]
    #: counts from 1
    attempt: int
    raw: bytes
    received_at: float
    configuration: str
    #: a person has asked for it again, or nothing of it can be there yet
    replayed: bool = False


class MissingCodes(NamedTuple):
    """What mapping one message looked for in code tables and did not find."""

    channel: str
    #: (table, code, text), each once
    codes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """An entry of the worklist: a code, or a text without one, that a table does not hold."""

    id: int
    channel: str
    table: str
    code: str
    text: str
    #: in how many messages it stood
    count: int
    first_seen: float
    last_seen: float
    #: the number of a message in which it stands
    example: int


class HeldDelivery(NamedTuple):
    """A delivery that waits for a person."""

    message_id: int
    destination: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a claimed delivery."""

    delivery_id: int
    event: Event
    now: float
    detail: str = ""
    #: with RETRYABLE or RELEASED: the earliest time of the next attempt
    not_before: float | None = None
    #: with REFUSED: whether the lanes "continue" without it or "hold"
    on_dead: str = "continue"
    #: counted with it, once for each message however often and wherever that is sent
    missing: MissingCodes | None = None
    #: with RELEASED: its destination has certainly nothing of it
    untouched: bool = False


class Queue(NamedTuple):
    """What waits for a destination."""

    waiting: int
    oldest_received_at: float | None


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as it is looked at."""

    id: int
    destination: str
    state: State
    attempt: int
    due: float
    #: in how many lanes something older goes first
    blocked: int
    claimed_at: float | None
    settled_at: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is looked at; its bytes are asked for apart."""

    id: int
    channel: str
    port: str
    peer: str
    received_at: float
    stored_at: float
    outcome: Outcome
    control_id: str
    sender: str
    type: str
    version: str
    patient: str
    order: str
    answer: str
    answered_at: float | None
    reason: str
    configuration: str
    original: int | None
    reused: bool
    deliveries: tuple[StoredDelivery, ...] = ()
