"""Stored messages as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from engine.cli.store import moment
from engine.cli.terminal import console
from engine.lifecycle import Outcome, State
from engine.store.records import StoredDelivery, StoredMessage

_COLOURS = {
    Outcome.REFUSED: "red",
    Outcome.QUARANTINED: "bold red",
    Outcome.FILTERED: "dim",
    Outcome.DUPLICATE: "dim",
    State.QUEUED: "cyan",
    State.SENDING: "cyan",
    State.HELD: "bold yellow",
    State.DELIVERED: "green",
    State.DEAD: "bold red",
}
_TIMES = ("received_at", "stored_at", "answered_at", "claimed_at", "settled_at", "due")
#: What tells who the patient is.
_PERSONAL = ("patient", "order")
_WHY = (State.HELD, State.DEAD)


def whole(message: StoredMessage) -> dict[str, Any]:
    """Everything but the bytes."""
    told = _plain(asdict(message))
    told["deliveries"] = [_plain(asdict(delivery)) for delivery in message.deliveries]
    return told


def brief(message: StoredMessage) -> dict[str, Any]:
    """What does not tell who the patient is."""
    return {key: value for key, value in whole(message).items() if key not in _PERSONAL}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: (moment(value) if value else None) if key in _TIMES else value
        for key, value in values.items()
    }


def table(messages: Sequence[StoredMessage], *, more: bool) -> None:
    """A line for each message."""
    terminal = console()
    lines = Table(box=None, pad_edge=False)
    for name in ("message", "received", "channel", "type", "control id", "answer", "became"):
        lines.add_column(name, no_wrap=True, justify="right" if name == "message" else "left")
    lines.add_column("why", overflow="fold")
    for message in messages:
        lines.add_row(
            str(message.id),
            moment(message.received_at),
            escape(message.channel) or f"[dim]port {escape(message.port)}[/]",
            escape(message.type),
            escape(message.control_id),
            message.answer,
            _became(message),
            escape(_why(message)),
        )
    terminal.print(lines if messages else "no message fits")
    if more:
        terminal.print("[dim]there may be more: --limit[/]")


def page(message: StoredMessage) -> None:
    """One message, a line for each thing that is known of it."""
    terminal = console()
    lines = Table(box=None, pad_edge=False, show_header=False)
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in _plain(asdict(message)).items():
        if value not in (None, "", False) and name != "deliveries":
            lines.add_row(name.replace("_", " "), escape(str(value)))
    terminal.print(lines)
    for delivery in message.deliveries:
        terminal.print(_delivery(delivery))


def _delivery(delivery: StoredDelivery) -> str:
    words = [f"[bold]{escape(delivery.destination)}[/] {_coloured(delivery.state)}"]
    words.append(f"attempts {delivery.attempt}")
    if delivery.state is State.QUEUED and delivery.blocked:
        words.append("waits behind another message of its patient")
    elif delivery.state is State.QUEUED and delivery.due:
        words.append(f"again at {moment(delivery.due)}")
    if delivery.settled_at is not None:
        words.append(moment(delivery.settled_at))
    if delivery.detail:
        words.append(escape(delivery.detail))
    return ", ".join(words)


def _became(message: StoredMessage) -> str:
    if not message.deliveries:
        return _coloured(message.outcome)
    return " ".join(_coloured(delivery.state) for delivery in message.deliveries)


def _why(message: StoredMessage) -> str:
    if message.original is not None:
        return f"repeats message {message.original}"
    details = [delivery.detail for delivery in message.deliveries if delivery.state in _WHY]
    return "; ".join([message.reason, *details]).strip("; ")


def _coloured(word: State | Outcome) -> str:
    colour = _COLOURS.get(word)
    return f"[{colour}]{word}[/]" if colour else str(word)
