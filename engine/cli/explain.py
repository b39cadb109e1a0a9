"""``explain``: for each FHIR element the field it came from, and what became of each field."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table

from engine.cli.terminal import console
from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.mapping.explain import Explained, Leaf
from engine.mapping.trace import Origin, Position
from engine.workbench import inputs
from engine.workbench.feeds import feed

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_COLOURS = {
    "mapped": "green",
    "repeated": "green",
    "ignored": "bright_black",
    "reported": "yellow",
    "unmapped": "red",
}


@click.command()
@click.argument("path", metavar="FILE|-")
@click.option("--config", type=_FOLDER, help="A configuration folder, for --channel.")
@click.option("--channel", help="Explain as this channel maps.")
@click.option("--mapping", help="A mapping by name, or its folder.")
@click.option("--mappings", type=_FOLDER, help="A folder of mappings.")
@click.option("--unmapped", is_flag=True, help="Show only what no rule reads.")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON.")
def explain(
    path: str,
    config: Path | None,
    channel: str | None,
    mapping: str | None,
    mappings: Path | None,
    unmapped: bool,
    as_json: bool,
) -> None:
    """Show the way of each value of FILE's messages.

    First every element of every resource, with the field, the rule's address and the table it
    came through; then every populated field, with what it became: elements, "ignored" by a
    rule, "repeated" (a kindred field says the same), "reported" as an issue, or UNMAPPED.
    """
    given = inputs.given([path])
    if isinstance(given, str):
        raise click.UsageError(given)
    found = feed(config, channel, mapping, mappings)
    terminal = console()
    tracing = found.library.tracing(found.mapping)
    failed = False
    for raw in inputs.messages(given[0].read()):
        try:
            message = Message.read(raw, default_charset=found.charset)
        except MessageError as error:
            click.echo(str(error), err=True)
            failed = True
            continue
        explained = tracing.explain(message, found.context(message))
        if as_json:
            click.echo(orjson.dumps(plain(explained, message)))
            continue
        if not unmapped:
            terminal.print(_elements(explained, message))
        terminal.print(_fields(explained, only="unmapped" if unmapped else ""))
        for issue in explained.mapped.issues:
            said = f"{issue.at or ''} {issue.what} {issue.rule}"
            terminal.print(f"[yellow]{issue.severity}[/] {said}")
    sys.exit(1 if failed else 0)


def where(message: Message, position: Position) -> str:
    """A position as a path: PID-3[2].4."""
    index, number, repetition, component, subcomponent = position
    segment = message.segments[index]
    text = segment.name if segment.sequence == 1 else f"{segment.name}({segment.sequence})"
    text += f"-{number}" + (f"[{repetition}]" if repetition > 1 else "")
    text += f".{component}" if component else ""
    return text + (f".{subcomponent}" if subcomponent > 1 else "")


def _elements(explained: Explained, message: Message) -> Table:
    table = Table(title="elements", title_justify="left", box=None, pad_edge=False)
    for head in ("resource", "element", "from", "rule", "table"):
        table.add_column(head, overflow="fold")
    last = ""
    for origin in explained.origins:
        if not origin.type:
            continue
        sources = ", ".join(where(message, source) for source in origin.sources)
        name = "" if origin.uuid == last else origin.type
        last = origin.uuid
        table.add_row(
            f"[bold]{name}[/]", origin.path, f"[cyan]{sources}[/]", origin.rule, origin.table
        )
    return table


def _fields(explained: Explained, only: str) -> Table:
    table = Table(title="fields", title_justify="left", box=None, pad_edge=False)
    for head in ("field", "value", "fate", "became"):
        table.add_column(head, overflow="fold")
    for leaf in explained.leaves:
        if only and leaf.fate != only:
            continue
        name = (
            leaf.path if leaf.sequence == 1 else f"{leaf.segment}({leaf.sequence}){leaf.path[3:]}"
        )
        fate = leaf.fate.upper() if leaf.fate == "unmapped" else leaf.fate
        table.add_row(name, leaf.value[:60], f"[{_COLOURS[leaf.fate]}]{fate}[/]", _became(leaf))
    return table


def _became(leaf: Leaf) -> str:
    return ", ".join(f"{origin.type}.{origin.path}" for origin in leaf.elements) or leaf.why


def plain(explained: Explained, message: Message) -> dict[str, Any]:
    """Everything, as JSON has it."""
    return {
        "elements": [_origin(origin, message) for origin in explained.origins if origin.type],
        "fields": [
            {
                "field": where(message, leaf.position),
                "value": leaf.value,
                "fate": leaf.fate,
                "elements": [f"{origin.type}.{origin.path}" for origin in leaf.elements],
                "why": leaf.why,
            }
            for leaf in explained.leaves
        ],
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


def _origin(origin: Origin, message: Message) -> dict[str, Any]:
    return {
        "resource": origin.type,
        "uuid": origin.uuid,
        "element": origin.path,
        "from": [where(message, source) for source in origin.sources],
        "rule": origin.rule,
        "table": origin.table,
    }
