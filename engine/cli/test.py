"""``test``: run the cases that stand beside mappings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.workbench.cases import Result, find, junit, run


@click.command(short_help="Compare the cases of mappings with what they should become.")
@click.argument(
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="mappings",
)
@click.option("--update", is_flag=True, help="Write what comes out as what is expected.")
@click.option("--junit", "report", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--all-differences", is_flag=True, help="Show every difference, not the first ten.")
def test(folder: Path, update: bool, report: Path | None, all_differences: bool) -> None:
    """Convert each cases/NAME.hl7 below FOLDER and compare it with NAME.bundle.json.

    A difference is told by the path of its element. Exits with 1 when a case fails.
    """
    cases = find(folder)
    if not cases:
        raise click.UsageError(f"there are no cases/*.hl7 below {folder}")
    results = []
    for result in run(cases, update=update):
        results.append(result)
        _show(result, None if all_differences else 10)
    failed = sum(bool(result.trouble) for result in results)
    if report is not None:
        report.write_text(junit(results), encoding="utf-8")
    click.echo(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def _show(result: Result, limit: int | None) -> None:
    if result.updated:
        click.echo(f"{result.case.name}: written")
        return
    if not result.trouble:
        click.secho(f"{result.case.name}: as expected", fg="green")
        return
    click.secho(f"{result.case.name}: {len(result.trouble)} differences", fg="red")
    for line in result.trouble[:limit]:
        click.echo("  " + line.replace("\n", "\n  "))
    if limit is not None and len(result.trouble) > limit:
        click.echo(f"  … and {len(result.trouble) - limit} more")
