"""From an MLLP port through store and mapping into a FHIR server that costs nothing."""

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import conversions, machine, sender
from benchmarks.table import Row
from tests.acceptance.daemon import Daemon
from tests.acceptance.site import Site

#: Deliveries per second that are wanted of a machine which makes so many conversions by hand.
GOAL, BY_HAND = 2000, 13_600
SECONDS = 5.0
CONNECTIONS = 16
PATIENCE = 180.0
FLAT = 1.15


@dataclass
class NullServer:
    """The null server in a process of its own."""

    port: int

    @property
    def url(self) -> str:
        """Its FHIR base."""
        return f"http://127.0.0.1:{self.port}/fhir"

    def transactions(self) -> int:
        """How many it has taken."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count") as reply:
            return int(reply.read().split()[0])


@contextmanager
def null_server() -> Iterator[NullServer]:
    """Run one."""
    command = [sys.executable, "-m", "benchmarks.null_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield NullServer(int(process.stdout.readline()))
        process.terminate()


def measure() -> list[Row]:
    """Two kinds of message: the 14-OBX result, and a result of one OBX."""
    by_hand = conversions.rate_by_hand()
    return [
        _measure("oru14", "14-OBX results", by_hand),
        _measure("small", "1-OBX results", by_hand),
    ]


def _measure(kind: str, title: str, by_hand: float) -> Row:
    with tempfile.TemporaryDirectory() as folder, null_server() as server:
        site = Site(Path(folder) / "site", server=server.url, write="own-ids", drain=60)
        with Daemon(site.write_out()) as engine:
            engine.ready()
            sender.run(site.port, CONNECTIONS, 2.0, kind=kind)  # warm: imports, pools, caches
            engine.until_delivered(timeout=300)
            early = machine.engine(engine)
            before, begin = server.transactions(), time.perf_counter()
            sent = sender.run(site.port, CONNECTIONS, SECONDS, start=10_000_000, kind=kind)
            _wait_until_drained(engine)
            rate = (server.transactions() - before) / (time.perf_counter() - begin)
            late = machine.engine(engine)
            engine.kill()
    return Row(
        f"end to end, {title}, into a null HTTP server",
        f"{rate:,.0f}/s, {late:.0f} MiB",
        f"conversions by hand {by_hand:,.0f}/s: {rate / by_hand:.1%}; "
        f"ACKs {sent.rate:,.0f}/s meanwhile; {early:.0f} MiB before",
        f"≥ {GOAL / BY_HAND:.1%} ({GOAL:,}/s where by hand makes {BY_HAND:,}/s), flat",
        rate / by_hand >= GOAL / BY_HAND and late <= early * FLAT + 16,
    )


def _wait_until_drained(engine: Daemon) -> None:
    """What was taken faster than delivered is queued; the rate is of all that was delivered."""
    end = time.perf_counter() + PATIENCE
    while engine.metric("mllp_engine_deliveries_queued") > 0 and time.perf_counter() < end:
        engine.wait(0.1)
