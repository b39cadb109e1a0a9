"""``unmapped``: the codes that no table holds, and what a person makes of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table

from engine.cli.store import FOLDER, channels_of, moment, require_channel, store_of
from engine.cli.terminal import console
from engine.errors import StoreError
from engine.mapping.conceptmap import ConceptMap, Row, Target
from engine.mapping.library import MappingLibrary, load_library
from engine.store import worklist as stored
from engine.store.opening import in_use, short_session
from engine.store.reader import Reader
from engine.store.records import HeldDelivery, UnmappedCode
from engine.store.replay import Review, replay
from engine.workbench import imported, tables, worklist
from engine.workbench.tables import NoSuchTable

_config = click.option(
    "--config", type=FOLDER, default=".", help="The configuration folder; default: here."
)
_channel = click.option("--channel", default="", help="Only of this channel.")
_table = click.option("--table", default="", help="Only of this code table.")
_FILE = click.Path(dir_okay=False, path_type=Path)
_mapping = click.option("--mapping", default="", help="The feed whose table it is.")


@click.group(short_help="Work through codes that no code table holds.")
def unmapped() -> None:
    """Work through codes that came in messages and that no code table holds."""


@unmapped.command("list")
@_config
@_channel
@_table
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(config: Path, channel: str, table: str, as_json: bool) -> None:
    """List them, the most frequent first, with a message in which each stands."""
    found = _found(config, channel, table)
    if as_json:
        click.echo(orjson.dumps([_plain(one) for one in found], option=orjson.OPT_INDENT_2))
    else:
        _show(found)


@unmapped.command()
@_config
@_channel
@_table
@click.option("--conceptmap", type=_FILE, metavar="FILE.json", help="As FHIR ConceptMap, there.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, to be filled in; the default.")
def export(config: Path, channel: str, table: str, conceptmap: Path | None, as_csv: bool) -> None:
    """Hand them to people or tools who know codes: as CSV, or as FHIR ConceptMap."""
    if conceptmap is not None and as_csv:
        raise click.UsageError("either --conceptmap or --csv")
    found = _found(config, channel, table)
    if conceptmap is None:
        click.echo(worklist.as_csv(found), nl=False)
    else:
        made = orjson.dumps(worklist.as_fhir(found), option=orjson.OPT_INDENT_2)
        conceptmap.write_bytes(made + b"\n")


@unmapped.command()
@click.argument("table")
@click.argument("code")
@click.option("--to", required=True, metavar="SYSTEM#CODE", help="What it means.")
@click.option("--display", default="", help="The name of that.")
@_mapping
@_config
def resolve(table: str, code: str, to: str, display: str, mapping: str, config: Path) -> None:
    """Say what CODE of TABLE means: by a row in the feed's table.

    CODE may be a text that was typed instead of one; upper case, accents and blanks do not
    count then. The mappings are checked with the row; then messages that are held and have
    the code are sent again. While an engine runs, it must know the row first: then you are
    told how to reload it and what to send again.
    """
    entries = worklist.meant(_found(config, "", table), code)
    feed = mapping or _one_feed(config, entries, table)
    system, _, target = to.rpartition("#")
    library = load_library([config / "mappings"])
    folder = tables.feed_folder(config / "mappings", feed)
    known = library.mapping(feed).library
    tables.require_table(table, list(known.tables))
    meaning = Target(tables.system_of(system, known.systems), target, display)
    tables.require_system(known, table, meaning)
    change = tables.added(folder, table, [worklist.row_of(code, entries, meaning)])
    change.make(config / "mappings")
    click.echo(change.diff(), nl=False)
    _settle(config, [one for one in entries if _feed_of(config, one.channel) == feed])


@unmapped.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--table", default="", help="Only the rows of this code table; whose they are.")
@_mapping
@_config
def import_(file: Path, table: str, mapping: str, config: Path) -> None:
    """Add what FILE says to code tables, as `resolve` does with one code.

    FILE is the CSV of `export` or a table like those in conceptmaps/, with targets filled in, or
    a FHIR ConceptMap or a Bundle of them. Rows without a target are left on the list.
    """
    library = load_library([config / "mappings"])
    channels = channels_of(config)
    by_feed: dict[tuple[str, str], list[Row]] = {}
    left = 0
    for one in imported.read(file, table):
        feed = mapping or channels.get(one.channel) or _one_feed(
            config, _found(config, one.channel, one.table), one.table
        )  # fmt: skip
        by_feed.setdefault((feed, one.table), []).extend(one.rows)
        left += one.left
    made = {slot: imported.as_table(slot[1], rows) for slot, rows in by_feed.items() if rows}
    changes = [_addition(config, library, slot, rows) for slot, rows in made.items()]
    if changes:
        tables.make_all(changes, config / "mappings")
    for change in changes:
        click.echo(change.diff(), nl=False)
    for (feed, name), rows in made.items():
        entries = [one for one in _found(config, "", name) if _feed_of(config, one.channel) == feed]
        _settle(config, _answered(entries, rows))
    click.echo(f"{sum(len(one.rows) for one in made.values())} rows added, {left} left open")


def _addition(
    config: Path, library: MappingLibrary, slot: tuple[str, str], made: ConceptMap
) -> tables.Change:
    """The change that adds rows to a table of a feed; short names of systems become URIs."""
    feed, table = slot
    folder = tables.feed_folder(config / "mappings", feed)
    known = library.mapping(feed).library
    tables.require_table(table, list(known.tables))
    rows = []
    for row in made.rows:
        system = tables.system_of(row.target.system, known.systems)
        target = row.target._replace(system=system)
        tables.require_system(known, table, target)
        rows.append(row._replace(target=target))
    return tables.added(folder, table, rows)


def _answered(entries: Sequence[UnmappedCode], made: ConceptMap) -> list[UnmappedCode]:
    return [one for one in entries if made.find(one.code, one.text) is not None]


def _settle(config: Path, entries: Sequence[UnmappedCode]) -> None:
    """Take entries off the list and send again what waited for them."""
    if not entries:
        return
    path = store_of(config)
    numbers = [one.id for one in entries]
    with Reader(path) as reader:
        held = reader.held_with(numbers)
    runs = in_use(path)
    if runs:
        click.echo("an engine runs and does not know the row yet: reload it (SIGHUP, or systemctl")
        click.echo("reload)" + ("; then send what it holds:" if held else ""))
    if runs and held:
        # an engine that maps by the tables of before would only hold them again
        click.echo(f"  mllp-engine messages replay {_numbers(held)}")
    elif held:
        for delivery in held:
            _replay(path, delivery)
    with short_session(path, time.time) as session:
        stored.forget(session, numbers)
    click.echo(f"{sum(one.count for one in entries)} messages have had it; {len(held)} were held")
    if not held:
        example = max(one.example for one in entries)
        click.echo("what was delivered stays as it is, unless it is sent again:")
        click.echo(f"  mllp-engine messages replay {example}")


def _numbers(held: Sequence[HeldDelivery]) -> str:
    return " ".join(map(str, dict.fromkeys(one.message_id for one in held)))


def _replay(path: Path, held: HeldDelivery) -> None:
    try:
        with short_session(path, time.time) as session:
            replay(session, Review(held.message_id, held.destination))
    except StoreError as reason:  # somebody else was faster, or it is overtaken
        click.echo(str(reason), err=True)
    else:
        click.echo(f"message {held.message_id}: queued to {held.destination}")


# ---------------------------------------------------------------- which feed is meant


def _one_feed(config: Path, entries: Sequence[UnmappedCode], table: str) -> str:
    """The mapping of the channels in which the code was seen."""
    feeds = sorted({_feed_of(config, one.channel) for one in entries})
    if not feeds:
        raise NoSuchTable(f"no such code of '{table}' is on the list: name a feed with --mapping")
    if len(feeds) > 1:
        raise NoSuchTable(f"it is on the list of {', '.join(feeds)}: name one with --mapping")
    return feeds[0]


def _feed_of(config: Path, channel: str) -> str:
    """The mapping of a channel; the standard's for one that is no longer there."""
    return channels_of(config).get(channel, "standard")


