"""HL7 v2 numbers and ranges (NM, SN, NR, NA, MA, OBX-7) as FHIR decimals and quantities.

A decimal keeps the digits of its source (5.10 is not 5.1), so it is JSON text, never a float.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from engine.fhir.uris import ABSENT
from engine.mapping.unconvertible import Unconvertible

Body = dict[str, Any]

_CACHE = 8192

# Chapter 2A, NM: a sign, digits, a decimal point. FHIR's exponent is let through as well.
_NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?", re.ASCII)

_LARGEST = 2**31 - 1


@lru_cache(maxsize=_CACHE)
def digits(text: str) -> str:
    """A number as JSON and FHIR write it: ``.5`` is 0.5, ``+5`` is 5, ``007.10`` is 7.10."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise Unconvertible("not a number")
    sign = "-" if match[1] == "-" else ""
    whole = match[2].lstrip("0") or "0"
    return f"{sign}{whole}{'.' + match[3] if match[3] else ''}{match[4] or ''}"


@lru_cache(maxsize=_CACHE)
def decimal(text: str) -> orjson.Fragment | None:
    """A FHIR decimal with the digits of its source; the same object for the same text."""
    return orjson.Fragment(digits(text).encode()) if text else None


def integer(text: str) -> int | None:
    """A FHIR integer; ``5.0`` is one, ``5.1`` is not."""
    if not text:
        return None
    number = digits(text)
    whole, _, fraction = number.partition(".")
    if "e" in number.lower() or fraction.strip("0"):
        raise Unconvertible("not a whole number")
    if len(whole) > len(str(-_LARGEST)):  # Python itself reads no number of 4,300 digits
        raise Unconvertible("a whole number that is too large")
    value = int(whole)
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise Unconvertible("a whole number that is too large")
    return value


def positive_int(text: str) -> int | None:
    """A FHIR positiveInt: 1 or more."""
    value = integer(text)
    if value is not None and value < 1:
        raise Unconvertible("not a number above 0")
    return value


def unsigned_int(text: str) -> int | None:
    """A FHIR unsignedInt: 0 or more."""
    value = integer(text)
    if value is not None and value < 0:
        raise Unconvertible("a number below 0")
    return value


# table 0136, and what senders write in its place
_TRUTH = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}


def boolean(text: str) -> bool | None:
    """A FHIR boolean of table 0136 (Y, N)."""
    if not text:
        return None
    value = _TRUTH.get(text.strip().lower())
    if value is None:
        raise Unconvertible("neither Y nor N")
    return value


# ---------------------------------------------------------------- SN


class Structured(NamedTuple):
    """What an SN says: the FHIR type that holds it, the value, and the sender's own writing.

    ``original`` is set where the FHIR value says less than the sender did.
    """

    type: str
    value: Any
    original: str = ""


#: FHIR's comparators; ``=`` is what no comparator says
COMPARATORS = frozenset({"<", "<=", ">=", ">"})

_ONE_PIECE = re.compile(r"\s*(<=|>=|<>|<|>|=)?\s*([+-]?[\d.]+)\s*", re.ASCII)


def structured_numeric(
    comparator: str, first: str = "", separator: str = "", second: str = ""
) -> Structured | None:
    """An SN as Quantity, Range, Ratio, or as text where FHIR has no such value.

    Chapter 2A, SN: ``>^100``, ``^100^-^200`` (a range), ``^1^:^128`` and ``^1^/^128`` (a ratio),
    ``^2^+`` (a graded result, which stays text), ``<>^1`` (not equal, text).
    """
    comparator, separator = comparator.strip(), separator.strip()
    if not (comparator or first or separator or second):
        return None
    one_piece = _ONE_PIECE.fullmatch(comparator) if not (first or separator or second) else None
    if one_piece is not None:  # the whole number in the place of the comparator
        comparator, first = one_piece[1] or "", one_piece[2]
    written = comparator + first + separator + second
    try:
        return _structured(comparator, first, separator, second, written)
    except Unconvertible:
        return Structured("string", written)


def _structured(
    comparator: str, first: str, separator: str, second: str, written: str
) -> Structured:
    plain = comparator in ("", "=")
    known = plain or comparator in COMPARATORS
    if first and second and separator == "-":
        value = {"low": {"value": decimal(first)}, "high": {"value": decimal(second)}}
        return Structured("Range", value, "" if plain else written)
    if first and second and separator in (":", "/"):
        numerator: Body = {"value": decimal(first)}
        if comparator in COMPARATORS:
            numerator["comparator"] = comparator
        value = {"numerator": numerator, "denominator": {"value": decimal(second)}}
        return Structured("Ratio", value, "" if known else written)
    if first and not separator and not second and known:
        quantity: Body = {"value": decimal(first)}
        if comparator in COMPARATORS:
            quantity["comparator"] = comparator
        return Structured("Quantity", quantity)
    return Structured("string", written)


