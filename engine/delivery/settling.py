"""From the verdict on an attempt to what the store is told."""

from __future__ import annotations

from engine.config import Destination
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict
from engine.lifecycle import Event, backoff, exhausted
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
