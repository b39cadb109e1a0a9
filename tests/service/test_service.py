"""The whole engine in one process: start, the way of a message, reload, drain."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, fail

from engine.conversion.channels import Conversions, Work
from engine.errors import MessageError, StoreError
from engine.service import Service
from engine.sources.port import PortError
from tests.acceptance.site import free_port
from tests.service.site import Running, load
from tests.sources.rig import adt, enhanced

Site = Callable[[], Running]


@pytest_twisted.ensureDeferred
async def test_a_message_is_acknowledged_mapped_and_delivered(site: Site) -> None:
    running = site()
    running.channel()
    service = await running.start()
    sender = await running.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AA"]
    await running.until(lambda: len(running.bundles()) == 1)
    (bundle,) = running.bundles()
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert "Patient" in kinds
    ledger = await service.store.ledger(verify=True)
    assert ledger.balanced


@pytest_twisted.ensureDeferred
async def test_systemd_is_told_when_every_port_is_open_and_when_it_ends(site: Site) -> None:
    running = site()
    running.channel()
    service = await running.start()
    (ready,) = running.told()
    assert ready.startswith("READY=1\nSTATUS=listening on 127.0.0.1:")
    await service.stop()
    assert running.told() == ["STOPPING=1"]


@pytest_twisted.ensureDeferred
async def test_an_answer_that_waits_for_delivery_comes_when_it_is_delivered(site: Site) -> None:
    running = site()
    running.channel(more="ack:\n  when: delivered\n  timeout: 30s\n")
    await running.start()
    sender = await running.sender()
    sender.send(adt("1", modes=enhanced("AL", "AL")), adt("2"))
    await sender.answered(3)
    assert sorted(sender.codes) == ["AA", "AA", "CA"]
    assert len(running.bundles()) == 2
    again = await running.sender()
    again.send(adt("2"))
    await again.answered(1)
    assert again.codes == ["AA"]
    assert len(running.bundles()) == 2


@pytest.mark.parametrize("processes", [0, 1])
@pytest_twisted.ensureDeferred
async def test_an_answer_that_waits_for_mapping_says_what_mapping_found(
    site: Site, processes: int
) -> None:
    running = site()
    running.engine(f"mapping:\n  processes: {processes}\n")
    running.channel(more="ack:\n  when: mapped\nissues: hold\n")
    await running.start()
    sender = await running.sender()
    bad = adt("2").replace(b"EVN||20240101120000", b"EVN||last Friday")
    sender.send(adt("1"), bad, adt("3"))
    await sender.answered(3)
    assert (sender.codes, sender.ids) == (["AA", "AE", "AA"], ["1", "2", "3"])


@pytest_twisted.ensureDeferred
async def test_a_fault_of_mapping_leaves_no_sender_without_an_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = site()
    running.channel(more="ack:\n  when: mapped\n")
    service = await running.start()

    def fault(*_: object) -> None:
        raise KeyError("Testpatient")

    with monkeypatch.context() as patch:
        patch.setattr(service._conversions, "message", fault)
        sender = await running.sender()
        sender.send(adt("1"))
        await sender.answered(1)
        assert sender.codes == ["AE"]
        (line,) = running.events("message.fault")
        assert (line["fault"], line["message"]) == ("KeyError", 1)
    again = await running.sender()
    again.send(adt("1"), adt("2"))
    await again.answered(2)
    assert again.codes == ["AA", "AA"]


@pytest_twisted.ensureDeferred
async def test_a_resend_after_a_restart_gets_the_answer_of_what_is_delivered_since(
    site: Site,
) -> None:
    running = site()
    running.channel()
    service = await running.start()
    sender = await running.sender()
    sender.send(adt("1", modes=enhanced("NE", "NE")), adt("2"))
    await sender.answered(1)
    await running.until(lambda: len(running.bundles()) == 2)
    await service.stop()
    running.channel(more="ack:\n  when: delivered\n")
    await running.start()
    # stored without an answer by the first process; the second looks into the store
    sender = await running.sender()
    sender.send(adt("1", modes=enhanced("NE", "NE")), adt("2"))
    await sender.answered(1)
    assert sender.codes == ["AA"]
    assert len(running.bundles()) == 2


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken_prevents_the_start_and_leaves_nothing_open(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = site()
        running.channel("north")
        running.channel("south", port=taken.getsockname()[1])
        with pytest.raises(PortError, match="cannot be opened"):
            await running.start()
    assert running.told() == []
    running.channel("south")
    await running.start()  # store and ports are free again


@pytest_twisted.ensureDeferred
async def test_a_store_that_cannot_be_opened_prevents_the_start(site: Site) -> None:
    running = site()
    running.channel()
    (running.folder / "data" / "engine.db").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"engine\.db"):
        await running.start()
    running.service = None


@pytest_twisted.ensureDeferred
async def test_a_reload_opens_and_closes_ports_and_keeps_the_other_connections(site: Site) -> None:
    running = site()
    running.channel("north")
    running.channel("south")
    service = await running.start()
    north, south = await running.sender("north"), await running.sender("south")
    before = dict(service.ports.listening)
    running.channel("north", more="accept:\n  - MSH-9.1 is ORU\n")
    (running.folder / "channels" / "south.yaml").unlink()
    running.channel("west")
    assert await service.reload()
    await south.closed
    assert set(service.ports.listening) == {"north", "west"}
    assert service.ports.listening["north"] == before["north"]
    north.send(adt("1"))
    await north.answered(1)
    assert north.codes == ["AR"]
    west = await running.sender("west")
    west.send(adt("2"))
    await west.answered(1)
    await running.until(lambda: len(running.bundles("west")) == 1)
    told = running.told()
    assert told[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert told[2].startswith("READY=1")


@pytest_twisted.ensureDeferred
async def test_a_wrong_configuration_changes_nothing(site: Site) -> None:
    running = site()
    running.channel("north")
    service = await running.start()
    sender = await running.sender()
    running.channel("north", more="drop:\n  - MSH-9.1 is ADT\n")
    running.channel("south", more="accpt:\n  - MSH-9.1 is ORU\n")
    assert not await service.reload()
    sender.send(adt("1"))
    await sender.answered(1)
    await running.until(lambda: len(running.bundles()) == 1)
    assert set(service.ports.listening) == {"north"}
    assert b"mllp_engine_configuration_last_reload_successful 0.0" in service.metrics.render()


@pytest_twisted.ensureDeferred
async def test_a_reload_that_cannot_open_a_port_changes_nothing(site: Site) -> None:
    running = site()
    running.channel("north")
    service = await running.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running.channel("east")
        running.channel("west", port=taken.getsockname()[1])
        assert not await service.reload()
    assert set(service.ports.listening) == {"north"}
    sender = await running.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    assert sender.codes == ["AA"]


def on_host(running: Running, port: int, host: str) -> None:
    running.channel("north", port=f"{port}\n    host: {host}")  # type: ignore[arg-type]


@pytest_twisted.ensureDeferred
async def test_a_port_changes_its_host_and_the_connections_that_it_had_are_finished(
    site: Site,
) -> None:
    running = site()
    port = free_port()
    on_host(running, port, "127.0.0.1")
    service = await running.start()
    for host in ("0.0.0.0", "127.0.0.1"):
        before = await running.sender()
        on_host(running, port, host)
        assert await service.reload()
        assert service.ports.listening == {"north": f"{host}:{port}"}
        await before.closed
        sender = await running.sender()
        sender.send(adt(host))
        await sender.answered(1)
        assert sender.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_a_host_that_cannot_be_changed_to_leaves_the_old_one_open(site: Site) -> None:
    running = site()
    port = free_port()
    on_host(running, port, "127.0.0.1")
    service = await running.start()
    before = await running.sender()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        on_host(running, port, "0.0.0.0")
        running.channel("west", port=taken.getsockname()[1])
        assert not await service.reload()
    assert service.ports.listening == {"north": f"127.0.0.1:{port}"}
    for sender in (before, await running.sender()):
        sender.send(adt("1"))
        await sender.answered(1)
        assert sender.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_what_a_running_engine_cannot_change_is_refused(site: Site) -> None:
    running = site()
    running.channel("north")
    service = await running.start()
    running.engine("data: elsewhere\n")
    assert not await service.reload()
    assert service.settings.data == running.folder / "data"


@pytest_twisted.ensureDeferred
async def test_a_drain_answers_what_has_come_and_says_so_on_the_console(site: Site) -> None:
    running = site()
    running.channel()
    service = await running.start()
    sender = await running.sender()
    sender.send(*(adt(str(number)) for number in range(200)))
    await sender.answered(1)
    assert (await service.status.ready())["ports"].well
    stopped = ensureDeferred(service.stop())
    assert not (await service.status.ready())["ports"].well
    await sender.closed
    assert set(sender.codes) == {"AA"}
    assert sender.ids == [str(number) for number in range(len(sender.ids))]
    await stopped


@pytest_twisted.ensureDeferred
async def test_a_drain_does_not_wait_for_ever_for_a_sender_inside_a_frame(site: Site) -> None:
    running = site()
    running.channel()
    running.engine("drain: 1s\n")
    service = await running.start()
    sender, other = await running.sender(), await running.sender()
    other.send(adt("1"))
    await other.answered(1)
    sender.transport.write(b"\x0bMSH|^~\\&|HALF|A|FRAME")
    await running.until(lambda: service._budget.partial > 0)
    await service.stop()
    assert sender.codes == []
    assert running.bundles() != []  # what was promised before is delivered in the same drain


@pytest_twisted.ensureDeferred
async def test_a_sender_that_was_silent_before_a_restart_is_so_after_it(site: Site) -> None:
    running = site()
    running.channel("north")
    running.channel("south")
    service = await running.start()
    sender = await running.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    before = silent_since(service)
    await service.stop()
    service = await running.start()
    await running.until(lambda: bool(silent_since(service)))
    assert silent_since(service)["north"] == before["north"]
    sender = await running.sender()
    sender.send(adt("2"))
    await sender.answered(1)
    now = silent_since(service)
    assert now["north"] > before["north"]
    await service._recall()
    assert silent_since(service) == now


@pytest_twisted.ensureDeferred
async def test_a_channel_that_never_heard_a_message_is_silent_since_it_is_listened_to(
    site: Site,
) -> None:
    running = site()
    running.channel("north")
    begin = time.time()
    service = await running.start()
    await running.until(lambda: bool(silent_since(service)))
    started = silent_since(service)
    assert list(started) == ["north"]
    assert begin <= started["north"] <= time.time()
    running.channel("south")
    assert await service.reload()
    await running.until(lambda: "south" in silent_since(service))
    assert silent_since(service)["north"] == started["north"]
    assert silent_since(service)["south"] > started["north"]


@pytest_twisted.ensureDeferred
async def test_nothing_is_expected_of_a_channel_that_was_taken_out_until_it_is_back(
    site: Site,
) -> None:
    running = site()
    running.channel("north")
    running.channel("south")
    service = await running.start()
    await running.until(lambda: len(silent_since(service)) == 2)
    sender = await running.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    heard = silent_since(service)["north"]
    file = running.folder / "channels" / "north.yaml"
    text = file.read_text()
    file.unlink()
    assert await service.reload()
    await running.until(lambda: silent_since(service)["north"] == 0)
    file.write_text(text)
    assert await service.reload()
    await running.until(lambda: silent_since(service)["north"] == heard)
    sender = await running.sender()
    sender.send(adt("2"))
    await sender.answered(1)
    assert silent_since(service)["north"] > heard


@pytest_twisted.ensureDeferred
async def test_a_channel_is_waited_for_also_when_the_store_cannot_say_since_when(
    site: Site,
) -> None:
    running = site()
    running.channel("north")
    service = await running.start()
    service.store.last_received = lambda: fail(StoreError("locked"))  # type: ignore[method-assign]
    running.channel("south")
    assert await service.reload()
    await running.until(lambda: "south" in silent_since(service))
    assert "store.not-read" in running.lines.getvalue()


def silent_since(service: Service) -> dict[str, float]:
    """The time of the last message of each channel that has one."""
    samples = next(iter(service.metrics.last_message.collect())).samples
    return {sample.labels["channel"]: sample.value for sample in samples}


def test_a_message_whose_channel_is_gone_cannot_be_mapped_any_more(site: Site) -> None:
    running = site()
    running.channel("north")
    conversions = Conversions.of(load(running.folder))
    with pytest.raises(MessageError, match="south is no longer configured"):
        conversions.prepared(Work("south", "upsert", adt("1"), 0.0))


@pytest_twisted.ensureDeferred
async def test_a_reload_exchanges_the_deliveries_to_a_server_that_changed(site: Site) -> None:
    running = site()
    server = "servers:\n  clinic:\n    url: http://127.0.0.1:9/fhir\n    timeout: {}s\n"
    running.engine(server.format(1))
    running.channel("north")
    file = running.folder / "channels" / "north.yaml"
    file.write_text(file.read_text() + "  - fhir: clinic\n")
    service = await running.start()
    sender = await running.sender()
    sender.send(adt("1"))
    await sender.answered(1)
    before = dict(service.deliveries._running)
    running.engine(server.format(2))
    assert await service.reload()
    await running.until(lambda: len(service.deliveries.names) == 2)
    after = service.deliveries._running
    assert after["clinic"].loop is not before["clinic"].loop
    assert after["clinic"].senders is not before["clinic"].senders
    assert after["north"].loop is before["north"].loop
    sender.send(adt("2"))
    await sender.answered(2)
    assert sender.codes == ["AA", "AA"]
