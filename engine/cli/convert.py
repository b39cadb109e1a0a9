"""``convert``: HL7 v2 files to FHIR, without an engine running."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from engine.cli.reading import read_as, reading_options
from engine.mapping.result import Issue
from engine.workbench import inputs
from engine.workbench.conversion import Conversion, Converted, convert_all
from engine.workbench.feeds import Feed, feed

#: Below so many files, starting workers costs more than it saves.
_WORTH_SHARING = 100
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_WRITE = click.Choice(["upsert", "own-ids", "create"])


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("--config", type=_FOLDER, help="A configuration folder, for what these name:")
@click.option("--channel", help="Read, map and write as this channel does.")
@click.option("--mapping", help="Map by this mapping, or by the folder of one.")
@click.option("--mappings", type=_FOLDER, help="A folder of mappings, instead of --config.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files there.")
@reading_options
@click.option("--write", type=_WRITE, help="How entries are written.  [default: upsert]")
@click.option("--pretty", is_flag=True, help="Indent the JSON, as on a terminal.")
@click.option("--issues", is_flag=True, help="Show what could not be mapped as it stands.")
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes; 0: as they pay.")
def convert(**given: Any) -> None:
    """Convert HL7 v2 messages to FHIR R4 transaction Bundles.

    With neither --channel nor --mapping the standard library picks the map by the message's
    type. Without --out each Bundle is a line on stdout. With it, NAME.hl7 becomes NAME.hl7.json
    at the same relative path; several messages of one file are one collection of their resources.
    Exit status 1: a message failed; the others were converted all the same.
    """
    found = _inputs(given["paths"], given["out"])
    source = _feed(given)
    if given["timezone"] is None and given["channel"] is None:
        _say("times without an offset are read as UTC; --timezone says otherwise")
    pretty = given["pretty"] or (given["out"] is None and sys.stdout.isatty())
    work = Conversion(source, pretty, given["out"])
    jobs = given["jobs"] or ((os.cpu_count() or 1) if len(found) >= _WORTH_SHARING else 1)
    sys.exit(_report(convert_all(work, found, jobs=jobs), issues=given["issues"]))


def _say(text: str) -> None:
    click.echo(f"convert: {text}", err=True)


# ---------------------------------------------------------------- what was asked for


def _inputs(paths: Sequence[str], out: Path | None) -> list[inputs.Input]:
    found = inputs.given(paths)
    if isinstance(found, str):
        raise click.UsageError(found)
    twice = [name for name, count in Counter(str(i.name) for i in found).items() if count > 1]
    if out is not None and twice:
        raise click.UsageError(f"two inputs would be written to {twice[0]}.json")
    return found


def _feed(given: dict[str, Any]) -> Feed:
    """The feed that a channel or mapping describes; what options say goes before it."""
    found = feed(given["config"], given["channel"], given["mapping"], given["mappings"])
    return _overridden(found, given)


def _overridden(found: Feed, given: dict[str, Any]) -> Feed:
    found = read_as(found, given["timezone"], given["charset"], given["assigner"])
    return replace(found, write=given["write"]) if given["write"] is not None else found


# ---------------------------------------------------------------- what came of it


def _report(files: Iterable[list[Converted]], *, issues: bool) -> int:
    """Print Bundles and failures as they come, and a summary; the exit status."""
    counts: Counter[str] = Counter()
    for result in (result for results in files for result in results):
        counts["failed" if result.failure else "converted"] += 1
        counts.update(issue.severity.value for issue in result.issues)
        if result.bundle:
            sys.stdout.buffer.write(result.bundle + b"\n")
        if result.failure:
            _say(f"{result.name}: {result.failure}")
        elif result.hold:
            _say(f"{result.name}: a channel would hold it: {result.hold}")
        for issue in result.issues if issues else ():
            _say(f"{result.name}: {_issue(issue)}")
    sys.stdout.flush()
    _say(_summary(counts))
    return 1 if counts["failed"] else 0


def _issue(issue: Issue) -> str:
    where = f" at {issue.at}" if issue.at else ""
    rule = f" ({issue.rule})" if issue.rule else ""
    return f"{issue.severity.value}{where}: {issue.what}{rule}"


def _summary(counts: Counter[str]) -> str:
    kinds = [("error", "errors"), ("warning", "warnings"), ("information", "remarks")]
    noted = [f"{counts[kind]} {word}" for kind, word in kinds if counts[kind]]
    text = f"{counts['converted']} converted, {counts['failed']} failed"
    return f"{text}; {', '.join(noted)}" if noted else text
