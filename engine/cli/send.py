"""``send``: messages of files to an MLLP port, and what was answered."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from engine.workbench import inputs
from engine.workbench.mllp_client import Outcome, Sent, on_the_wire
from engine.workbench.sending import Sending, Tally, Target, describe

_COLOURS = {
    Outcome.POSITIVE: "green",
    Outcome.SILENT: "green",
    Outcome.NEGATIVE: "red",
    Outcome.MISSING: "red",
    Outcome.UNSENT: "red",
}


class Address(click.ParamType):
    """HOST:PORT, or PORT alone for this machine."""

    name = "host:port"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Take it apart."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not port.isdecimal() or not 0 < int(port) < 65536:
            self.fail(f"'{value}' is no address; write it like 127.0.0.1:2575", param, ctx)
        return host.strip("[]") or "127.0.0.1", int(port)


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("--to", "address", type=Address(), default="127.0.0.1:2575", show_default=True)
@click.option(
    "--connections", type=click.IntRange(1), default=1, help="At once. More than one: no order."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Messages per second.")
@click.option("--repeat", type=click.IntRange(1), default=1, help="Send everything so often.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="For an answer.")
@click.option("--whole", is_flag=True, help="Send each file as one frame, batches too.")
@click.option("--as-is", is_flag=True, help="Leave line ends as the file has them.")
@click.option("--verbose", "-v", is_flag=True, help="One line for each message.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def send(
    paths: tuple[str, ...],
    address: tuple[str, int],
    connections: int,
    rate: float | None,
    repeat: int,
    timeout: float,
    whole: bool,
    as_is: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Send HL7 v2 messages over MLLP and wait for the answers that they ask for.

    Files may hold several messages or batches. MSH-15 and MSH-16 say which answers are due.
    Exit status 1: one was negative, or did not come.
    """
    found = _inputs(paths)
    stream = _stream(found, repeat, whole=whole, as_is=as_is)
    target = Target(*address, connections, rate, timeout)
    console = Console(stderr=True)
    with _progress(console, found, repeat) as (progress, step):

        def seen(sent: Sent) -> None:
            step()
            if verbose:
                progress.console.print(_line(sent), highlight=False)

        try:
            tally = asyncio.run(Sending(target, stream(), seen).run())
        except (OSError, TimeoutError) as failure:
            progress.stop()
            reason = getattr(failure, "strerror", None) or "no answer"
            raise click.ClickException(f"{address[0]}:{address[1]}: {reason}") from None
    if as_json:
        click.echo(orjson.dumps(tally.as_json()))
    else:
        _show(tally)
    sys.exit(0 if tally.good else 1)
