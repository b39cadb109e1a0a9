"""``coverage``: how much of a feed becomes FHIR, and what does not."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson
from rich.table import Table

from engine.cli.terminal import console
from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.workbench import inputs
from engine.workbench.coverage import FATES, Coverage, page
from engine.workbench.feeds import Feed, feed

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("--config", type=_FOLDER, help="A configuration folder, for --channel.")
@click.option("--channel", help="Count as this channel maps.")
@click.option("--mapping", help="A mapping by name, or its folder.")
@click.option("--mappings", type=_FOLDER, help="A folder of mappings.")
@click.option("--top", default=25, show_default=True, help="How many unmapped fields to list.")
@click.option("--json", "as_json", is_flag=True, help="The totals as JSON.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@click.option("--at-least", type=float, help="Exit with 1 below this share, in per cent.")
def coverage(
    paths: tuple[str, ...],
    config: Path | None,
    channel: str | None,
    mapping: str | None,
    mappings: Path | None,
    top: int,
    as_json: bool,
    html: Path | None,
    at_least: float | None,
) -> None:
    """Account for every populated value of the messages in PATHS.

    Each is mapped, repeated (a kindred field says the same), ignored by a rule, reported as an
    issue, or unmapped. --at-least takes the share of all that is not unmapped.
    """
    given = inputs.given(list(paths))
    if isinstance(given, str):
        raise click.UsageError(given)
    found = feed(config, channel, mapping, mappings)
    totals, unreadable = _count(given, found)
    if as_json:
        click.echo(orjson.dumps({**totals.plain(), "unreadable": unreadable}))
    else:
        _show(totals, top)
    if html is not None:
        html.write_text(page(totals, channel or found.mapping), encoding="utf-8")
    for name in unreadable:
        click.echo(f"coverage: {name} cannot be read as HL7 v2", err=True)
    accounted = 100 * (1 - totals.share("unmapped"))
    sys.exit(1 if at_least is not None and accounted < at_least else 0)


def _count(given: list[inputs.Input], found: Feed) -> tuple[Coverage, list[str]]:
    totals, unreadable = Coverage(), []
    tracing = found.library.tracing(found.mapping)
    for source in given:
        for raw in inputs.messages(source.read()):
            try:
                message = Message.read(raw, default_charset=found.charset)
            except MessageError:
                unreadable.append(str(source.name))
                continue
            explained = tracing.explain(message, found.context(message))
            totals.add(explained, f"{message.code}^{message.trigger}")
    return totals, unreadable


def _show(totals: Coverage, top: int) -> None:
    terminal = console()
    shares = "   ".join(f"{fate} [bold]{totals.share(fate):.1%}[/]" for fate in FATES)
    terminal.print(f"{totals.messages} messages, {totals.total} values: {shares}")
    table = Table(title="unmapped", title_justify="left", box=None, pad_edge=False)
    for head in ("field", "values", "messages"):
        table.add_column(head, justify="left" if head == "field" else "right")
    for path, count in totals.left()[:top]:
        table.add_row(path, str(count.fates["unmapped"]), str(count.messages))
    if table.row_count:
        terminal.print(table)
