"""``explain``: for each FHIR element the field it came from, and what became of each field."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import orjson
from rich.markup import escape
from rich.table import Table

from engine.cli.reading import read_as, reading_options
from engine.cli.terminal import console
from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.mapping.explain import Explained
from engine.workbench import inputs
from engine.workbench.explained import ElementRow, elements, fields
from engine.workbench.feeds import feed

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_COLOURS = {
    "mapped": "green",
    "repeated": "green",
    "ignored": "bright_black",
    "reported": "yellow",
    "unmapped": "red",
}
_LONGEST = 60


@click.command()
@click.argument("path", metavar="FILE|FOLDER|-")
@click.option("--config", type=_FOLDER, help="A configuration folder, for --channel.")
@click.option("--channel", help="Explain as this channel maps.")
@click.option("--mapping", help="A mapping by name, or its folder.")
@click.option("--mappings", type=_FOLDER, help="A folder of mappings.")
@reading_options
@click.option("--unmapped", is_flag=True, help="Show only what no rule reads.")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON.")
def explain(
    path: str,
    config: Path | None,
    channel: str | None,
    mapping: str | None,
    mappings: Path | None,
    timezone: ZoneInfo | None,
    charset: str | None,
    assigner: dict[str, str],
    unmapped: bool,
    as_json: bool,
) -> None:
    """Show the way of each value of FILE's messages.

    Of a FOLDER every file is explained. First every element of every resource, with its value,
    the fields it came from, the rule's address, the datatype map's rule it came through, and the
    table; what comes from no field is said by the rule itself, or links to what another rule made.
    Then every populated field, with what it became: elements, "ignored" and by which line,
    "repeated" (a kindred field says the same), "reported" as an issue, or UNMAPPED.
    """
    given = inputs.given([path])
    if isinstance(given, str):
        raise click.UsageError(given)
    found = read_as(feed(config, channel, mapping, mappings), timezone, charset, assigner)
    tracing = found.library.tracing(found.mapping)
    failed = False
    for name, raw in _named(given):
        try:
            message = Message.read(raw, default_charset=found.charset)
        except MessageError as error:
            click.echo(f"{name}: {error}", err=True)
            failed = True
            continue
        explained = tracing.explain(message, found.context(message))
        if as_json:
            click.echo(orjson.dumps({"file": name, **plain(explained, message)}))
        else:
            if len(given) > 1:
                console().print(f"[bold]{escape(name)}[/]")
            _show(explained, message, unmapped)
    sys.exit(1 if failed else 0)


def _named(given: Sequence[inputs.Input]) -> Iterator[tuple[str, bytes]]:
    """Every message of every file, and what it is called."""
    for one in given:
        raws = inputs.messages(one.read())
        yield from zip(inputs.names(str(one.name), len(raws)), raws, strict=True)


def _show(explained: Explained, message: Message, unmapped: bool) -> None:
    terminal = console()
    if not unmapped:
        terminal.print(_elements(explained, message))
    terminal.print(_fields(explained, message, only="unmapped" if unmapped else ""))
    for issue in explained.mapped.issues:
        said = escape(f"{issue.at or ''} {issue.what} {issue.rule}")
        terminal.print(f"[yellow]{issue.severity}[/] {said}")


def _elements(explained: Explained, message: Message) -> Table:
    table = Table(title="elements", title_justify="left", box=None, pad_edge=False)
    for head in ("resource", "element", "value", "from", "rule", "table"):
        table.add_column(head, overflow="fold")
    last = ""
    for row in elements(explained, message):
        name = "" if row.resource == last else row.resource
        last = row.resource
        table.add_row(
            f"[bold]{escape(name)}[/]",
            escape(row.path),
            escape(_short(row.value)),
            f"[cyan]{escape(', '.join(row.sources))}[/]",
            escape(_rule(row)),
            escape(row.table),
        )
    return table


def _rule(row: ElementRow) -> str:
    if not row.rule:
        return "required by R4" if _absent(row) else "to what a field made"
    return f"{row.rule} by {row.through}" if row.through else row.rule


def _absent(row: ElementRow) -> bool:
    return "extension" in row.path or row.value == "unknown"


def _fields(explained: Explained, message: Message, only: str) -> Table:
    table = Table(title="fields", title_justify="left", box=None, pad_edge=False)
    for head in ("field", "name", "value", "fate", "became"):
        table.add_column(head, overflow="fold")
    for row in fields(explained, message):
        if only and row.fate != only:
            continue
        fate = row.fate.upper() if row.fate == "unmapped" else row.fate
        became = ", ".join(row.elements) or row.why
        table.add_row(
            escape(row.field),
            escape(row.name),
            escape(_short(row.value)),
            f"[{_COLOURS[row.fate]}]{fate}[/]",
            escape(became),
        )
    return table


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def plain(explained: Explained, message: Message) -> dict[str, Any]:
    """Everything, as JSON has it."""
    return {
        "elements": [_plain(row) for row in elements(explained, message)],
        "fields": [asdict(row) for row in fields(explained, message)],
        "issues": [
            {
                "severity": issue.severity,
                "at": str(issue.at or ""),
                "what": issue.what,
                "rule": issue.rule,
            }
            for issue in explained.mapped.issues
        ],
    }


def _plain(row: ElementRow) -> dict[str, Any]:
    return {
        "resource": row.resource,
        "name": row.name,
        "element": row.path,
        "value": row.value,
        "from": row.sources,
        "rule": row.rule,
        "through": row.through,
        "table": row.table,
    }
