"""Whether a text is a value of an R4 primitive type (FHIR 4.0.1, datatypes)."""

from __future__ import annotations

import re

_YEAR = r"(?:[1-9]\d{3}|0\d{2}[1-9]|0\d[1-9]\d|0[1-9]\d{2})"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"

# one level of base64; an unrolled form of the specification's, which backtracks on long input
_BASE64 = r"(?:\s*(?:[0-9a-zA-Z+/=]){4}\s*)+"

#: primitive type -> the pattern that the whole text must match
PATTERNS = {
    "base64Binary": _BASE64,
    "boolean": r"true|false",
    "canonical": r"\S+",
    "code": r"[^\s]+(?:\s[^\s]+)*",
    "date": rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?",
    "dateTime": rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_ZONE})?)?)?",
    "decimal": r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "instant": rf"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}",
    "integer": r"0|-?[1-9]\d*",
    "markdown": r"[\s\S]*\S[\s\S]*",
    "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+",
    "positiveInt": r"[1-9]\d*",
    "string": r"[\s\S]*\S[\s\S]*",
    "time": _CLOCK,
    "unsignedInt": r"0|[1-9]\d*",
    "uri": r"\S+",
    "url": r"\S+",
    "uuid": r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "xhtml": r"[\s\S]*\S[\s\S]*",
}

_COMPILED = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}

# 32-bit signed, as FHIR says of the three kinds of integer
_INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt"})
_LARGEST = 2**31 - 1

# what XML, and so FHIR, cannot hold: control characters but tab, line feed, carriage return
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def valid(type_name: str, text: str) -> bool:
    """Whether a text is a value of the primitive type; dates must exist in the calendar."""
    pattern = _COMPILED.get(type_name)
    if pattern is None:
        return False
    if type_name == "base64Binary":
        return _base64(text)
    if pattern.fullmatch(text) is None or _FORBIDDEN.search(text):
        return False
    if type_name in _INTEGERS:
        return -_LARGEST - 1 <= int(text) <= _LARGEST
    if type_name in ("date", "dateTime", "instant"):
        return real_day(text)
    return True


def real_day(text: str) -> bool:
    """Whether the day of a FHIR date exists: there is no 29 February 2017."""
    if len(text) < 10:
        return True
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if month == 2 and day == 29:
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= _DAYS[month - 1]


def _base64(text: str) -> bool:
    """Whether a text is base64, in time linear in its length (20 MB documents arrive)."""
    dense = "".join(text.split())
    body = dense.rstrip("=")
    padding = len(dense) - len(body)
    return (
        len(dense) % 4 == 0
        and padding <= 2
        and bool(body)
        and _ALPHABET.fullmatch(body) is not None
    )


_ALPHABET = re.compile(r"[0-9A-Za-z+/]*")
