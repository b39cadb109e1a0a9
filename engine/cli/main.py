"""The command ``mllp-engine``: finds the command that was asked for, and says what went wrong.

Exit status, for scripts: 0 done; 1 done, and something in it failed; 2 the command line or
the configuration cannot be used.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from engine import __version__
from engine.errors import ConfigurationError, EngineError, NothingSuchError

#: Each command and where it is; imported when it is asked for, so that each starts fast.
COMMANDS = {
    "init": "engine.cli.init:init",
    "check": "engine.cli.check:check",
    "schema": "engine.cli.schema:schema",
    "run": "engine.cli.run:run",
    "demo": "engine.cli.demo:demo",
    "convert": "engine.cli.convert:convert",
    "explain": "engine.cli.explain:explain",
    "coverage": "engine.cli.coverage:coverage",
    "unmapped": "engine.cli.unmapped:unmapped",
    "test": "engine.cli.test:test",
    "send": "engine.cli.send:send",
    "messages": "engine.cli.messages:messages",
    "ledger": "engine.cli.ledger:ledger",
}

FAILED = 1
UNUSABLE = 2


class Commands(click.Group):
    """The commands of a table; our own errors end here, as text and exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every name, in the order of the table: first things first."""
        return [name for name, where in COMMANDS.items() if find_spec(where.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self.list_commands(ctx):
            near = get_close_matches(cmd_name, COMMANDS, 1)
            if near:
                ctx.fail(f"there is no command '{cmd_name}' (did you mean '{near[0]}'?)")
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            _show(error)
            ctx.exit(UNUSABLE)
        except NothingSuchError as error:
            click.echo(f"mllp-engine: {error}", err=True)
            ctx.exit(UNUSABLE)
        except OSError as error:
            if error.filename is None:
                raise  # of no file that was named: a pipe that is closed, a fault of ours
            reason = error.strerror or type(error).__name__
            click.echo(f"mllp-engine: {error.filename}: {reason}", err=True)
            ctx.exit(FAILED)
        except EngineError as error:
            click.echo(f"mllp-engine: {error}", err=True)
            ctx.exit(FAILED)


def _show(error: ConfigurationError) -> None:
    """One problem per line, as compilers do it: editors jump to file:line:column."""
    for problem in error.problems:
        click.echo(str(problem), err=True)
    count = len(error.problems)
    click.echo(f"{count} {'problem' if count == 1 else 'problems'}; nothing was done.", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mllp-engine")
def main() -> None:
    """HL7 v2 messages in, FHIR R4 resources out: committed first, acknowledged then, never lost."""


if __name__ == "__main__":
    main()
