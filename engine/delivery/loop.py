"""One loop per destination: claim, map, send, settle; lanes in parallel, each in its order."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from engine.config import Destination
from engine.delivery.record import DeliveryRecord
from engine.delivery.senders import Sender
from engine.delivery.settling import settlement
from engine.delivery.turns import Clock, Turns
from engine.errors import MessageError, StoreError
from engine.fhir.outcome import Dead, Hold, Verdict
from engine.lifecycle import Event, State
from engine.mapping.result import Mapped
from engine.store.records import Claimed, MissingCodes, Settlement

#: So many deliveries are begun before the reactor sees to its connections again: mapping is
#: pure computation, some tenths of a millisecond each.
AT_ONCE = 8
#: Claimed and not yet settled, as a multiple of what may be under way.
AHEAD = 3


class Store(Protocol):
    """What the loop needs of the store."""

    def claim(self, destination: str, limit: int, now: float) -> Deferred[list[Claimed]]:
        """Take deliveries that may be sent now."""
        ...

    def settle(
        self,
        delivery_id: int,
        event: Event,
        *,
        now: float,
        detail: str = "",
        not_before: float | None = None,
        on_dead: str = "continue",
        missing: MissingCodes | None = None,
    ) -> Deferred[State]:
        """Say what came of one."""
        ...


class DeliveryLoop:
    """Everything that is under way to one destination.

    ``convert`` makes of a claimed message its resources; ``settled`` is told the state of each
    delivery whose attempt has ended, after the store has committed it.
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        sender: Sender,
        convert: Callable[[Claimed], Mapped],
        *,
        record: DeliveryRecord,
        clock: Clock,
        settled: Callable[[int, str, State], None] = lambda *_: None,
        now: Callable[[], float] = time.time,
        random01: Callable[[], float] = random.random,
    ) -> None:
        self.name = destination.name
        self._store = store
        self._destination = destination
        self._sender = sender
        self._breaker = sender.breaker
        self._convert = convert
        self._record = record
        self._clock = clock
        self._settled = settled
        self._now = now
        self._random01 = random01
        self._turns = Turns(clock, now, turn=self._take_turn, wake=self._look)
        self._limit = AHEAD * sender.concurrency
        self._ready: deque[Claimed] = deque()
        self._sending: dict[int, Deferred[Verdict] | None] = {}
        self._missing: dict[int, MissingCodes] = {}  # of deliveries under way
        self._unsettled = 0  # claimed: ready, being sent, or being settled
        self._more = True  # whether a claim may find something
        self._claiming = False
        self._stopping = False
        self._store_failed = False
        self._empty: list[Deferred[None]] = []

    # --- from outside ------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; what the store has queued is found at once."""
        self._breaker.told.append(self._outage)
        self._turns.start()

    def wake(self) -> None:
        """There is new work in the store. May be called for every message: it costs little."""
        if self._more and not self._breaker.room(1):
            return  # that is known, and the time of the next try is set
        self._look()

    def _look(self) -> None:
        self._more = True
        self._turns.soon()

    @property
    def under_way(self) -> int:
        """How many deliveries are claimed and not settled."""
        return self._unsettled

    async def drain(self, limit: float) -> None:
        """Claim nothing more, let end what is being sent, leave the rest in the queue.

        What has not ended after ``limit`` seconds is broken off; whether its destination has it
        is not known, and it will be sent again.
        """
        self._stopping = True
        self._turns.stop()
        self._give_back()
        if self._unsettled or self._claiming:
            over = self._clock.callLater(limit, self._break_off)
            done: Deferred[None] = Deferred()
            self._empty.append(done)
            await done
            if over.active():
                over.cancel()
        if self._outage in self._breaker.told:
            self._breaker.told.remove(self._outage)

    # --- claiming ----------------------------------------------------------------------------

    def _take_turn(self) -> None:
        self._begin_some()
        wanting = len(self._ready) < self._sender.concurrency
        if self._more and wanting and not self._claiming:
            self._claim()

    def _begin_some(self) -> None:
        free = self._sender.concurrency - len(self._sending)
        for _ in range(min(free, AT_ONCE, len(self._ready))):
            ensureDeferred(self._deliver(self._ready.popleft()))
        if self._ready and len(self._sending) < self._sender.concurrency:
            self._turns.soon()

    def _claim(self) -> None:
        room = self._breaker.room(self._limit - self._unsettled)
        if room > 0:
            self._breaker.probe()
            self._claiming, self._more = True, False
            ensureDeferred(self._take(room))
        elif self._breaker.until > self._now():
            self._turns.at(self._breaker.until)

    async def _take(self, room: int) -> None:
        found = await self._found(room)
        self._claiming = False
        self._unsettled += len(found)
        self._more = self._more or len(found) == room
        self._ready.extend(found)
        if not found:
            self._breaker.not_probed()
        if self._stopping or self._breaker.is_open:
            # It ended, or an outage began, while we claimed: one try is enough to see.
            self._give_back(keep=0 if self._stopping or self._sending else 1)
        self._turns.soon()
        self._end_if_empty()

    async def _found(self, room: int) -> list[Claimed]:
        try:
            found = await self._store.claim(self.name, room, self._now())
        except StoreError as failure:
            self._store_fails("claim", failure)
            return []
        self._store_failed = False
        return found

    def _store_fails(self, doing: str, failure: StoreError) -> None:
        """Said once; the next regular look asks again."""
        if not self._store_failed:
            self._store_failed = True
            self._record.store_failed(doing, failure)

    # --- one delivery ------------------------------------------------------------------------

    async def _deliver(self, claimed: Claimed) -> None:
        begun = time.perf_counter()
        self._sending[claimed.delivery_id] = None
        verdict = await self._attempt(claimed)
        del self._sending[claimed.delivery_id]
        self._turns.soon()
        if verdict is None:
            self._missing.pop(claimed.delivery_id, None)
            self._release(claimed)
        else:
            await self._settle(claimed, verdict, time.perf_counter() - begun)

    async def _attempt(self, claimed: Claimed) -> Verdict | None:
        """Map and send; None when it was broken off."""
        try:
            mapped = self._mapped(claimed)
            return mapped if not isinstance(mapped, Mapped) else await self._send(claimed, mapped)
        except CancelledError:
            return None
        except Exception as fault:  # a fault of ours in one message must not stop the others
            self._record.fault(claimed, fault)
            return Hold(f"a fault of the engine: {type(fault).__name__}")

    def _mapped(self, claimed: Claimed) -> Mapped | Verdict:
        begun = time.perf_counter()
        try:
            mapped = self._convert(claimed)
        except MessageError as error:
            return Hold(f"cannot be read any more: {error}")
        self._record.mapped(claimed, mapped, time.perf_counter() - begun)
        if mapped.unmapped:
            codes = tuple(dict.fromkeys(mapped.unmapped))
            self._missing[claimed.delivery_id] = MissingCodes(claimed.channel, codes)
        if mapped.reject is not None:
            return Dead(f"rejected by the mapping: {mapped.reject}")
        if mapped.hold is not None:
            return Hold(f"held by the mapping: {mapped.hold}")
        return mapped

    async def _send(self, claimed: Claimed, mapped: Mapped) -> Verdict:
        async def send() -> Verdict:
            return await self._sender.deliver(mapped, delivery_id=claimed.delivery_id)

        sending = self._sending[claimed.delivery_id] = ensureDeferred(send())
        verdict = await sending
        self._breaker.heard(verdict)
        return verdict

    # --- settling ----------------------------------------------------------------------------

    async def _settle(self, claimed: Claimed, verdict: Verdict, seconds: float) -> None:
        told = settlement(
            claimed,
            verdict,
            self._destination,
            now=self._now(),
            random01=self._random01(),
            outage=self._breaker.is_open,
        )
        state = await self._stored(told, self._missing.pop(claimed.delivery_id, None))
        self._over()
        if told.not_before is not None:
            self._turns.at(told.not_before)
        if state is not None:
            self._record.settled(claimed, verdict, state, seconds)
            self._settled(claimed.message_id, self.name, state)

    async def _stored(self, told: Settlement, missing: MissingCodes | None = None) -> State | None:
        """Have it written down, as soon as the store can; None when the engine ends before."""
        while True:
            try:
                return await self._store.settle(
                    told.delivery_id,
                    told.event,
                    now=told.now,
                    detail=told.detail,
                    not_before=told.not_before,
                    on_dead=told.on_dead,
                    missing=missing,
                )
            except StoreError as failure:
                self._store_fails("settle", failure)
            if self._stopping:
                return None  # at the next start it is queued again
            await self._turns.pause()

    def _over(self) -> None:
        """One is settled: its lane may go on."""
        self._unsettled -= 1
        self._look()
        self._end_if_empty()

    # --- outages and the end -----------------------------------------------------------------

    def _outage(self, reason: str) -> None:
        """An outage began, with a reason; or ended."""
        self._record.outage(self._breaker.name, reason)
        if reason:
            self._give_back()
        self._look()

    def _give_back(self, keep: int = 0) -> None:
        """Put what is claimed and not begun back into the queue."""
        while len(self._ready) > keep:
            self._release(self._ready.pop())

    def _release(self, claimed: Claimed) -> None:
        ensureDeferred(self._released(claimed))

    async def _released(self, claimed: Claimed) -> None:
        await self._stored(Settlement(claimed.delivery_id, Event.RELEASED, self._now()))
        self._over()

    def _break_off(self) -> None:
        for sending in list(self._sending.values()):
            if sending is not None:
                sending.cancel()

    def _end_if_empty(self) -> None:
        if not (self._unsettled or self._claiming):
            waiting, self._empty = self._empty, []
            for done in waiting:
                done.callback(None)
