"""What the store is told of a message: its bytes, what it is found by, what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from engine import intake
from engine.errors import MessageError
from engine.hl7v2.ack import AckCode
from engine.hl7v2.message import Message
from engine.lifecycle import Outcome
from engine.sources.exchange import Arrival
from engine.store.records import Received

if TYPE_CHECKING:
    from engine.config import Channel, Destination


class Targets(NamedTuple):
    """Where the messages of a channel go: destinations, and what the lanes of each hold for."""

    destinations: tuple[str, ...]
    scopes: tuple[str, ...]
    #: each scope once
    apart: tuple[str, ...]

    @classmethod
    def of(cls, channel: Channel) -> Targets:
        """Those that the configuration names."""
        names = tuple(destination.name for destination in channel.destinations)
        scopes = tuple(scope_of(destination) for destination in channel.destinations)
        return cls(names, scopes, tuple(dict.fromkeys(scopes)))


def accepted(
    arrival: Arrival,
    message: Message,
    channel: Channel,
    targets: Targets,
    answer: str,
    flags: Sequence[MessageError],
    known: intake.Authorities,
) -> Received:
    """A message that is to be delivered, with its deliveries and the lanes they wait in."""
    return Received(
        channel=channel.name,
        port=arrival.port,
        peer=arrival.line.peer,
        raw=arrival.raw,
        received_at=arrival.received_at,
        outcome=Outcome.ACCEPTED,
        control_id=message.control_id,
        sender=message.sender,
        type=type_of(message),
        version=message.version,
        patient=intake.patient_of(message),
        order=intake.order_of(message),
        answer=answer,
        reason="; ".join([str(flag) for flag in flags]) if flags else "",
        lanes=intake.lanes(message, channel, targets.apart, known),
        destinations=targets.destinations,
        scopes=targets.scopes,
        configuration=arrival.configuration,
        duplicates_after=arrival.received_at - channel.duplicates,
    )


def closed(
    arrival: Arrival,
    message: Message,
    channel: Channel | None,
    outcome: Outcome,
    codes: Sequence[AckCode] = (),
    reason: str = "",
) -> Received:
    """A message that goes no further."""
    return Received(
        channel=channel.name if channel else "",
        port=arrival.port,
        peer=arrival.line.peer,
        raw=arrival.raw,
        received_at=arrival.received_at,
        outcome=outcome,
        control_id=message.control_id,
        sender=message.sender,
        type=type_of(message),
        version=message.version,
        patient=intake.patient_of(message),
        order=intake.order_of(message),
        answer=next(iter(codes), ""),
        reason=reason,
        configuration=arrival.configuration,
    )


def unreadable(arrival: Arrival, codes: Sequence[AckCode], reason: str) -> Received:
    """Bytes that are no message."""
    return Received(
        channel="",
        port=arrival.port,
        peer=arrival.line.peer,
        raw=arrival.raw,
        received_at=arrival.received_at,
        outcome=Outcome.QUARANTINED,
        answer=next(iter(codes), ""),
        reason=reason,
        configuration=arrival.configuration,
    )


def type_of(message: Message) -> str:
    """The type that the store is searched by: ``ORU^R01``."""
    code, trigger = message.code, message.trigger
    return f"{code}^{trigger}" if trigger else code


def scope_of(destination: Destination) -> str:
    """What a destination's lanes hold for: its server, whoever writes to it; else itself."""
    return getattr(destination, "server", "") or destination.name
