"""Durable acknowledgements per second, beside a bare loop that makes the same commits."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import sender
from benchmarks.table import Row
from tests.acceptance.daemon import Daemon
from tests.acceptance.site import Site, free_port

CONNECTIONS = (1, 10, 100)
SECONDS = 6.0
ROUNDS = 2
GOAL = 0.7


def measure() -> list[Row]:
    """Both take turns, so that a noisy minute troubles both."""
    return [_row(connections) for connections in CONNECTIONS]


def _row(connections: int) -> Row:
    ours, bare = [], []
    for _ in range(ROUNDS):
        with bare_loop() as port:
            bare.append(sender.run(port, connections, SECONDS))
        with listener() as port:
            ours.append(sender.run(port, connections, SECONDS))
    best, beside = max(ours, key=lambda sent: sent.rate), max(bare, key=lambda sent: sent.rate)
    ratio = best.rate / beside.rate
    return Row(
        f"durable ACKs, {connections} connection{'s' if connections > 1 else ''}",
        f"{best.rate:,.0f}/s, median {best.median * 1000:.1f} ms",
        f"bare Twisted + SQLite {beside.rate:,.0f}/s: {ratio:.0%}",
        f"≥ {GOAL:.0%}",
        ratio >= GOAL,
    )


@contextmanager
def listener() -> Iterator[int]:
    """The engine, with a destination that is down: received, committed, acknowledged, queued."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = f"http://127.0.0.1:{free_port()}/fhir"
        site = Site(Path(folder) / "site", server=nowhere).write_out()
        with Daemon(site) as engine:
            engine.ready()
            yield site.port
            engine.kill()


@contextmanager
def bare_loop() -> Iterator[int]:
    """The least that makes the same commits."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.bare", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield int(process.stdout.readline())
            process.kill()
