"""One loop per destination: claim, map, send, settle; lanes in parallel, each in its order."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from twisted.internet.defer import Deferred, ensureDeferred

from engine.config import Destination
from engine.delivery import telling
from engine.delivery.attempts import Attempts, Mapper
from engine.delivery.probes import Probes
from engine.delivery.record import DeliveryRecord
from engine.delivery.senders import Sender
from engine.delivery.settling import Settling, settlement
from engine.delivery.telling import Telling
from engine.delivery.turns import Clock, Turns
from engine.destinations.breaker import Probe
from engine.fhir.outcome import LONGEST_PAUSE, Verdict
from engine.lifecycle import Event, State
from engine.store.claims import are_long
from engine.store.records import Claimed, Settlement

#: So many deliveries are begun before the reactor sees to its connections again: mapping is
#: pure computation, some tenths of a millisecond each.
AT_ONCE = 8
#: Claimed and not yet settled, as a multiple of what may be under way.
AHEAD = 3


class Store(telling.Store, Protocol):
    """What the loop needs of the store."""

    def claim(
        self, destination: str, limit: int, now: float, longest: float
    ) -> Deferred[list[Claimed]]:
        """Take deliveries that may be sent now; no pause is longer than ``longest``."""
        ...


class DeliveryLoop:
    """Everything that is under way to one destination.

    ``mapper`` makes messages ready, here or in other processes; ``settled`` is told the state
    of each delivery whose attempt has ended, after the store has committed it.
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        sender: Sender,
        mapper: Mapper,
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
        self._longest = max(destination.retry.limit, LONGEST_PAUSE)
        self._sender = sender
        self._breaker = sender.breaker
        self._mapper = mapper
        self._record = record
        self._clock = clock
        self._settled = settled
        self._now = now
        self._random01 = random01
        self._turns = Turns(clock, now, turn=self._take_turn, wake=self._look)
        self._telling = Telling(store, clock, self._exchange)
        self._settling = Settling(
            self._telling, record, hurry=self._exchange_if_alone, pause=self._turns.pause
        )
        self._attempts = Attempts(sender, mapper, record)
        self._probes = Probes(sender.breaker)
        self._ready: deque[Claimed] = deque()
        self._unsettled = 0  # claimed: ready, being sent, or being settled
        self._more = True  # whether a claim may find something
        self._claiming = False
        self._stopping = False
        self._empty: list[Deferred[None]] = []

    # --- from outside ------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; what the store has queued is found at once."""
        self._breaker.told.append(self._outage)
        self._record.down(self._breaker.is_open)
        self._turns.start()

    def wake(self) -> None:
        """There is new work in the store. May be called for every message: it costs little."""
        if self._more and not self._breaker.room(1):
            return  # that is known, and the time of the next try is set
        self._look()

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
        self._settling.end()
        self._give_back()
        if self._unsettled or self._claiming:
            over = self._clock.callLater(limit, self._attempts.break_off)
            done: Deferred[None] = Deferred()
            self._empty.append(done)
            await done
            if over.active():
                over.cancel()
        if self._outage in self._breaker.told:
            self._breaker.told.remove(self._outage)

    # --- turns -------------------------------------------------------------------------------

    def _look(self) -> None:
        self._more = True
        self._turns.soon()

    def _take_turn(self) -> None:
        self._begin_some()
        if not (self._telling.waits and self._attempts):
            self._exchange()

    def _begin_some(self) -> None:
        if self._breaker.pause and not self._breaker.is_open:
            self._give_back()  # the destination has asked for it: who is ready must wait too
        most = 2 * self._sender.concurrency + self._mapper.ahead
        for _ in range(min(most - len(self._attempts), AT_ONCE, len(self._ready))):
            if not self._ready:
                return  # the first of these has found an outage: the others are given back
            ensureDeferred(self._deliver(self._ready.popleft()))
        if self._ready and len(self._attempts) < most:
            self._turns.soon()

    def _exchange(self) -> None:
        """Tell the store what is over and ask it for more, in one commit."""
        self._telling.flush()
        wanting = len(self._ready) < self._sender.concurrency + self._mapper.ahead
        if self._more and wanting and not (self._claiming or self._stopping):
            self._claim()

    def _exchange_if_alone(self) -> None:
        """At once, when nothing is to come with which it could go."""
        if self._stopping or not self._attempts:
            self._exchange()

    # --- claiming ----------------------------------------------------------------------------

    def _claim(self) -> None:
        most = AHEAD * self._sender.concurrency + self._mapper.ahead
        room = self._breaker.room(most - self._unsettled + len(self._settling))
        if room > 0:
            self._claiming, self._more = True, False
            ensureDeferred(self._take(room, self._breaker.probe()))
        elif self._breaker.pause:
            self._turns.at(self._now() + self._breaker.pause)

    async def _take(self, room: int, probe: Probe | None) -> None:
        found = await self._found(room)
        self._claiming = False
        self._unsettled += len(found)
        self._more = self._more or len(found) == room or are_long(found)
        self._ready.extend(found)
        self._probes.begin(probe, found)
        if self._stopping:
            self._give_back()
        elif probe is None and self._breaker.is_open:
            # An outage began while we claimed: one try is enough to see.
            self._give_back(keep=0 if self._attempts else 1)
        self._turns.soon()
        self._end_if_empty()

    async def _found(self, room: int) -> list[Claimed]:
        try:
            found = await self._store.claim(self.name, room, self._now(), self._longest)
        except Exception as failure:  # whatever it was: the next regular look asks again
            self._record.store_failed("claim", failure)
            return []
        self._record.store_works()
        return found

    # --- one delivery ------------------------------------------------------------------------

    async def _deliver(self, claimed: Claimed) -> None:
        begun = time.perf_counter()
        verdict = await self._attempts.make(claimed)
        self._probes.over(claimed)
        self._turns.soon()
        if verdict is None:
            self._attempts.missing(claimed)
            self._release(claimed, untouched=False)
        else:
            await self._settle(claimed, verdict, time.perf_counter() - begun)

    async def _settle(self, claimed: Claimed, verdict: Verdict, seconds: float) -> None:
        told = settlement(
            claimed,
            verdict,
            self._destination,
            now=self._now(),
            random01=self._random01(),
            outage=self._breaker.is_open,
        )
        if told.event is Event.REFUSED:
            self._breaker.forget(claimed.delivery_id)
        missing = self._attempts.missing(claimed)
        state = await self._settling.write(replace(told, missing=missing) if missing else told)
        self._over()
        if told.not_before is not None:
            self._turns.at(told.not_before)
        if state is not None:
            self._record.settled(claimed, verdict, state, seconds)
            self._settled(claimed.message_id, self.name, state)

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
            self._release(self._ready.pop(), untouched=True)

    def _release(self, claimed: Claimed, *, untouched: bool) -> None:
        self._probes.over(claimed)
        ensureDeferred(self._released(claimed, untouched=untouched))

    async def _released(self, claimed: Claimed, *, untouched: bool) -> None:
        event, now = Event.RELEASED, self._now()
        told = Settlement(claimed.delivery_id, event, now, untouched=untouched)
        await self._settling.write(told)
        self._over()

    def _end_if_empty(self) -> None:
        if not (self._unsettled or self._claiming):
            waiting, self._empty = self._empty, []
            for done in waiting:
                done.callback(None)
