"""``demo``: the shipped channels, samples through their ports, and what came out, in colour."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.cli import show
from engine.errors import EngineError
from engine.workbench.demonstration import HOST, Demonstration, Sample, lay_out
from engine.workbench.mllp_client import Connection, Outcome, Sent, on_the_wire
from engine.workbench.process import Engine

_OUTPUT = Path("data") / "fhir.ndjson"
_ANSWER_WITHIN = 30.0
_FHIR_WITHIN = 60.0
_TICK = 0.02
_LEDGER_WIDTH = 110


@click.command(short_help="Run the shipped channels on sample messages, and serve.")
@click.option("--once", is_flag=True, help="End after the samples.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep configuration, store and output there.  [default: gone at the end]",
)
def demo(once: bool, folder: Path | None) -> None:
    """Run the shipped channels, send the samples through their ports, and go on serving.

    Needs no server: a SQLite store, and a file that gets one transaction Bundle per line.
    """
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty; run it with: mllp-engine run {folder}")
    signal.signal(signal.SIGTERM, _interrupted)
    with _folder(folder) as place, suppress(KeyboardInterrupt):
        site = lay_out(place)
        with Engine(place, site.page) as engine:
            Tour(site, engine).run(once=once)


def _interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
    raise KeyboardInterrupt


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="mllp-engine-demo-") as temporary:
        yield Path(temporary)


class Tour:
    """Shows the way of each sample, then what there is to look at."""

    def __init__(self, site: Demonstration, engine: Engine) -> None:
        self._site = site
        self._engine = engine
        self._console = Console(highlight=False)
        #: what is no terminal gets each line whole; rules stay as wide as a page
        self._whole = not self._console.is_terminal
        self._output = site.folder / _OUTPUT
        self._read = 0

    def run(self, *, once: bool) -> None:
        """Send the samples; unless ``once``, serve until somebody stops it."""
        asyncio.run(self._samples())
        self._ledger()
        if once:
            return
        self._invite()
        self._engine.process.wait()
        raise EngineError(f"the engine has ended:\n{self._engine.tail()}")

    async def _samples(self) -> None:
        with self._console.status("starting …"):
            await self._engine.ready()
        samples = self._site.samples
        for sample in samples:
            await self._way_of(sample)
        if samples:
            await self._again(samples[0])

    async def _way_of(self, sample: Sample) -> None:
        """One message: as it is sent, its answer, and the FHIR that was delivered."""
        port = self._site.ports[sample.channel]
        self._console.rule(f"[bold]{sample.name}[/] to {sample.channel}, port {port}")
        self._print(show.hl7(sample.raw))
        self._print_answers(await self._send(sample))
        self._print(show.fhir(await self._next_bundle()))

    async def _again(self, sample: Sample) -> None:
        self._console.rule(f"[bold]{sample.name}[/] once more, as senders do in doubt")
        self._print_answers(await self._send(sample))
        self._console.print("The same answer as before; it is not delivered a second time.\n")

    def _print(self, text: Text) -> None:
        self._console.print(text, end="\n\n", soft_wrap=self._whole)

    def _print_answers(self, sent: Sent) -> None:
        if sent.outcome is not Outcome.POSITIVE:
            answers = " ".join(answer.code for answer in sent.answers)
            raise EngineError(f"{sent.name}: {sent.problem or answers}\n{self._engine.tail()}")
        for answer in sent.answers:
            self._print(show.answer(answer.raw))

    async def _send(self, sample: Sample) -> Sent:
        connection = Connection(HOST, self._site.ports[sample.channel], timeout=_ANSWER_WITHIN)
        sent = await connection.send(sample.name, on_the_wire(sample.raw))
        await connection.finish(0)
        return sent

    async def _next_bundle(self) -> dict[str, object]:
        """Wait for the next line of the file destination."""
        try:
            async with asyncio.timeout(_FHIR_WITHIN):
                while True:
                    if (line := self._line()) is not None:
                        bundle: dict[str, object] = orjson.loads(line)
                        return bundle
                    await asyncio.sleep(_TICK)
        except TimeoutError:
            raise EngineError(f"no FHIR was delivered:\n{self._engine.tail()}") from None

    def _line(self) -> bytes | None:
        if not self._output.exists():
            return None
        with self._output.open("rb") as file:
            file.seek(self._read)
            line = file.readline()
        if not line.endswith(b"\n"):
            return None
        self._read += len(line)
        return line

    def _ledger(self) -> None:
        self._console.rule("[bold]the ledger[/]: what came in, and what became of it")
        command = [sys.executable, "-P", "-m", "engine.cli.main", "ledger", str(self._site.folder)]
        sys.stdout.flush()
        width = str(max(self._console.width, _LEDGER_WIDTH))
        done = subprocess.run(command, check=False, env={**os.environ, "COLUMNS": width})
        if done.returncode != 0:
            raise EngineError("the ledger does not balance")

    def _invite(self) -> None:
        """Say what listens where, and what to try."""
        site, folder = self._site, self._site.folder
        table = Table(box=None, show_header=False, pad_edge=False)
        for channel, port in site.ports.items():
            table.add_row(f"{channel}", f"[bold]mllp://{HOST}:{port}[/]")
        for page in ("", "/metrics", "/health", "/ready"):
            table.add_row("", f"[bold]{site.page}{page}[/]")
        for what, path in {
            "configuration": folder,
            "output": self._output,
            "log": folder / "engine.log",
        }.items():
            table.add_row(what, str(path))
        self._console.rule("[bold]listening[/] until Ctrl-C")
        self._console.print(table)
        first = next(iter(site.ports.values()), 0)
        self._console.print(
            f"\nin another terminal: mllp-engine send --to {first} FILE\n"
            f"                     mllp-engine messages list {folder}\n"
        )
