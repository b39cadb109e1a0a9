"""``check``: everything that is wrong in a configuration and its mappings, at once."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from engine.errors import ConfigurationError, Problem


@click.command(short_help="Check FOLDER: every mistake, with file, line and column.")
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@click.option("--strict", is_flag=True, help="What only the engine is given must be here too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def check(ctx: click.Context, folder: Path, strict: bool, as_json: bool) -> None:
    """Check FOLDER: engine.yaml, channels/, mappings/, and the secrets they name.

    Every problem is one line, FILE:LINE:COLUMN first. A secret that the engine is given when it
    starts, by its environment or by systemd, may be missing where you check: that is a warning;
    with --strict it is a problem. Exit status: 0, nothing is wrong; 2, something is.
    """
    from engine.config import Secrets, load_installation

    secrets = Secrets.NEEDED if strict else Secrets.ELSEWHERE
    try:
        installation = load_installation(folder, secrets=secrets)
        if strict and installation.warnings:
            raise ConfigurationError(installation.warnings)
    except ConfigurationError as error:
        if not as_json:
            raise
        click.echo(_json({"problems": [_plain(problem) for problem in error.problems]}))
        ctx.exit(2)
    configuration = installation.configuration
    names = [channel.name for channel in configuration.channels]
    if as_json:
        told = {
            "problems": [],
            "warnings": [_plain(warning) for warning in installation.warnings],
            "channels": names,
            "configuration": configuration.hash,
        }
        click.echo(_json(told))
        return
    for channel in configuration.channels:
        where = f"{channel.source.host}:{channel.source.port}"
        to = ", ".join(destination.name for destination in channel.destinations)
        click.echo(f"{channel.name}: {where}, mapping {channel.mapping}, to {to}")
    for warning in installation.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.secho(f"nothing is wrong (configuration {configuration.hash})", fg="green")


def _json(told: object) -> str:
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def _plain(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "what": problem.what,
        "instead": problem.instead,
    }
