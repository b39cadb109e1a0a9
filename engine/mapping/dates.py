"""HL7 v2 dates and times (DT, TM, DTM, TS) as FHIR date, dateTime, instant and time.

Precision is kept; where R4 wants more than the sender gave (a time has seconds and an offset)
zeros and the feed's own zone are added. A day that does not exist is never turned into another.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from engine.mapping.unconvertible import Unconvertible

# Chapter 2A, DTM: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]; and the ISO 8601 spelling of
# the same, which many senders write and which can mean nothing else.
_DTM = re.compile(
    r"(?P<year>\d{4})"
    r"(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?P<fraction>\.\d+)?)?)?)?)?)?"
    r"(?P<offset>[+-]\d\d(?:\d\d)?|Z)?",
    re.ASCII,
)
_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>\.\d+)?)?"
    r"(?P<offset>[+-]\d\d(?::?\d\d)?|Z)?)?)?",
    re.ASCII,
)
_TM = re.compile(
    r"(?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?P<fraction>\.\d+)?)?)?"
    r"(?:[+-]\d\d(?::?\d\d)?|Z)?",
    re.ASCII,
)

# TS.2, table 0529: how much of the value counts (2.3 to 2.5 wrote the rest all the same)
_PRECISION = {"L": 4, "Y": 4, "M": 6, "D": 8, "H": 10}

_CACHE = 8192


def date(text: str, precision: str = "") -> str | None:
    """A FHIR date: the day of a time, or the month or year where the sender says no more."""
    if len(text) == 8 and text.isascii() and text.isdigit() and not precision:
        return _day(text)
    found = date_time(text, _NO_ZONE, precision)
    return found and found[:10]


@lru_cache(maxsize=_CACHE)
def date_time(text: str, zone: tzinfo | None, precision: str = "") -> str | None:
    """A FHIR dateTime; a time without an offset is local time in ``zone``."""
    if not text:
        return None
    bare = text.strip()
    # 2020-03 is a month of ISO 8601, and no year with an offset of three hours
    match = (_ISO.fullmatch(bare) if bare[4:5] == "-" else None) or _DTM.fullmatch(bare)
    if match is None:
        raise Unconvertible("not a date or time")
    digits = _PRECISION.get(precision, 14)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if month is None or digits == 4:
        return _year(year)
    if day is None or digits == 6:
        _check(year, month, "01")
        return f"{year}-{month}"
    if hour is None or digits == 8:
        _check(year, month, day)
        return f"{year}-{month}-{day}"
    minute, second, fraction = minute or "00", second or "00", fraction or ""
    if digits == 10:
        minute, second, fraction = "00", "00", ""
    local = _moment(year, month, day, hour, minute, second)
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{fraction}{_offset(offset, local, zone)}"


@lru_cache(maxsize=_CACHE)
def instant(text: str, zone: tzinfo | None) -> str | None:
    """A FHIR instant: a moment. A day alone is none, and which moment of it is not ours to say."""
    found = date_time(text, zone)
    if found is not None and "T" not in found:
        raise Unconvertible("a date without a time, where a moment is needed")
    return found


@lru_cache(maxsize=_CACHE)
def time(text: str) -> str | None:
    """A FHIR time of day; its offset, which a FHIR time cannot have, is left out."""
    if not text:
        return None
    match = _TM.fullmatch(text.strip())
    if match is None:
        raise Unconvertible("not a time of day")
    hour, minute, second = match["hour"], match["minute"] or "00", match["second"] or "00"
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        raise Unconvertible("a time of day that does not exist")
    # HL7's validator takes no fraction in a FHIR time; one of zeros says nothing and is left out
    fraction = match["fraction"] or ""
    return f"{hour}:{minute}:{second}{fraction if fraction.strip('.0') else ''}"


def period(start: str, end: str, zone: tzinfo | None) -> dict[str, str] | None:
    """A FHIR Period of two times (DR, or a start and an end in two fields)."""
    made = {"start": date_time(start, zone), "end": date_time(end, zone)}
    return {key: value for key, value in made.items() if value} or None


# ---------------------------------------------------------------- parts

_NO_ZONE = None


@lru_cache(maxsize=_CACHE)
def _day(text: str) -> str:
    _check(text[:4], text[4:6], text[6:])
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _year(text: str) -> str:
    if text == "0000":
        raise Unconvertible("a year that does not exist")
    return text


def _check(year: str, month: str, day: str) -> None:
    try:
        datetime(int(year), int(month), int(day))
    except ValueError:
        raise Unconvertible("a day that does not exist") from None


def _moment(year: str, month: str, day: str, hour: str, minute: str, second: str) -> datetime:
    # FHIR and HL7 allow the leap second, Python's datetime does not
    shown = 59 if second == "60" else int(second)
    try:
        return datetime(int(year), int(month), int(day), int(hour), int(minute), shown)
    except ValueError:
        raise Unconvertible("a day or time that does not exist") from None


def _offset(written: str | None, local: datetime, zone: tzinfo | None) -> str:
    """The offset as R4 writes it: the sender's, else that of the zone at this local time."""
    if written is None:
        return _zone_offset(local, zone)
    if written == "Z":
        return "Z"
    hours, minutes = int(written[1:3]), int(written[3:].lstrip(":") or 0)
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise Unconvertible("an offset that does not exist")
    return f"{written[0]}{hours:02}:{minutes:02}"


def _zone_offset(local: datetime, zone: tzinfo | None) -> str:
    if zone is None:
        return "Z"
    offset = local.replace(tzinfo=zone).utcoffset() or timedelta()
    # before standard time, zones were off by seconds, which R4 cannot say
    total = round(offset.total_seconds() / 60)
    sign = "-" if total < 0 else "+"
    return f"{sign}{abs(total) // 60:02}:{abs(total) % 60:02}"
