"""``schema``: what may stand in the configuration files, for editors and for people."""

from __future__ import annotations

import json

import click


@click.command(short_help="Print the JSON Schema of channels, or of engine.yaml.")
@click.argument("what", type=click.Choice(["channel", "engine"]), default="channel")
@click.option("--reference", "as_text", is_flag=True, help="Print a table for people (Markdown).")
def schema(what: str, as_text: bool) -> None:
    """Print the JSON Schema of a channel file, or of engine.yaml.

    An editor that is told of it completes keys and marks mistakes as they are typed:

    \b
      mllp-engine schema > channel.schema.json
      # yaml-language-server: $schema=../channel.schema.json
    """  # noqa: D301 - click reads the \\b
    from engine.config.reference import reference
    from engine.config.schema import block_of
    from engine.config.schema import schema as schema_of

    if as_text:
        title = "channels/*.yaml" if what == "channel" else "engine.yaml"
        click.echo(reference(block_of(what), title), nl=False)
    else:
        click.echo(json.dumps(schema_of(what), indent=2))
