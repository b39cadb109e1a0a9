"""HL7 v2 order timing (TQ, RI, RPT) as parts of a FHIR Timing."""

from __future__ import annotations

import re
from typing import Any

from engine.mapping.dates import time
from engine.mapping.quantities import decimal, integer
from engine.mapping.unconvertible import Unconvertible

#: The letters of TQ.2 and TQ.3 as UCUM units of time (M is minutes there, L months).
_UNITS = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"}

_DURATION = re.compile(r"([SMHDWL])\s*(\d+)", re.ASCII)
_EVERY = re.compile(r"Q(\d+)([SMHDWL])", re.ASCII)
_TIMES = re.compile(r"(\d+)ID", re.ASCII)
_WEEKDAY = re.compile(r"Q(\d*)J([1-7]+)", re.ASCII)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: Table 0335, repeat patterns that are more than a count: what they say of Timing.repeat.
_PATTERNS: dict[str, dict[str, Any]] = {
    "ONCE": {"count": 1},
    "BID": {"frequency": 2, "period": 1, "periodUnit": "d"},
    "TID": {"frequency": 3, "period": 1, "periodUnit": "d"},
    "QID": {"frequency": 4, "period": 1, "periodUnit": "d"},
    "QD": {"frequency": 1, "period": 1, "periodUnit": "d"},
    "QOD": {"frequency": 1, "period": 2, "periodUnit": "d"},
    "QAM": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN"]},
    "QPM": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["EVE"]},
    "QHS": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]},
    "QSHIFT": {"frequency": 3, "period": 1, "periodUnit": "d"},
    "AC": {"when": ["AC"]}, "PC": {"when": ["PC"]}, "IC": {"when": ["C"]},
    "ACM": {"when": ["ACM"]}, "ACD": {"when": ["ACD"]}, "ACV": {"when": ["ACV"]},
    "PCM": {"when": ["PCM"]}, "PCD": {"when": ["PCD"]}, "PCV": {"when": ["PCV"]},
    "ICM": {"when": ["CM"]}, "ICD": {"when": ["CD"]}, "ICV": {"when": ["CV"]},
}  # fmt: skip

#: Table 0528 as R4 has it in Timing.repeat.when, beside the patterns that name an event.
_EVENTS = frozenset({"HS", "WAKE", "C", "CM", "CD", "CV"})


def related_event(code: str) -> dict[str, Any] | None:
    """What a dose is taken before, with or after (RPT.8, table 0528)."""
    name = code.strip().upper()
    return {"when": [name]} if name in _EVENTS else repeat_pattern(name)


def repeat_pattern(code: str) -> dict[str, Any] | None:
    """What a repeat pattern (RI.1, TQ.2) says of Timing.repeat, or None when only its code can.

    Chapter 4, repeat patterns: ``Q6H``, ``BID``, ``3ID``, ``Q2J15`` (every second week on Monday
    and Friday), ``ACM``. PRN, C and spoken ones stay codes. Unconvertible is raised for a number
    that no integer of FHIR is.
    """
    name = code.strip().upper()
    fixed = _PATTERNS.get(name)
    if fixed is not None:
        return dict(fixed)
    every, times, weekday = (p.fullmatch(name) for p in (_EVERY, _TIMES, _WEEKDAY))
    if every is not None and (period := integer(every[1])):
        return {"frequency": 1, "period": period, "periodUnit": _UNITS[every[2]]}
    if times is not None and (frequency := integer(times[1])):
        return {"frequency": frequency, "period": 1, "periodUnit": "d"}
    if weekday is not None:
        days = [_DAYS[int(day) - 1] for day in sorted(set(weekday[2]))]
        return {"period": integer(weekday[1]) or 1, "periodUnit": "wk", "dayOfWeek": days}
    return None


def times_of_day(text: str) -> list[str] | None:
    """The times of RI.2, ``0730,1200,1800``."""
    return [found for item in text.split(",") if item.strip() and (found := time(item))] or None


def duration(text: str) -> dict[str, Any] | None:
    """A Duration of TQ.3: ``D10`` is ten days. ``X3`` (three times) and ``INDEF`` are none."""
    if not text:
        return None
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None:
        raise Unconvertible("not a length of time")
    unit = _UNITS[match[1]]
    return {
        "value": decimal(match[2]),
        "unit": unit,
        "system": "http://unitsofmeasure.org",
        "code": unit,
    }
