"""Stored messages as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.cells import cell_len
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
_HEADS = ("message", "received", "channel", "type", "control id", "answer", "became", "why")
_WHY_COLUMN = 7
#: Columns that a narrow terminal does without, the first of them first; why then stands below.
_LEAST = (_WHY_COLUMN, 5, 4, 2, 1)
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
    """A line for each message; on a narrow terminal why stands below it, and what is not shown."""
    terminal = console()
    if not messages:
        terminal.print("no message fits")
        return
    rows = [_cells(message) for message in messages]
    widths = [max(map(_width, column)) for column in zip(_HEADS, *rows, strict=True)]
    shown = _shown(widths, terminal.width)
    below = _WHY_COLUMN not in shown
    heads = [f"[bold]{head}[/]" for head in _HEADS]
    terminal.print(_line(heads, widths, shown), soft_wrap=True)
    for cells in rows:
        terminal.print(_line(cells, widths, shown), soft_wrap=True)
        if below and cells[_WHY_COLUMN]:
            terminal.print(Padding(cells[_WHY_COLUMN], (0, 0, 0, 4)))
    left_out = [_HEADS[at] for at in range(_WHY_COLUMN) if at not in shown]
    if left_out:
        told = ", ".join(left_out)
        terminal.print(f"[dim]too narrow for: {told}; a wider terminal has it, and --json[/]")
    if more:
        terminal.print("[dim]there may be more: --limit[/]")


def _shown(widths: Sequence[int], width: int) -> list[int]:
    """The columns that there is room for."""
    shown = list(range(len(widths)))
    for column in _LEAST:
        if sum(widths[at] + 2 for at in shown) - 2 > width:
            shown.remove(column)
    return shown


def _line(cells: Sequence[str], widths: Sequence[int], shown: Sequence[int]) -> str:
    return "  ".join(_padded(cells[column], widths[column], column) for column in shown).rstrip()


def _cells(message: StoredMessage) -> list[str]:
    return [
        str(message.id),
        moment(message.received_at),
        escape(message.channel) or f"[dim]port {escape(message.port)}[/]",
        escape(message.type),
        escape(message.control_id),
        message.answer,
        _became(message),
        escape(_why(message)),
    ]


def _width(cell: str) -> int:
    return cell_len(Text.from_markup(cell).plain)


def _padded(cell: str, width: int, column: int) -> str:
    blanks = " " * (width - _width(cell))
    return blanks + cell if column == 0 else cell + blanks


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
