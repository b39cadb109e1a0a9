"""Times, lengths of time and how often."""

from __future__ import annotations

from engine.mapping import datatypes, dates, spans
from engine.mapping.made import Body
from engine.mapping.runtime import Run


def repeat(run: Run, code: str, event: str = "") -> Body | None:
    """What a repeat pattern (``Q6H``, ``BID``) and an event (``AC``) say, as Timing.repeat."""
    found = datatypes.repeat_pattern(code) if code else None
    when = datatypes.related_event(event) if event else None
    return {**(found or {}), **(when or {})} or None


def times(run: Run, text: str) -> list[str] | None:
    """Times of day, listed with commas."""
    return datatypes.times_of_day(text) if text else None


def duration(run: Run, text: str) -> Body | None:
    """A length of time such as ``D10``."""
    return datatypes.duration(text)


def at(run: Run, day: str, time: str) -> str | None:
    """A time of day on the day of another time."""
    return dates.date_time(day[:8] + time, run.zone) if len(day) >= 8 and time else None


def later(run: Run, start: str, number: str, unit: str = "") -> str | None:
    """A time so much after another: its number and unit stand in fields of their own."""
    return spans.later(start, number, unit, run.zone)


def earlier(run: Run, end: str, number: str, unit: str = "") -> str | None:
    """A time so much before another."""
    return spans.later(end, "-" + number, unit, run.zone) if number else None


def minutes(run: Run, number: str, unit: str = "") -> int | None:
    """A length of time as whole minutes."""
    return spans.minutes(number, unit)
