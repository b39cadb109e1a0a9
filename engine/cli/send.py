"""``send``: messages of files to an MLLP port, and what was answered."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from itertools import chain

import click
import orjson
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from engine.cli.terminal import console
from engine.hl7v2.header import Header
from engine.workbench import inputs
from engine.workbench.mllp_client import Outcome, Sent, on_the_wire, reason_of
from engine.workbench.sending import Sending, Tally, Target, describe

_COLOURS = {
    Outcome.POSITIVE: "green",
    Outcome.SILENT: "green",
    Outcome.NEGATIVE: "red",
    Outcome.MISSING: "red",
    Outcome.UNSENT: "red",
}
_WORDS = {
    Outcome.SILENT: "asked for no answer",
    Outcome.MISSING: "not answered",
    Outcome.UNSENT: "not sent",
}


_NOT_HL7 = "not sent: no MSH begins here, so it cannot be read as HL7 v2; --as-is sends it"


class Address(click.ParamType[tuple[str, int]]):
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


@click.command(short_help="Send messages over MLLP and wait for their answers.")
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("--to", "address", type=Address(), default="127.0.0.1:2575", show_default=True)
@click.option(
    "--connections", type=click.IntRange(1), default=1, help="At once. More than one: no order."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Messages per second.")
@click.option("--repeat", type=click.IntRange(1), default=1, help="Send everything so often.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="For an answer, in seconds.",
)
@click.option("--whole", is_flag=True, help="Send each file as one frame, batches too.")
@click.option("--as-is", is_flag=True, help="Send the bytes as they are, HL7 v2 or not.")
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
    What has no MSH is not sent, unless --as-is. Exit status 1: an answer was negative or did
    not come, or something was not sent.
    """
    found = _messages(paths, whole=whole, as_is=as_is)
    odd = [] if as_is else [one for one in found if Header.read(one[1]) is None]
    found = [one for one in found if one not in odd]
    target = Target(*address, connections, rate, timeout)
    failure = ""
    with _progress() as progress:
        task = progress.add_task("sending", total=len(found) * repeat)

        def seen(sent: Sent) -> None:
            progress.advance(task)
            if verbose:
                progress.console.print(_line(sent))

        stream = chain.from_iterable(found for _ in range(repeat))
        sending = Sending(target, stream, seen)
        if found:
            failure = _run(sending, target)
    tally = sending.tally
    for name in [name for name, _ in found] if failure else ():
        tally.add(Sent(name, problem=failure, unsent=True))
    for name, _ in odd:
        tally.add(Sent(name, problem=_NOT_HL7, unsent=True))
    if as_json:
        click.echo(orjson.dumps(tally.as_json()))
    elif not failure:
        _show(tally)
    if failure:
        raise click.ClickException(failure)
    sys.exit(0 if tally.good else 1)


def _run(sending: Sending, target: Target) -> str:
    """Send; why nothing could be sent, or ""."""
    try:
        asyncio.run(sending.run())
    except OSError as failure:  # TimeoutError is one
        where = f"[{target.host}]" if ":" in target.host else target.host
        reason = reason_of(failure)
        return f"{where}:{target.port}: {reason}; is the engine running, and is --to its port?"
    return ""


def _messages(paths: Sequence[str], *, whole: bool, as_is: bool) -> list[tuple[str, bytes]]:
    """What to send, each with the name by which it is spoken of."""
    found = inputs.given(paths)
    if isinstance(found, str):
        raise click.UsageError(found)
    named: list[tuple[str, bytes]] = []
    for source in found:
        raw = source.read()
        pieces = [raw] if whole else inputs.messages(raw)
        named += zip(inputs.names(str(source.name), len(pieces)), pieces, strict=True)
    return named if as_is else [(name, on_the_wire(raw)) for name, raw in named]


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    terminal = console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(), console=terminal, transient=True)


def _line(sent: Sent) -> Text:
    outcome = sent.outcome
    codes = " ".join(answer.code for answer in sent.answers) or outcome.value
    line = Text.assemble((codes, _COLOURS[outcome]), f"  {sent.name}  {sent.seconds * 1000:.1f} ms")
    words = describe(sent)
    return line.append(f"  {words}", "dim") if words else line


def _show(tally: Tally) -> None:
    """The summary, for a person."""
    terminal = console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for code, count in sorted(tally.codes.items()):
        colour = "green" if code in ("AA", "CA") else "red"
        table.add_row(Text(code, colour), f"{count:,}")
    for outcome in (Outcome.SILENT, Outcome.MISSING, Outcome.UNSENT):
        if tally.outcomes[outcome]:
            words = Text(_WORDS[outcome], _COLOURS[outcome])
            table.add_row(words, f"{tally.outcomes[outcome]:,}")
    if tally.strays:
        table.add_row(Text("answers to nothing that was sent", "yellow"), f"{tally.strays:,}")
    terminal.print(table)
    if tally.sent:
        terminal.print(
            f"{tally.sent:,} messages in {tally.seconds:.2f} s, {tally.rate:,.0f}/s; "
            f"answers after {tally.wait(0.5):.1f} ms (half) and {tally.wait(0.99):.1f} ms (99 %)"
        )
    for sent in tally.problems:
        terminal.print(_line(sent), soft_wrap=True)
