"""``schema``: the JSON Schema of configuration files, for editors."""

from __future__ import annotations

import json

import click

from engine.config import schema as schema_of


@click.command()
@click.argument("what", type=click.Choice(["channel", "engine"]), default="channel")
def schema(what: str) -> None:
    """Print the JSON Schema of a channel file, or of engine.yaml."""
    click.echo(json.dumps(schema_of(what), indent=2))
