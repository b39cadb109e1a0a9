"""The command ``mllp-engine``: one file per command, read when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from engine import __version__
from engine.errors import ConfigurationError, EngineError

#: command -> module:function
COMMANDS = {
    "init": "engine.cli.init:init",
    "check": "engine.cli.check:check",
    "schema": "engine.cli.schema:schema",
    "run": "engine.cli.run:run",
    "demo": "engine.cli.demo:demo",
    "convert": "engine.cli.convert:convert",
    "explain": "engine.cli.explain:explain",
    "coverage": "engine.cli.coverage:coverage",
    "test": "engine.cli.test:test",
    "send": "engine.cli.send:send",
    "messages": "engine.cli.messages:messages",
    "ledger": "engine.cli.ledger:ledger",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called: start stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The commands in the order of the work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        """Import one command."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mllp-engine")
def cli() -> None:
    """HL7 v2 in over MLLP, FHIR R4 out, and nothing lost between."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; what a person can cause ends in a sentence, never in a traceback."""
    try:
        return cli.main(arguments, standalone_mode=True)
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(2)
    except EngineError as error:
        click.echo(f"mllp-engine: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
