import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThread

from engine.console.checks import Check, StoreCheck
from engine.console.figures import Figures
from engine.console.http import site
from engine.errors import StoreError
from engine.lifecycle import Event, Outcome
from engine.metrics import Metrics
from engine.store.records import Received
from tests.store.threaded import ThreadedStore

NOW = 1_800_000_000.0


class Rig:
    """The console of a real store, on a real port."""

    def __init__(self, folder: Path) -> None:
        self.store = ThreadedStore(folder / "store.sqlite", clock=lambda: NOW)
        self.store.open()
        self.metrics = Metrics()
        self.figures = Figures(self.store, self.metrics, reactor)
        self.store_check = StoreCheck(self.store, folder, reactor)
        self.ready = {"listening": Check(True, "2575")}
        pages = site(self.metrics, self._health, self._ready, lambda: self.figures.refresh(NOW))
        self.port = reactor.listenTCP(0, pages, interface="127.0.0.1")

    async def _health(self) -> Mapping[str, Check]:
        return {"store": await self.store_check.check()}

    async def _ready(self) -> Mapping[str, Check]:
        return self.ready

    async def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        """Status, content type and body of a page."""
        url = f"http://127.0.0.1:{self.port.getHost().port}{path}"
        return await deferToThread(_fetch, Request(url, method=method))

    async def sample(self, name: str, **labels: str) -> float | None:
        """One number of /metrics."""
        _, _, text = await self.get("/metrics")
        written = ",".join(f'{key}="{value}"' for key, value in labels.items())
        start = f"{name}{{{written}}} " if labels else f"{name} "
        found = [line for line in text.splitlines() if line.startswith(start)]
        return float(found[0].rpartition(" ")[2]) if found else None


def _fetch(request: Request) -> tuple[int, str, str]:
    try:
        with urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["Content-Type"], refusal.read().decode()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    pytest_twisted.blockon(Deferred.fromCoroutine(_close(made)))


async def _close(rig: Rig) -> None:
    await rig.port.stopListening()
    await rig.store.close()


def received(number: int, **changes: Any) -> Received:
    facts: dict[str, Any] = {
        "channel": "north-lab",
        "port": "2575",
        "peer": "127.0.0.1",
        "raw": b"MSH|^~\\&|%d" % number,
        "received_at": NOW - 90,
        "outcome": Outcome.ACCEPTED,
        "control_id": str(number),
        "destinations": ("clinic",),
        "lanes": (f"clinic|{number}",),
    }
    return Received(**{**facts, **changes})


@pytest_twisted.ensureDeferred
async def test_health_says_that_the_store_takes_messages(rig: Rig) -> None:
    status, kind, body = await rig.get("/health")
    told = json.loads(body)
    assert (status, kind, told["status"]) == (200, "application/json", "pass")
    assert told["checks"]["store"]["well"] is True


@pytest_twisted.ensureDeferred
async def test_health_fails_while_another_process_locks_the_store(rig: Rig, tmp_path: Path) -> None:
    rig.store_check = StoreCheck(rig.store, tmp_path, reactor, patience=0.05)
    import sqlite3

    other = sqlite3.connect(tmp_path / "store.sqlite")
    try:
        other.execute("BEGIN IMMEDIATE")
        status, _, body = await rig.get("/health")
        assert (status, json.loads(body)["status"]) == (503, "fail")
    finally:
        other.rollback()
        other.close()


@pytest_twisted.ensureDeferred
async def test_a_process_that_does_not_listen_is_not_ready(rig: Rig) -> None:
    assert (await rig.get("/ready"))[0] == 200
    rig.ready = {"listening": Check(False, "port 2575 is taken")}
    status, _, body = await rig.get("/ready")
    assert status == 503
    assert json.loads(body)["checks"] == {
        "listening": {"well": False, "says": "port 2575 is taken"}
    }


@pytest_twisted.ensureDeferred
async def test_metrics_show_what_waits_and_since_when(rig: Rig) -> None:
    await rig.store.accept(received(1))
    await rig.store.accept(received(2, received_at=NOW - 30))
    where = {"destination": "clinic"}
    assert await rig.sample("mllp_engine_deliveries_queued", **where) == 2
    assert await rig.sample("mllp_engine_oldest_queued_seconds", **where) == 90
    assert await rig.sample("mllp_engine_ledger_balanced") == 1
    assert await rig.sample("mllp_engine_store_up") == 1


