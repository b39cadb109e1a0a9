"""A FHIR server that is down, slow or hostile delays deliveries and loses none."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import messages
from tests.acceptance.conftest import Start
from tests.acceptance.daemon import Daemon, ledger
from tests.acceptance.fake_server import Behaviour, FakeServer, Reply, accept, refuse
from tests.acceptance.link import Link
from tests.acceptance.site import Site, free_port

COUNT = 10


def send(site: Site, *, start: int = 1, lane: str = "A") -> None:
    """Send ``COUNT`` results, every one of which must be accepted at once."""
    with Link(site.port) as link:
        for number in range(start, start + COUNT):
            assert link.exchange(messages.result(lane, number)) == "AA"


def numbers(server: FakeServer) -> list[int]:
    """The results that the server took, in its order."""
    found = [messages.number_in(repr(bundle).encode()) for bundle in server.accepted]
    return [number[1] for number in found if number is not None]


def finished(engine: Daemon, site: Site) -> dict[str, Any]:
    """Wait for the queue to empty, stop, and balance the books."""
    engine.until_delivered()
    assert engine.stop() == 0
    return ledger(site)


def test_messages_wait_for_a_server_that_is_down(tmp_path: Path, start: Start) -> None:
    port = free_port()
    site = Site(tmp_path / "site", server=f"http://127.0.0.1:{port}/fhir").write_out()
    engine = start(site).ready()
    send(site)
    with FakeServer(port=port) as server:
        server.wait(lambda seen: len(seen.accepted) >= COUNT)
        finished(engine, site)
        assert numbers(server) == list(range(1, COUNT + 1))


def for_a_while(refusals: int, misbehaviour: Behaviour) -> Behaviour:
    """Misbehave some times, then accept."""
    left = [refusals]

    def behave(bundle: dict[str, Any]) -> Reply:
        left[0] -= 1
        return misbehaviour(bundle) if left[0] >= 0 else accept(bundle)

    return behave


@pytest.mark.parametrize(
    ("status", "headers"), [(500, {}), (503, {}), (429, {"Retry_After": "1"}), (409, {})]
)
def test_a_refusal_that_may_pass_is_tried_again_in_order(
    tmp_path: Path, start: Start, status: int, headers: dict[str, str]
) -> None:
    with FakeServer(for_a_while(3, refuse(status, **headers))) as server:
        site = Site(tmp_path / "site", server=server.url).write_out()
        engine = start(site).ready()
        send(site)
        server.wait(lambda seen: len(seen.accepted) >= COUNT)
        finished(engine, site)
        assert numbers(server) == list(range(1, COUNT + 1))
        assert server.refused == 3


def test_retry_after_is_kept(tmp_path: Path, start: Start) -> None:
    times: list[float] = []

    def impatient(bundle: dict[str, Any]) -> Reply:
        times.append(time.monotonic())
        return refuse(429, Retry_After="2")(bundle) if len(times) == 1 else accept(bundle)

    with FakeServer(impatient) as server:
        site = Site(tmp_path / "site", server=server.url).write_out()
        start(site).ready()
        with Link(site.port) as link:
            assert link.exchange(messages.result("A", 1)) == "AA"
        server.wait(lambda seen: len(seen.accepted) == 1)
    assert times[1] - times[0] >= 2


def test_a_server_slower_than_the_timeout_is_tried_again(tmp_path: Path, start: Start) -> None:
    def slow(bundle: dict[str, Any]) -> Reply:
        time.sleep(1.0)  # longer than the site's patience
        return refuse(500)(bundle)  # the engine is not listening any more

    with FakeServer(for_a_while(2, slow)) as server:
        site = Site(tmp_path / "site", server=server.url, timeout=0.5).write_out()
        engine = start(site).ready()
        send(site)
        server.wait(lambda seen: len(seen.accepted) >= COUNT)
        finished(engine, site)
        # what it carries out after the engine has given up comes once more, in its place
        assert list(dict.fromkeys(numbers(server))) == list(range(1, COUNT + 1))
        assert numbers(server) == sorted(numbers(server))


def test_a_message_that_the_server_refuses_is_a_dead_letter_and_stops_no_other(
    tmp_path: Path, start: Start
) -> None:
    def picky(bundle: dict[str, Any]) -> Reply:
        return refuse(422)(bundle) if "FILLER-A-3" in repr(bundle) else accept(bundle)

    with FakeServer(picky) as server:
        site = Site(tmp_path / "site", server=server.url).write_out()
        engine = start(site).ready()
        send(site)
        server.wait(lambda seen: len(seen.accepted) >= COUNT - 1 and seen.refused >= 1)
        finished(engine, site)
        assert numbers(server) == [1, 2, *range(4, COUNT + 1)]
        assert server.refused == 1


@pytest.mark.parametrize("status", [500, 403])
def test_a_message_that_always_fails_stops_its_patient_and_nobody_else(
    tmp_path: Path, start: Start, status: int
) -> None:
    def picky(bundle: dict[str, Any]) -> Reply:
        if "FILLER-A-1" not in repr(bundle):
            return accept(bundle)
        return Reply(status, {"resourceType": "OperationOutcome", "issue": []})

    with FakeServer(picky) as server:
        site = Site(tmp_path / "site", server=server.url, processes=0).write_out()
        engine = start(site).ready()
        with Link(site.port) as link:
            assert link.exchange(messages.result("A", 1)) == "AA"
            engine.logged("destination.down")
            for lane in "BCDE":
                assert link.exchange(messages.result(lane, 1)) == "AA"
        server.wait(lambda seen: len(seen.accepted) == 4)
        tries = server.refused
        server.wait(lambda seen: seen.refused > tries + 5)
        assert engine.stop() == 0
        assert engine.log.read_text().count("destination.down") == 1


#: Python imports it by itself: the wall clock of the process, as a file says.
SET_BACK = """
import time
from pathlib import Path

real, said = time.time, Path({!r})
time.time = lambda: real() + float(said.read_text())
"""


def test_a_wall_clock_that_is_set_back_stops_no_deliveries(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(SET_BACK.format(str(clock)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with FakeServer(refuse(503)) as server:
        site = Site(tmp_path / "site", server=server.url, processes=0).write_out()
        engine = start(site).ready()
        with Link(site.port) as link:
            assert link.exchange(messages.result("A", 1)) == "AA"
            engine.logged("destination.down")
            clock.write_text("-3600")
            server.behaviour = accept
            assert link.exchange(messages.result("B", 1)) == "AA"
        server.wait(lambda seen: len(seen.accepted) == 2)
        assert engine.stop() == 0
