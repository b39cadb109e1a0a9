"""``test``: run the cases that stand beside mappings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.documents import suggest
from engine.workbench.cases import Case, Result, find, junit, run
from engine.workbench.untested import untested as not_reached


@click.command(short_help="Compare the cases of mappings with what they should become.")
@click.argument(
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="mappings",
)
@click.option("--update", is_flag=True, help="Write what comes out as what is expected.")
@click.option(
    "--junit",
    "report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results as JUnit's XML.",
)
@click.option("--all-differences", is_flag=True, help="Show every difference, not the first ten.")
@click.option("--only", metavar="TEXT", default="", help="Only cases whose name has this in it.")
@click.option("--untested", is_flag=True, help="Name the rules that no case reaches, too.")
def test(
    folder: Path,
    update: bool,
    report: Path | None,
    all_differences: bool,
    only: str,
    untested: bool,
) -> None:
    """Convert each cases/NAME.hl7 below FOLDER and compare it with NAME.bundle.json.

    A difference is told by the path of its element. Where NAME.fhirpath stands beside them,
    each line of it is a FHIRPath expression that must be true of the Bundle. Exits with 1 when
    a case fails, or with --untested when a rule of a feed, or a segment map of the standard, is
    reached by no case.
    """
    there = find(folder)
    if not there:
        raise click.UsageError(f"there are no cases/*.hl7 below {folder}")
    cases = [case for case in there if only in case.name]
    if not cases:
        names = [case.name for case in there]
        near = suggest(only, [*names, *(case.message.stem for case in there)])
        more = near or f"there are: {', '.join(names[:10])}{' …' if names[10:] else ''}"
        raise click.UsageError(f"no case has '{only}' in its name ({more})")
    results = []
    for result in run(cases, update=update):
        results.append(result)
        _show(result, None if all_differences else 10)
    failed = sum(bool(result.trouble) for result in results)
    if report is not None:
        report.write_text(junit(results), encoding="utf-8")
    click.echo(f"{len(results) - failed} passed, {failed} failed")
    left = _untested(cases) if untested else 0
    sys.exit(1 if failed or left else 0)


def _untested(cases: list[Case]) -> int:
    found = not_reached(cases)
    for mapping, addresses in found.items():
        for address in addresses:
            click.echo(f"{mapping}: no case reaches {address}")
    return sum(map(len, found.values()))


def _show(result: Result, limit: int | None) -> None:
    if result.updated:
        but = ", but it breaks its assertions" if result.trouble else ""
        click.echo(f"{result.case.name}: written{but}")
    elif not result.trouble:
        click.secho(f"{result.case.name}: as expected", fg="green")
    if not result.trouble:
        return
    click.secho(f"{result.case.name}: {_count(len(result.trouble))}", fg="red")
    for line in result.trouble[:limit]:
        click.echo("  " + line.replace("\n", "\n  "))
    if limit is not None and len(result.trouble) > limit:
        click.echo(f"  … and {len(result.trouble) - limit} more")


def _count(number: int) -> str:
    return "1 difference" if number == 1 else f"{number} differences"
