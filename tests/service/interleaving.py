"""One engine, two feeds on four connections, and a server behind which trouble is made."""

from __future__ import annotations

import pathlib
from random import Random

from twisted.internet.defer import ensureDeferred, gatherResults

from engine.config import FhirDestination, Server
from engine.conversion.channels import Conversions, Work
from engine.delivery import Senders
from engine.fhir.outcome import Delivered
from engine.lifecycle import State
from engine.store.search import Search
from engine.store.sqlite import SqliteStore
from tests.service.histories import History
from tests.service.site import Running, load
from tests.service.troubled import pause

ENGINE = """\
mapping:
  processes: {processes}
servers:
  clinic:
    url: {url}
    timeout: {timeout}
    concurrency: 6
"""
TO = "fhir: clinic\n    retry:\n      initial: 0.01\n      limit: 0.1"
_UNDER_WAY = (State.QUEUED, State.SENDING)


class Interleaving:
    """Sends a schedule through the ports of a running engine, and waits for the end of it."""

    def __init__(
        self, running: Running, url: str, dice: Random, *, timeout: float, processes: int = 0
    ) -> None:
        self.running = running
        self._dice = dice
        running.engine(ENGINE.format(url=url, timeout=timeout, processes=processes))

    async def send(self, schedule: dict[str, list[History]], *, restarts: int = 0) -> None:
        """Everything at once; perhaps the engine ends and starts again meanwhile."""
        for channel in schedule:
            self.running.channel(channel, to=TO)
        await self.running.start()
        for part in range(restarts + 1):
            carried = [
                self._carry(channel, _part(history, part, restarts + 1))
                for channel, histories in schedule.items()
                for history in histories
            ]
            await gatherResults([ensureDeferred(one) for one in carried])
            if part < restarts:
                await self._restart()
        await self._settled()

    async def _carry(self, channel: str, messages: History) -> None:
        """One connection's messages, in bursts of some."""
        sender = await self.running.sender(channel)
        for number, message in enumerate(messages, start=1):
            sender.send(message)
            if self._dice.random() < 0.3:
                await sender.answered(number)
        await sender.answered(len(messages))
        assert set(sender.codes) <= {"AA"}
        sender.transport.loseConnection()

    async def _restart(self) -> None:
        """End in the middle of things, and start knowing nothing."""
        assert self.running.service is not None
        await pause(self._dice.random() * 0.2)
        await self.running.service.stop()
        await self.running.start()

    async def _settled(self) -> None:
        assert self.running.service is not None
        store = self.running.service.store
        (to,) = (await store.ledger(verify=False)).deliveries
        while any(to.states[state] for state in _UNDER_WAY):
            await pause(0.02)
            (to,) = (await store.ledger(verify=False)).deliveries
        ledger = await store.ledger(verify=True)
        assert ledger.balanced, ledger.faults
        assert [state for state, count in to.states.items() if count] == [State.DELIVERED]


def _part(history: History, part: int, parts: int) -> History:
    return history[len(history) * part // parts : len(history) * (part + 1) // parts]


async def one_after_the_other(folder: pathlib.Path, base: str) -> None:
    """Deliver what an engine's store holds to another server, in the order of its acceptance."""
    installation = load(folder)
    conversions = Conversions.of(installation)
    senders = Senders({"clinic": Server("clinic", base)})
    sender = senders.sender(FhirDestination("clinic", "clinic"))
    with SqliteStore.reader(installation.configuration.engine.store) as reader:
        stored = [
            Work(message.channel, "upsert", reader.raw(message.id) or b"", message.received_at)
            for message in reversed(reader.find(Search(limit=10_000)))
        ]
    try:
        for number, work in enumerate(stored):
            verdict = await sender.deliver(conversions.prepared(work), delivery_id=number)
            assert isinstance(verdict, Delivered), verdict
    finally:
        await senders.close()