@pytest_twisted.ensureDeferred
async def test_what_is_being_sent_is_still_in_the_queue_and_what_arrived_is_not(rig: Rig) -> None:
    rig.metrics.destination_known("clinic")
    await rig.store.accept(received(1))
    (claimed,) = await rig.store.claim("clinic", 5, NOW)
    assert await rig.sample("mllp_engine_deliveries_queued", destination="clinic") == 1
    await rig.store.settle(claimed.delivery_id, Event.ACCEPTED, now=NOW)
    assert await rig.sample("mllp_engine_deliveries_queued", destination="clinic") == 0
    delivered = {"destination": "clinic", "state": "delivered"}
    assert await rig.sample("mllp_engine_ledger_deliveries", **delivered) == 1


@pytest_twisted.ensureDeferred
async def test_metrics_are_served_while_the_store_is_silent(rig: Rig) -> None:
    class Silent:
        def ledger(self) -> Deferred[Any]:
            return Deferred()

        def queued(self) -> Deferred[Any]:
            raise StoreError("closed")

    rig.figures = Figures(Silent(), rig.metrics, reactor, patience=0.05)
    assert await rig.sample("mllp_engine_store_up") == 0
    assert await rig.sample("mllp_engine_build_info") is None  # it has labels
    assert (await rig.get("/metrics"))[0] == 200


@pytest_twisted.ensureDeferred
async def test_the_front_page_says_what_is_well_and_what_there_is(rig: Rig) -> None:
    rig.ready = {"listening": Check(False, "port <2575> is taken")}
    status, kind, body = await rig.get("/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "Not ready." in body
    assert "port &lt;2575&gt; is taken" in body
    assert all(f'href="{page}"' in body for page in ("/metrics", "/health", "/ready"))


@pytest_twisted.ensureDeferred
async def test_a_page_that_fails_says_so_without_the_text_of_the_fault(rig: Rig) -> None:
    async def broken(_: float) -> None:
        raise ValueError("Testpatient, Anna")

    rig.figures.refresh = broken  # type: ignore[method-assign]
    status, _, body = await rig.get("/metrics")
    assert (status, body) == (500, "ValueError\n")


@pytest_twisted.ensureDeferred
async def test_a_page_answers_head_and_there_is_no_other_page(rig: Rig) -> None:
    assert (await rig.get("/health", "HEAD"))[::2] == (200, "")
    assert (await rig.get("/store"))[0] == 404


class Refusing:
    """A store that cannot promise anything."""

    def settle_many(self, _: Any) -> Deferred[Any]:
        return fail(StoreError("the database is read-only"))


@pytest_twisted.ensureDeferred
async def test_a_store_that_refuses_says_why(tmp_path: Path) -> None:
    found = await StoreCheck(Refusing(), tmp_path, reactor).check()
    assert found == Check(False, "the database is read-only")


@pytest_twisted.ensureDeferred
async def test_a_full_disk_is_told_before_a_message_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.console.checks._ROOM", 1 << 80)
    found = await StoreCheck(Refusing(), tmp_path, reactor).check()
    assert found == Check(False, "the disk is full")


@pytest_twisted.ensureDeferred
async def test_where_room_cannot_be_asked_for_the_commit_decides(rig: Rig, tmp_path: Path) -> None:
    found = await StoreCheck(rig.store, tmp_path / "gone", reactor).check()
    assert found == Check(True, "writable")


@pytest_twisted.ensureDeferred
async def test_a_reader_who_goes_away_leaves_nothing_behind(rig: Rig) -> None:
    asked: Deferred[None] = Deferred()
    cancelled: Deferred[None] = Deferred()

    async def endless(_: float) -> None:
        asked.callback(None)
        await Deferred(lambda _: cancelled.callback(None))

    rig.figures.refresh = endless  # type: ignore[method-assign]
    peer = socket.create_connection(("127.0.0.1", rig.port.getHost().port))
    peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    await asked
    peer.close()
    await cancelled


def _posted(port: int, head: bytes, body: bytes) -> bytes:
    """What is answered to a head, before any of its body is sent; and whether the line ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n" + body)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 200000000", b""),
        (b"Content-Length: 3", b"abc"),
        (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_body_is_refused_before_it_is_read(rig: Rig, head: bytes, body: bytes) -> None:
    answer = await deferToThread(_posted, rig.port.getHost().port, head, body)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (await rig.get("/health"))[0] == 200