# ---------------------------------------------------------------- showing


def _found(config: Path, channel: str, table: str) -> list[UnmappedCode]:
    with Reader(store_of(config)) as reader:
        found = reader.unmapped(channel, table)
        if not found:
            require_channel(config, channel, reader)
            if table and table not in {one.table for one in reader.unmapped()}:
                _require_table(config, table)
        return found


def _require_table(config: Path, table: str) -> None:
    library = load_library([config / "mappings"])
    tables.require_table(table, [t for name in library.names for t in library.library(name).tables])


def _plain(one: UnmappedCode) -> dict[str, Any]:
    times = {"first_seen": moment(one.first_seen), "last_seen": moment(one.last_seen)}
    return {key: value for key, value in asdict(one).items() if key != "id"} | times


def _show(found: Sequence[UnmappedCode]) -> None:
    shown = Table(box=None, pad_edge=False)
    for head in ("messages", "channel", "table", "code", "text", "last seen", "such as"):
        right = head in ("messages", "such as")
        shown.add_column(head, justify="right" if right else "left", overflow="fold")
    for one in found:
        last = moment(one.last_seen)
        cells = (one.channel, one.table, one.code, one.text, last)
        shown.add_row(str(one.count), *map(_literal, cells), str(one.example))
    console().print(shown if found else "every code was found in its table")


def _literal(text: str) -> str:
    """A text in which no bracket means a colour, and no control character anything."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() else " " for c in text))
