"""``convert``: HL7 v2 messages to FHIR Bundles, without a store or a server."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from engine.config import load_configuration
from engine.errors import MessageError
from engine.fhir.bundle import dump, transaction
from engine.hl7v2.batch import split
from engine.hl7v2.message import Message
from engine.mapping import datatypes
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.result import Context, Severity

#: What a required instant says when MSH-7 does not: the same for ever, and plainly no real time.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Options:
    """How to convert: all of it is said on the command line, or by a channel."""

    mapping: str
    mappings: Path | None
    timezone: str
    charset: str
    assigner: tuple[tuple[str, str], ...]
    channel: str
    write: str
    pretty: bool


@dataclass(frozen=True)
class Converted:
    """One message's Bundle, or why there is none; notices quote no value."""

    number: int
    bundle: bytes
    problems: tuple[str, ...] = ()
    failed: bool = False


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path, allow_dash=True))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write here.")
@click.option("--config", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--channel", help="Convert as this channel of --config does.")
@click.option("--mapping", default="standard", show_default=True, help="A mapping by name.")
@click.option("--mappings", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder of feeds' mappings; --config has its own.")  # fmt: skip
@click.option("--timezone", help="Zone of times without an offset.  [default: UTC]")
@click.option("--charset", help="Where MSH-18 is empty.  [default: utf-8]")
@click.option("--assigner", multiple=True, metavar="PATH=SYSTEM",
              help="System of identifiers that name none: PID-3=urn:oid:2.999.1")  # fmt: skip
@click.option("--write", type=click.Choice(["upsert", "own-ids", "create"]), default="upsert")
@click.option("--pretty", is_flag=True, help="Indent the JSON.")
@click.option("--issues", is_flag=True, help="Print every issue on stderr.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True)
def convert(
    paths: tuple[Path, ...],
    out: Path | None,
    config: Path | None,
    channel: str | None,
    mapping: str,
    mappings: Path | None,
    timezone: str | None,
    charset: str | None,
    assigner: tuple[str, ...],
    write: str,
    pretty: bool,
    issues: bool,
    jobs: int,
) -> None:
    """Convert PATHS (files, folders, or - for stdin) to FHIR R4 transaction Bundles.

    Without --out each Bundle is a line on stdout. With it, NAME.hl7 becomes NAME.hl7.json under
    the same relative path; a second message of a file NAME.hl7.2.json. A message that fails does
    not stop the others; the exit status is 1 when any did.
    """
    options = _options(
        config, channel, mapping, mappings, timezone, charset, assigner, write, pretty
    )
    if timezone is None and channel is None:
        click.echo("times without an offset are taken as UTC; --timezone says otherwise", err=True)
    failed = 0
    for path, name, results in _converted(_sources(paths or (Path("-"),)), options, jobs):
        for result in results:
            failed += result.failed
            for problem in result.problems if issues or result.failed else ():
                click.echo(f"{path}: message {result.number}: {problem}", err=True)
            if not result.failed:
                _emit(result, name, out)
    if failed:
        click.echo(f"{failed} messages could not be converted", err=True)
        sys.exit(1)


def _options(
    config: Path | None,
    channel: str | None,
    mapping: str,
    mappings: Path | None,
    timezone: str | None,
    charset: str | None,
    assigner: tuple[str, ...],
    write: str,
    pretty: bool,
) -> Options:
    assigners = tuple(_assigner(text) for text in assigner)
    if channel is None:
        folder = mappings or (config / "mappings" if config else None)
        return Options(
            mapping,
            folder,
            timezone or "UTC",
            charset or "utf-8",
            assigners,
            "convert",
            write,
            pretty,
        )
    configuration = load_configuration(config or Path())
    found = next((item for item in configuration.channels if item.name == channel), None)
    if found is None:
        names = ", ".join(item.name for item in configuration.channels)
        raise click.BadParameter(f"no channel '{channel}'; there are: {names}")
    return Options(
        found.mapping,
        configuration.folder / "mappings",
        timezone or str(found.timezone),
        charset or found.charset,
        assigners or tuple(found.assigner.items()),
        found.name,
        write,
        pretty,
    )


def _assigner(text: str) -> tuple[str, str]:
    path, equals, system = text.partition("=")
    if not equals or not system:
        raise click.BadParameter(f"'{text}': write it like PID-3=urn:oid:2.999.1")
    return path, system


def _sources(paths: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Every file, and the name of its Bundle under --out."""
    for path in paths:
        if str(path) == "-":
            yield path, Path("stdin.json")
        elif path.is_dir():
            for file in sorted(path.rglob("*.hl7")):
                relative = file.relative_to(path)
                yield file, relative.with_name(relative.name + ".json")
        else:
            yield path, Path(path.name + ".json")


def _converted(
    sources: Iterable[tuple[Path, Path]], options: Options, jobs: int
) -> Iterator[tuple[Path, Path, list[Converted]]]:
    if jobs == 1:
        for path, name in sources:
            yield path, name, _file(path, options)
        return
    listed = list(sources)
    with ProcessPoolExecutor(jobs) as pool:
        work = pool.map(_file, [path for path, _ in listed], [options] * len(listed), chunksize=8)
        for (path, name), results in zip(listed, work, strict=True):
            yield path, name, results


def _file(path: Path, options: Options) -> list[Converted]:
    raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    batch = split(raw)
    if not batch.messages:
        return [Converted(1, b"", ("there is no HL7 v2 message in it",), failed=True)]
    return [_message(number, text, options) for number, text in enumerate(batch.messages, 1)]


@cache
def _library(folder: Path | None) -> MappingLibrary:
    return load_library([folder] if folder else [])


def _message(number: int, raw: bytes, options: Options) -> Converted:
    try:
        message = Message.read(raw, default_charset=options.charset)
    except MessageError as error:
        return Converted(number, b"", (str(error),), failed=True)
    zone = ZoneInfo(options.timezone)
    context = Context(zone, _time_of(message, zone), options.channel, dict(options.assigner))
    library = _library(options.mappings)
    if options.mapping not in library.names:
        what = f"no mapping '{options.mapping}'; there are: {', '.join(library.names)}"
        return Converted(number, b"", (what,), failed=True)
    mapped = library.mapping(options.mapping).convert(message, context)
    problems = tuple(
        f"{issue.severity}: {issue.at or ''} {issue.what} [{issue.rule}]"
        for issue in mapped.issues
        if issue.severity is not Severity.INFORMATION
    )
    bundle = transaction(mapped.resources, write=options.write)
    return Converted(number, dump(bundle, pretty=options.pretty), problems)


def _time_of(message: Message, zone: ZoneInfo) -> datetime:
    """The time of MSH-7, which stands for the receipt of a message that nobody received."""
    try:
        text = datatypes.date_time(message.value("MSH-7"), zone)
        return datetime.fromisoformat(text) if text and "T" in text else NO_TIME
    except ValueError:
        return NO_TIME


def _emit(result: Converted, name: Path, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(result.bundle + b"\n")
        return
    target = out / name
    if result.number > 1:
        target = target.with_name(f"{target.name.removesuffix('.json')}.{result.number}.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(result.bundle + b"\n")
