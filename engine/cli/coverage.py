"""``coverage``: how much of a feed becomes FHIR, and what does not."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import orjson
from rich.table import Table

from engine.cli.reading import read_as, reading_options
from engine.cli.since import since_option
from engine.cli.store import FOLDER, store_of
from engine.cli.terminal import console
from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.workbench import inputs
from engine.workbench.coverage import FATES, Coverage
from engine.workbench.coverage_page import page
from engine.workbench.feeds import Feed, feed
from engine.workbench.novelty import News, Seen, news
from engine.workbench.received import received

_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(slots=True)
class _Counted:
    totals: Coverage = field(default_factory=Coverage)
    seen: Seen = field(default_factory=Seen)
    unreadable: list[str] = field(default_factory=list)


@click.command(short_help="Account for every populated value of messages.")
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("--config", type=FOLDER, help="The configuration folder of --channel; default: here.")
@click.option("--channel", help="Map as this channel does; without PATHS, what it received.")
@since_option
@click.option("--mapping", help="A mapping by name, or its folder.")
@click.option("--mappings", type=FOLDER, help="A folder of mappings.")
@reading_options
@click.option("--baseline", type=_FILE, help="New is what this earlier --json had not seen.")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="How many unmapped fields to list.",
)
@click.option("--json", "as_json", is_flag=True, help="The totals as JSON.")
@click.option("--html", type=_FILE, help="Write a page.")
@click.option(
    "--at-least", type=click.FloatRange(0, 100), help="Exit with 1 below this share, in per cent."
)
def coverage(
    paths: tuple[str, ...],
    config: Path | None,
    channel: str | None,
    since: float | None,
    mapping: str | None,
    mappings: Path | None,
    timezone: ZoneInfo | None,
    charset: str | None,
    assigner: dict[str, str],
    baseline: Path | None,
    top: int,
    as_json: bool,
    html: Path | None,
    at_least: float | None,
) -> None:
    """Account for every populated value of messages: in PATHS, or received by a channel.

    Each is mapped, repeated (a kindred field says the same), ignored by a rule, reported as an
    issue, or unmapped. --at-least takes the share of all that is not unmapped.

    New segments, fields and codes are told too: with --since, what none of the channel's
    messages before had that the store still holds (the newest 10,000 of them); with --baseline,
    what an earlier --json of this command had not seen. A field of a new segment and a code of
    a new field are not told beside it. Exit status 1: a message cannot be read, or less than
    --at-least is accounted for.
    """
    found = read_as(feed(config, channel, mapping, mappings), timezone, charset, assigner)
    before = _baseline(baseline)
    if channel is not None and not paths:
        taken = received(store_of(config or Path()), channel, since)
        counted = _count(_named(taken.raw(taken.since)), found)
        if before is None and since is not None:
            before = _seen(taken.raw(taken.before), found)
    elif since is not None:
        raise click.UsageError("--since is for what a channel received: name it with --channel")
    else:
        given = inputs.given(list(paths))
        if isinstance(given, str):
            raise click.UsageError(given)
        counted = _count(_files(given), found)
    fresh = news(before, counted.seen) if before is not None else None
    _tell(counted, fresh, top, as_json=as_json)
    if html is not None:
        title = f"channel {channel}" if channel else f"mapping {found.mapping}"
        made = page(counted.totals, title, span=_span(since), fresh=fresh)
        html.write_text(made, encoding="utf-8")
    accounted = 100 * (1 - counted.totals.share("unmapped"))
    short = at_least is not None and accounted < at_least
    sys.exit(1 if short or counted.unreadable else 0)


def _span(since: float | None) -> str:
    if since is None:
        return ""
    return f" since {datetime.fromtimestamp(since, UTC).isoformat(' ', 'minutes')[:-6]} UTC"


def _baseline(file: Path | None) -> Seen | None:
    if file is None:
        return None
    try:
        return Seen.of(orjson.loads(file.read_bytes())["seen"])
    except OSError as failure:
        raise click.UsageError(f"{file} cannot be read: {failure.strerror}") from failure
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as failure:
        raise click.UsageError(f"{file} is not what coverage --json wrote") from failure


# ---------------------------------------------------------------- counting


def _files(given: list[inputs.Input]) -> Iterator[tuple[str, bytes]]:
    for source in given:
        raws = inputs.messages(source.read())
        yield from zip(inputs.names(str(source.name), len(raws)), raws, strict=True)


def _named(raws: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, raw in enumerate(raws, 1):
        yield f"message {number} of the channel", raw


def _count(messages: Iterable[tuple[str, bytes]], found: Feed) -> _Counted:
    counted = _Counted()
    tracing = found.library.tracing(found.mapping)
    for name, raw in messages:
        try:
            message = Message.read(raw, default_charset=found.charset)
        except MessageError as reason:
            counted.unreadable.append(f"{name} cannot be read as HL7 v2: {reason}")
            continue
        explained = tracing.explain(message, found.context(message))
        counted.totals.add(explained, f"{message.code}^{message.trigger}")
        counted.seen.add(message)
    return counted


def _seen(raws: Iterable[bytes], found: Feed) -> Seen:
    seen = Seen()
    for raw in raws:
        try:
            seen.add(Message.read(raw, default_charset=found.charset))
        except MessageError:
            continue
    return seen


# ---------------------------------------------------------------- telling


def _tell(counted: _Counted, fresh: News | None, top: int, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {**counted.totals.plain(), "unreadable": counted.unreadable}
        told["seen"] = counted.seen.plain()
        told["new"] = fresh.plain() if fresh is not None else None
        click.echo(orjson.dumps(told))
    else:
        _show(counted.totals, top)
        if fresh is not None:
            _show_news(fresh)
    for line in counted.unreadable:
        click.echo(f"coverage: {line}", err=True)


def _show(totals: Coverage, top: int) -> None:
    terminal = console()
    shares = "   ".join(f"{fate} [bold]{totals.share(fate):.1%}[/]" for fate in FATES)
    terminal.print(f"{totals.messages} messages, {totals.total} values: {shares}")
    table = Table(title="unmapped", title_justify="left", box=None, pad_edge=False)
    for head in ("field", "values", "messages"):
        table.add_column(head, justify="left" if head == "field" else "right")
    for path, count in totals.left()[:top]:
        table.add_row(path, str(count.fates["unmapped"]), str(count.messages["unmapped"]))
    if table.row_count:
        terminal.print(table)


def _show_news(fresh: News) -> None:
    if not fresh.before:
        click.echo("new: there are no messages before to compare with")
        return
    codes = [f"{path} {code}" for path, code in fresh.codes]
    told = (("segments", fresh.segments), ("fields", fresh.fields), ("codes", codes))
    for kind, items in told:
        click.echo(f"new {kind}: {', '.join(items) or 'none'}")
