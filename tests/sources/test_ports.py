"""The ports of a configuration, when that changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from engine.sources.ports import Ports
from tests.sources.rig import Rig, Sender, adt, channel_of

OpenPort = Callable[..., Rig]


async def _waiting(rig: Rig) -> tuple[Ports, Sender]:
    """Ports of one channel, which is taken out while a sender waits for its answer."""
    ports = Ports(reactor, reactor, rig.budget, rig.tools)
    ports.use([channel_of()], "hash")
    host, _, number = ports.listening["north"].rpartition(":")
    sender = await connectProtocol(TCP4ClientEndpoint(reactor, host, int(number)), Sender())
    sender.send(adt("1"))
    await rig.until(lambda: rig.store.calls == 1)
    ports.use([], "hash")
    return ports, sender


@pytest_twisted.ensureDeferred
async def test_the_end_waits_for_the_answers_of_a_port_that_was_taken_out(
    open_port: OpenPort,
) -> None:
    rig = open_port()
    with rig.store_on_hold():
        ports, sender = await _waiting(rig)
        over = ports.drain()
        await rig.turn()
        assert not over.called
    await over
    await sender.closed
    assert sender.codes == ["AA"]


@pytest_twisted.ensureDeferred
async def test_an_open_port_has_refused_and_displaced_nobody_yet(open_port: OpenPort) -> None:
    rig = open_port()
    ports = Ports(reactor, reactor, rig.budget, rig.tools)
    ports.use([channel_of()], "hash")
    port = {"port": ports.listening["north"].rpartition(":")[2]}
    sample = rig.metrics.registry.get_sample_value
    assert sample("mllp_engine_connections_displaced_total", port) == 0
    full = {**port, "reason": "too many connections"}
    assert sample("mllp_engine_connections_refused_total", full) == 0
    ports.use([], "hash")
    await ports.drain()


@pytest.mark.parametrize("drained", [True, False])
@pytest_twisted.ensureDeferred
async def test_a_port_that_was_taken_out_is_cut_with_the_others(
    open_port: OpenPort, drained: bool
) -> None:
    rig = open_port()
    with rig.store_on_hold():
        ports, sender = await _waiting(rig)
        over = ports.drain() if drained else None
        ports.cut()
        await sender.closed
        if over is not None:
            await over
    assert sender.codes == []