def numeric_range(low: str, high: str) -> Body | None:
    """A Range of an NR's two numbers."""
    made = {"low": low, "high": high}
    return {key: {"value": decimal(text)} for key, text in made.items() if text} or None


# ---------------------------------------------------------------- OBX-7


class ReferenceRange(NamedTuple):
    """The ends of a reference range as decimal texts, and the unit that stood with them."""

    low: str | None
    high: str | None
    unit: str = ""


_N = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)"
_UNIT = r"(?P<unit>[%°µμ/A-Za-z].*)?"
_BETWEEN = re.compile(rf"(?P<low>{_N})\s*(?:-|–|—|\bto\b)\s*(?P<high>{_N})\s*{_UNIT}", re.ASCII)
_BOUND = re.compile(
    rf"(?P<sign><=|>=|=<|=>|<|>|≤|≥|\bup to\b|\bbelow\b|\babove\b)\s*(?P<end>{_N})\s*{_UNIT}",
    re.ASCII | re.IGNORECASE,
)
_BRACKETS = {"(": ")", "[": "]"}
_UPPER = frozenset({"<", "<=", "=<", "≤", "up to", "below"})

# Words behind the numbers may be a unit, or turn the range into another ("<130 optimal").
_UNIT_SIGNS = re.compile(r"[/%*^°µμ\d]")
_BARE_UNITS = frozenset(
    ["g", "mg", "kg", "ug", "mcg", "ng", "pg", "l", "dl", "ml", "ul", "fl", "mol", "mmol", "umol",
     "nmol", "pmol", "iu", "miu", "u", "mu", "meq", "mosm", "m", "cm", "mm", "mmhg", "kpa", "bpm",
     "s", "sec", "secs", "seconds", "min", "mins", "minutes", "h", "hr", "hrs", "hours", "d",
     "days", "weeks", "months", "years", "yrs", "cells", "copies", "ratio", "s/co", "index",
     "c", "f", "pH", "ph"]
)  # fmt: skip


@lru_cache(maxsize=_CACHE)
def reference_range(text: str) -> ReferenceRange | None:
    """The ends of a reference range that can be read without guessing, else None.

    ``3.5-5.1 mmol/L``, ``(3.5 - 5.1)``, ``-2 - +2``, ``>60``, ``<= 5``, ``up to 5``. Words, titres,
    decimal commas, ends in the wrong order and text after the numbers that is no unit stay text.
    """
    bare = text.strip()
    if len(bare) > 1 and _BRACKETS.get(bare[0]) == bare[-1]:
        bare = bare[1:-1].strip()
    match = _BETWEEN.fullmatch(bare)
    if match is not None and _is_unit(match["unit"]):
        low, high = digits(match["low"]), digits(match["high"])
        if float(low) > float(high):  # only compared, never kept
            return None
        return ReferenceRange(low, high, match["unit"] or "")
    match = _BOUND.fullmatch(bare)
    if match is not None and _is_unit(match["unit"]):
        end, unit = digits(match["end"]), match["unit"] or ""
        if match["sign"].lower() in _UPPER:
            return ReferenceRange(None, end, unit)
        return ReferenceRange(end, None, unit)
    return None


def _is_unit(text: str | None) -> bool:
    if not text:
        return True
    return " " not in text and (bool(_UNIT_SIGNS.search(text)) or text.lower() in _BARE_UNITS)


# ---------------------------------------------------------------- NA, MA

#: R4 wants the time between two samples, which NA and MA do not hold
_UNKNOWN = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}


def sampled_data(rows: Sequence[Sequence[str]], origin: Body | None = None) -> Body | None:
    """SampledData of an NA (a row of values, or rows of a matrix) or an MA (channels by sample).

    The values of one row stand side by side in time: one dimension each when there are several
    rows. A value that is missing is ``E``, as SampledData.data has it.
    """
    found = [[value.strip() for value in row] for row in rows]
    if not any(any(row) for row in found):
        return None
    width = max(len(row) for row in found)
    dimensions = width if len(found) > 1 else 1
    padded = [row + [""] * (width - len(row) if len(found) > 1 else 0) for row in found]
    data = " ".join(digits(value) if value else "E" for row in padded for value in row)
    return {
        "origin": {"value": 0, **(origin or {})},
        "_period": _UNKNOWN,
        "dimensions": dimensions,
        "data": data,
    }
