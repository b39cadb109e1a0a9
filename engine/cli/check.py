"""``check``: everything that is wrong in a configuration and its mappings, at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

from engine.config import Configuration, load_configuration
from engine.errors import ConfigurationError, Place, Problem
from engine.mapping.library import load_library


@click.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def check(folder: Path, as_json: bool) -> None:
    """Check FOLDER: engine.yaml, channels/, mappings/. Exits with 2 when something is wrong."""
    problems = problems_of(folder)
    if as_json:
        click.echo(orjson.dumps([_plain(problem) for problem in problems]))
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        if not problems:
            click.secho("nothing to complain about", fg="green")
    if problems:
        sys.exit(2)


def problems_of(folder: Path) -> list[Problem]:
    """Every problem of a configuration folder."""
    problems: list[Problem] = []
    configuration = None
    try:
        configuration = load_configuration(folder)
    except ConfigurationError as error:
        problems += error.problems
    try:
        library = load_library([folder / "mappings"])
    except ConfigurationError as error:
        return problems + list(error.problems)
    problems += library.check()
    if configuration is not None:
        problems += _unknown_mappings(configuration, library.names)
    return problems


def _unknown_mappings(configuration: Configuration, names: tuple[str, ...]) -> list[Problem]:
    return [
        Problem(
            Place(f"channels/{channel.name}.yaml", 1, 1),
            f"no mapping '{channel.mapping}'",
            f"there are: {', '.join(names)}",
        )
        for channel in configuration.channels
        if channel.mapping not in names
    ]


def _plain(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "what": problem.what,
        "instead": problem.instead,
    }
