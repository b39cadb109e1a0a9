"""A million messages wait: how fast it starts, how large it is, and whether it drains as fast."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks import machine, samples
from benchmarks.end_to_end import NullServer, null_server
from benchmarks.table import Row
from engine.config import load_configuration
from engine.lifecycle import Outcome
from engine.store.accept import accept
from engine.store.records import Received
from engine.store.schema import migrate
from engine.store.session import Session
from tests.acceptance.daemon import Daemon
from tests.acceptance.site import Site

BACKLOG, CONTROL = 1_000_000, 20_000
PATIENTS = 50_000
GROUP = 1000
SECONDS = 15.0
START_GOAL, MEMORY_GOAL, RATE_GOAL = 2.0, 200.0, 0.9


@dataclass(frozen=True)
class Drained:
    """What was seen of one engine with a backlog."""

    started: float
    memory: float
    rate: float


def measure() -> list[Row]:
    """The same engine, the same messages: a million waiting, and as a control a few."""
    few, many = _drain(CONTROL), _drain(BACKLOG)
    ratio = many.rate / few.rate
    title = f"with {BACKLOG:,} messages waiting"
    beside = f"with {CONTROL:,}: "
    return [
        Row(
            f"start, {title}",
            f"{many.started:.1f} s",
            f"{beside}{few.started:.1f} s",
            f"≤ {START_GOAL:.0f} s",
            many.started <= START_GOAL,
        ),
        Row(
            f"memory, {title}",
            f"{many.memory:.0f} MiB",
            f"{beside}{few.memory:.0f} MiB",
            f"≤ {MEMORY_GOAL:.0f} MiB",
            many.memory <= MEMORY_GOAL,
        ),
        Row(
            f"drain, {title}",
            f"{many.rate:,.0f}/s",
            f"{beside}{few.rate:,.0f}/s: {ratio:.0%}",
            f"≥ {RATE_GOAL:.0%}",
            ratio >= RATE_GOAL,
        ),
    ]


def _drain(count: int) -> Drained:
    with tempfile.TemporaryDirectory() as folder, null_server() as server:
        site = Site(Path(folder) / "site", server=server.url, write="own-ids", drain=5)
        site.write_out()
        fill(site, count)
        begin = time.perf_counter()
        with Daemon(site) as engine:
            engine.ready()
            started = time.perf_counter() - begin
            rate = _rate(server, lambda: engine.wait(0.05))
            memory = machine.engine(engine)
            engine.kill()
    return Drained(started, memory, rate)


def _rate(server: NullServer, wait: Callable[[], None]) -> float:
    """Transactions per second, once the first hundreds are through, until the time is up."""
    while (first := server.transactions()) < 500:
        wait()
    begin = time.perf_counter()
    last, at = first, begin
    while at - begin < SECONDS:
        wait()
        now, seen = time.perf_counter(), server.transactions()
        if seen == last and now - at > 1.0:
            break  # the control has run dry
        if seen > last:
            last, at = seen, now
    return (last - first) / (at - begin)


def fill(site: Site, count: int) -> None:
    """Put messages into a store as the engine itself does, without the fsyncs."""
    with Daemon(site) as engine:  # makes the store, under the name that it has
        engine.ready().stop()
    database = next(site.data.glob("*.db"))
    session = Session(database, time.time)
    migrate(session.connection, database)
    session.connection.execute("PRAGMA synchronous = OFF")
    messages = _messages(load_configuration(site.folder).hash, str(site.port))
    for _ in range(0, count, GROUP):
        session.connection.execute("BEGIN IMMEDIATE")
        accept(session, list(islice(messages, GROUP)))
        session.connection.execute("COMMIT")
    session.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    session.close()


def _messages(configuration: str, port: str) -> Iterator[Received]:
    for number, frame in enumerate(samples.small_frames(1000)):
        patient = str(number % PATIENTS)
        yield Received(
            channel="acceptance",
            port=port,
            peer="127.0.0.1",
            raw=frame[1:-2].replace(b"100000", patient.encode() + b"X", 1),
            received_at=time.time(),
            outcome=Outcome.ACCEPTED,
            control_id=f"B{number}",
            sender="LABSYS|CENTRAL LAB",
            type="ORU^R01",
            version="2.5.1",
            patient=patient,
            answer="AA",
            lanes=(f"clinic|{patient}",),
            destinations=("clinic",),
            configuration=configuration,
        )
