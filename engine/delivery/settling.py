"""From the end of an attempt to a state in the store."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from engine.config import Destination
from engine.delivery.record import DeliveryRecord
from engine.delivery.telling import Telling
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict
from engine.lifecycle import Event, State, backoff, exhausted
from engine.store.records import Claimed, Settlement


def settlement(
    claimed: Claimed,
    verdict: Verdict,
    destination: Destination,
    *,
    now: float,
    random01: float,
    outage: bool,
) -> Settlement:
    """The event of a verdict, what is kept of it, and when the next attempt may be made.

    An outage must not use up the attempts of whatever message finds it: what fails in one goes
    back into the queue, behind every other lane, so that the next try is another lane's. What
    fails while the destination serves others is the message's own, whatever it fails by, and
    counts its attempts.
    """
    number, on_dead = claimed.delivery_id, destination.on_dead
    match verdict:
        case Delivered(detail):
            return Settlement(number, Event.ACCEPTED, now, detail)
        case Dead(detail):
            return Settlement(number, Event.REFUSED, now, detail, on_dead=on_dead)
        case Hold(detail):
            return Settlement(number, Event.HELD, now, detail)
        case Down(reason) | Retry(reason) if outage:
            event = Event.RELEASED
            return Settlement(number, event, now, reason, not_before=now, untouched=True)
        case Down(reason) | Retry(reason) if exhausted(claimed.attempt, destination.retry):
            detail = f"given up after {claimed.attempt} attempts: {reason}"
            return Settlement(number, Event.REFUSED, now, detail, on_dead=on_dead)
        case Down(reason) | Retry(reason):
            after = verdict.after if isinstance(verdict, Retry) else None
            pause = backoff(claimed.attempt, destination.retry, random01, retry_after=after)
            return Settlement(number, Event.RETRYABLE, now, reason, not_before=now + pause)


class Settling:
    """Has settlements written down, however often the store must be asked.

    ``hurry`` is called when nothing is to come with which a settlement could go; ``pause`` gives
    the store its time after it has failed.
    """

    def __init__(
        self,
        telling: Telling,
        record: DeliveryRecord,
        *,
        hurry: Callable[[], None],
        pause: Callable[[], Deferred[None]],
    ) -> None:
        self._telling = telling
        self._record = record
        self._hurry = hurry
        self._pause = pause
        self._ending = False
        self._under_way = 0

    def __len__(self) -> int:
        return self._under_way

    def end(self) -> None:
        """Ask the store but once more for each: what it does not take is queued at a restart."""
        self._ending = True
        self._telling.flush()

    async def write(self, told: Settlement) -> State | None:
        """The state that the store has committed; None when the engine ends before."""
        self._under_way += 1
        try:
            while True:
                try:
                    settled = self._telling.settle(told)
                    self._hurry()
                    return await settled
                except Exception as failure:  # a fault of ours too: the next time may be better
                    self._record.store_failed("settle", failure)
                if self._ending:
                    return None
                await self._pause()
        finally:
            self._under_way -= 1
