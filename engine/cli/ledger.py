"""``ledger``: what came in, and where all of it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import orjson
from rich.table import Table

from engine.cli.store import FOLDER, store_of
from engine.cli.terminal import console
from engine.lifecycle import Outcome, State
from engine.store.ledger import Ledger
from engine.store.reader import Reader


@click.command(short_help="Show that what came in is accounted for, to the last message.")
@click.argument("folder", type=FOLDER, default=".")
@click.option("--config", type=FOLDER, help="The same as FOLDER.")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
@click.option("--quick", is_flag=True, help="Only the counters: do not count the rows.")
@click.pass_context
def ledger(
    ctx: click.Context, folder: Path, config: Path | None, as_json: bool, quick: bool
) -> None:
    """Show the ledger of the store that FOLDER configures, also while the engine runs.

    Messages: received = accepted + refused + filtered + duplicate + acknowledgements +
    quarantined. Deliveries: accepted = queued + sending + held + delivered + dead. Both come
    from counters, which are held against the rows. Exit status: 0 it balances, 1 it does not.
    """
    with Reader(store_of(config or folder)) as reader:
        found = reader.ledger(verify=not quick)
    if as_json:
        click.echo(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(found)
    ctx.exit(0 if found.balanced else 1)


def _print(found: Ledger) -> None:
    terminal = console()
    messages = _table("messages", ("channel", "port", "received", *Outcome))
    for account in found.messages:
        name = account.channel or "[dim]no channel[/]"
        numbers = (account.received, *account.outcomes.values())
        _row(messages, (name, account.port), numbers, account.balanced)
    terminal.print(messages)
    deliveries = _table("deliveries", ("destination", "accepted", *State))
    for delivery in found.deliveries:
        numbers = (delivery.accepted, *delivery.states.values())
        _row(deliveries, (delivery.destination,), numbers, delivery.balanced)
    terminal.print(deliveries)
    for fault in found.faults:
        terminal.print(f"[bold red]fault[/] {fault}")
    verdict = "[green]the ledger balances[/]"
    terminal.print(verdict if found.balanced else "[bold red]the ledger does not balance[/]")


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        right = name not in ("channel", "port", "destination")
        table.add_column(name, justify="right" if right else "left")
    table.add_column("")
    return table


def _row(table: Table, names: Sequence[str], numbers: Iterable[int], balanced: bool) -> None:
    shown = [str(number) if number else "[dim]0[/]" for number in numbers]
    table.add_row(*names, *shown, "[green]=[/]" if balanced else "[bold red]≠[/]")
