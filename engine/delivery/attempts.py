"""One attempt at each delivery: map it, send it, and what both say of it."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from engine.conversion.channels import Work
from engine.conversion.connection import MappingFault, MappingLost
from engine.delivery.record import DeliveryRecord
from engine.delivery.senders import Sender
from engine.errors import MessageError
from engine.fhir.outcome import Dead, Delivered, Hold, Verdict
from engine.mapping.prepared import Prepared
from engine.store.records import Claimed, MissingCodes


class Mapper(Protocol):
    """What makes messages ready for their destinations."""

    #: how many it takes at once before any of them is done
    ahead: int

    def prepared(self, work: Work) -> Deferred[Prepared]:
        """A message as its destination wants it."""
        ...


class Attempts:
    """Those that are under way to one destination; its breaker hears how each has ended."""

    def __init__(self, sender: Sender, mapper: Mapper, record: DeliveryRecord) -> None:
        self._sender = sender
        self._mapper = mapper
        self._record = record
        #: what each waits for: to be mapped, or for its destination
        self._awaited: dict[int, Deferred[Any]] = {}
        self._missing: dict[int, MissingCodes] = {}

    def __len__(self) -> int:
        return len(self._awaited)

    async def make(self, claimed: Claimed) -> Verdict | None:
        """Map and send; None when it was broken off."""
        try:
            prepared = await self._prepared(claimed)
            if isinstance(prepared, Prepared):
                return await self._sent(claimed, prepared)
            return prepared
        except CancelledError:
            return None
        except Exception as fault:  # a fault of ours in one message must not stop the others
            self._record.fault(claimed, fault)
            name = str(fault) if isinstance(fault, MappingFault) else type(fault).__name__
            return Hold(f"a fault of the engine: {name}")
        finally:
            self._awaited.pop(claimed.delivery_id, None)

    def missing(self, claimed: Claimed) -> MissingCodes | None:
        """The codes that its mapping looked for in vain; said once, after the attempt."""
        return self._missing.pop(claimed.delivery_id, None)

    def break_off(self) -> None:
        """Wait for none of them any longer; whether a destination has one is not known."""
        for awaited in list(self._awaited.values()):
            awaited.cancel()

    async def _prepared(self, claimed: Claimed) -> Prepared | Verdict:
        work = Work(claimed.channel, self._sender.write, claimed.raw, claimed.received_at)
        mapping = self._awaited[claimed.delivery_id] = self._mapper.prepared(work)
        try:
            prepared = await mapping
        except MessageError as error:
            return Hold(f"cannot be read any more: {error}")
        except MappingLost as error:
            return Hold(f"cannot be mapped: {error}")
        self._record.mapped(claimed, prepared)
        if prepared.unmapped:
            self._missing[claimed.delivery_id] = MissingCodes(claimed.channel, prepared.unmapped)
        if prepared.reject is not None:
            return Dead(f"rejected by the mapping: {prepared.reject}")
        if prepared.hold is not None:
            return Hold(f"held by the mapping: {prepared.hold}")
        return prepared

    async def _sent(self, claimed: Claimed, prepared: Prepared) -> Verdict:
        async def send() -> Verdict:
            return await self._sender.deliver(
                prepared, delivery_id=claimed.delivery_id, replayed=claimed.replayed
            )

        sending = ensureDeferred(send())
        self._awaited[claimed.delivery_id] = sending
        verdict = await sending
        if prepared.entries or not isinstance(verdict, Delivered):
            # a server is not asked about what became no resource
            self._sender.breaker.heard(verdict, claimed.delivery_id)
        return verdict
