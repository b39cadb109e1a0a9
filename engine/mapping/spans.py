"""Lengths of time in a number and a unit, as the scheduling segments give them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from engine.mapping.dates import date_time
from engine.mapping.unconvertible import Unconvertible

#: What senders write for a unit of time (SCH-10, AIS-8; chapter 10 names no table), in seconds.
#: Chapter 10 reads an absent unit as minutes, as do its own examples.
_SECONDS = {
    "": 60,
    "S": 1, "SEC": 1, "SECOND": 1, "SECONDS": 1,
    "M": 60, "MIN": 60, "MINS": 60, "MINUTE": 60, "MINUTES": 60,
    "H": 3600, "HR": 3600, "HRS": 3600, "HOUR": 3600, "HOURS": 3600,
    "D": 86400, "DAY": 86400, "DAYS": 86400,
}  # fmt: skip


def _length(number: str, unit: str) -> timedelta:
    seconds = _SECONDS.get(unit.strip().upper())
    if seconds is None:
        raise Unconvertible("a unit of time that is not known")
    try:
        return timedelta(seconds=float(number) * seconds)
    except (ValueError, OverflowError):
        raise Unconvertible("not a length of time") from None


def later(start: str, number: str, unit: str, zone: tzinfo | None) -> str | None:
    """The FHIR dateTime that comes so much later; nothing of a day without a time."""
    first = date_time(start, zone) if start and number else None
    if first is None or "T" not in first:
        return None
    try:
        return (datetime.fromisoformat(first) + _length(number, unit)).isoformat()
    except OverflowError:
        raise Unconvertible("a time that does not exist") from None


def minutes(number: str, unit: str) -> int | None:
    """A length as whole minutes, or nothing when it is none."""
    whole, rest = divmod(_length(number, unit), timedelta(minutes=1)) if number else (0, None)
    return whole if whole > 0 and not rest else None
