"""Reloads that come at a bad moment, or find what cannot be used."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater

from engine.config import Installation
from engine.fhir.outcome import Delivered, Down, Verdict
from engine.service import Service
from tests.service.site import Running
from tests.sources.rig import adt

Site = Callable[[], Running]

SERVER = "servers:\n  clinic:\n    url: http://127.0.0.1:9/{}\n"


@pytest_twisted.async_yield_fixture
async def clinic(site: Site) -> AsyncIterator[Running]:
    """A channel to a server that nobody answers for."""
    running = site()
    running.engine(SERVER.format(1))
    running.channel(to="fhir: clinic")
    await running.start()
    yield running


def served(running: Running, name: str = "clinic") -> Any:
    """What serves a destination now."""
    assert running.service is not None
    return running.service.deliveries._running[name]


def address(running: Running) -> str:
    """Where what is served now delivers to."""
    return str(served(running).settings[1].url.rpartition("/")[2])


def down(service: Service) -> dict[str, float]:
    """The gauge of each destination that has one."""
    samples = next(iter(service.metrics.breaker.collect())).samples
    return {sample.labels["destination"]: sample.value for sample in samples}


async def begun(running: Running) -> Deferred[Verdict]:
    """A delivery that is under way until the test says what came of it."""
    answer: Deferred[Verdict] = Deferred()
    old = served(running)

    async def deliver(*_: Any, **__: Any) -> Verdict:
        return await answer

    old.sender.deliver = deliver
    sender = await running.sender()
    sender.send(adt("1"))
    await running.until(lambda: old.loop.under_way == 1)
    return answer


async def reload(running: Running, engine: str) -> None:
    assert running.service is not None
    running.engine(engine)
    assert await running.service.reload()


# --- deliveries that are exchanged ------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_what_was_wanted_last_is_served_once_the_old_deliveries_end(clinic: Running) -> None:
    answer, old = await begun(clinic), served(clinic)
    await reload(clinic, SERVER.format(2))
    await reload(clinic, SERVER.format(3))
    assert clinic.service is not None
    assert clinic.service.deliveries.names == []  # one loop for a destination at a time
    assert (await clinic.service.status.ready())["destinations"].well
    answer.callback(Delivered())
    await clinic.until(lambda: clinic.service.deliveries.names == ["clinic"])  # type: ignore[union-attr]
    assert served(clinic).loop is not old.loop
    assert address(clinic) == "3"


@pytest_twisted.ensureDeferred
async def test_a_destination_that_is_taken_out_and_put_back_is_served_again(
    clinic: Running,
) -> None:
    answer, old = await begun(clinic), served(clinic)
    clinic.channel()
    await reload(clinic, SERVER.format(1))
    clinic.channel(to="fhir: clinic")
    await reload(clinic, SERVER.format(1))
    answer.callback(Delivered())
    await clinic.until(lambda: clinic.service.deliveries.names == ["clinic"])  # type: ignore[union-attr]
    assert served(clinic).loop is not old.loop


@pytest_twisted.ensureDeferred
async def test_an_end_that_fails_is_told_and_the_successor_begins(clinic: Running) -> None:
    async def close() -> None:
        raise OSError("x")

    served(clinic).sender.close = close
    await reload(clinic, SERVER.format(2))
    await clinic.until(lambda: clinic.service.deliveries.names == ["clinic"])  # type: ignore[union-attr]
    assert address(clinic) == "2"
    (line,) = clinic.events("destination.not-ended")
    assert (line["destination"], line["fault"]) == ("clinic", "OSError")


@pytest_twisted.ensureDeferred
async def test_a_destination_that_cannot_be_served_is_told_and_is_not_ready(
    clinic: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sender(*_: Any) -> Any:
        raise RuntimeError("x")

    monkeypatch.setattr("engine.delivery.Senders.sender", sender)
    await reload(clinic, SERVER.format(2))
    await clinic.until(lambda: bool(clinic.events("destination.not-served")))
    assert clinic.service is not None
    ready = (await clinic.service.status.ready())["destinations"]
    assert (ready.well, ready.says) == (False, "not served: clinic")


@pytest_twisted.ensureDeferred
async def test_an_outage_is_over_with_the_settings_that_it_belonged_to(clinic: Running) -> None:
    service = clinic.service
    assert service is not None
    served(clinic).sender.breaker.heard(Down("HTTP 401"))
    assert down(service) == {"clinic": 1}
    await reload(clinic, SERVER.format(2))
    await clinic.until(lambda: service.deliveries.names == ["clinic"])
    assert down(service) == {"clinic": 0}


@pytest_twisted.ensureDeferred
async def test_an_outage_goes_on_where_the_server_stays_the_same(clinic: Running) -> None:
    service = clinic.service
    assert service is not None
    served(clinic).sender.breaker.heard(Down("HTTP 401"))
    old = served(clinic).loop
    clinic.channel(to="fhir: clinic\n    on_dead: hold")
    await reload(clinic, SERVER.format(1))
    await clinic.until(lambda: service.deliveries.names == ["clinic"])
    assert served(clinic).loop is not old
    assert down(service) == {"clinic": 1}


@pytest_twisted.ensureDeferred
async def test_a_destination_that_is_gone_leaves_no_gauge_behind(clinic: Running) -> None:
    service = clinic.service
    assert service is not None
    clinic.channel()
    await reload(clinic, SERVER.format(1))
    await clinic.until(lambda: not service.deliveries._ending)
    await service.status.refresh()
    gauges = [
        line
        for line in service.metrics.render().decode().splitlines()
        if 'destination="clinic"' in line
        and "_total" not in line
        and "delivery_seconds" not in line
    ]
    assert [line for line in gauges if "ledger" not in line and "created" not in line] == []


# --- reloads that cannot be ------------------------------------------------------------------


@pytest.mark.parametrize("fault", [PermissionError(13, "x"), KeyError("x"), SystemExit(3)])
@pytest_twisted.ensureDeferred
async def test_a_reload_that_fails_in_whatever_way_leaves_the_engine_as_it_was(
    clinic: Running, fault: BaseException
) -> None:
    service = clinic.service
    assert service is not None

    def load(_: Path) -> Installation:
        raise fault

    service._load = load
    clinic.told()
    assert not await service.reload()
    assert b"mllp_engine_configuration_last_reload_successful 0.0" in service.metrics.render()
    assert clinic.told()[-1].startswith("READY=1")
    (line,) = clinic.events("engine.reload-refused")
    assert line["fault"] == type(fault).__name__
    sender = await clinic.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_a_reload_that_is_overtaken_by_the_stop_opens_nothing(clinic: Running) -> None:
    service = clinic.service
    assert service is not None
    gate, real = threading.Event(), service._load

    def slow(folder: Path) -> Installation:
        gate.wait(30)
        return real(folder)

    service._load = slow
    clinic.channel("east")
    reloading = ensureDeferred(service.reload())
    await deferLater(reactor, 0.05)  # type: ignore[arg-type]
    await service.stop()
    gate.set()
    assert not await reloading
    assert "east" not in service.ports.listening
    assert service.deliveries.names == []
    assert clinic.told()[-1] == "STOPPING=1"


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_destination_that_was_taken_out_is_told(clinic: Running) -> None:
    sender = await clinic.sender()
    sender.send(adt("1"), adt("2"))
    await sender.answered(2)
    clinic.channel(to="file: north.ndjson")
    assert clinic.service is not None
    assert await clinic.service.reload()
    await clinic.until(lambda: bool(clinic.events("destination.unserved")))
    (line,) = clinic.events("destination.unserved")
    assert (line["destination"], line["queued"]) == ("clinic", 2)
