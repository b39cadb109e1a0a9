"""From raw v2 text to a FHIR primitive, or to a datatype that needs no map of its own.

Each takes the run and a raw text, gives a value or None, and raises ValueError (Unconvertible)
for a text that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.fhir import definitions
from engine.fhir.validity import valid
from engine.hl7v2 import dictionary
from engine.mapping import coding, datatypes
from engine.mapping.made import Body
from engine.mapping.runtime import Run
from engine.mapping.unconvertible import Unconvertible

#: v2 types that are one text, in which a stray separator is only a character.
TEXT = frozenset({"ST", "TX", "FT", "GTS", "SI", "NM", "varies", "VARIES", "*", ""})

#: v2 types that were renamed, or are read in the same way.
FAMILIES = {
    "CE": "CWE", "CF": "CWE", "CNE": "CWE", "TS": "DTM", "DT": "DTM", "PN": "XPN", "CN": "XCN",
    "CNN": "XCN", "PPN": "XCN", "AD": "XAD", "SAD": "XAD", "TN": "XTN", "IS": "CWE", "ID": "CWE",
    "CK": "CX", "DLN": "CX",
}  # fmt: skip

#: FHIR types whose conversions take no separator.
FLAT = definitions.PRIMITIVES


def family(datatype: str) -> str:
    """The v2 type whose maps read this one too."""
    return FAMILIES.get(datatype, datatype)


def nothing(run: Run, v: str) -> None:
    """No value: a rule that was refused when it was compiled."""


def string(run: Run, v: str) -> str | None:
    """A text as it stands; of a structured value its first part."""
    return run.head(v) or None


def code(run: Run, v: str) -> str | None:
    """A code, which must not hold blanks at its ends or in a row (R4 2.24.0.1)."""
    value = run.head(v)
    if not value:
        return None
    return " ".join(value.split())


def identity(run: Run, v: str) -> str | None:
    """An id of FHIR: letters, digits, hyphens and points, 64 of them at most."""
    value = run.head(v)
    if value and not valid("id", value):
        raise Unconvertible("not an id")
    return value or None


def bound_code(run: Run, v: str, codes: frozenset[str]) -> str | None:
    """A code of a required binding: the sender's own must be one of it, whatever the case."""
    value = run.head(v)
    if not value:
        return None
    if value in codes:
        return value
    if value.lower() in codes:
        return value.lower()
    raise Unconvertible("not one of the codes that the element allows")


def date(run: Run, v: str) -> str | None:
    """A date to the precision that was sent; a time is cut off."""
    value = run.head(v)
    return datatypes.date(value) if value else None


def date_time(run: Run, v: str) -> str | None:
    """A dateTime to the precision that was sent; without an offset it has the channel's zone."""
    value = run.head(v)
    return datatypes.date_time(value, run.zone) if value else None


def instant(run: Run, v: str) -> str | None:
    """An instant; a time that is less precise than seconds is none."""
    value = run.head(v)
    return datatypes.instant(value, run.zone) if value else None


def time(run: Run, v: str) -> str | None:
    """A time of day."""
    value = run.head(v)
    return datatypes.time(value) if value else None


def decimal(run: Run, v: str) -> Any:
    """A decimal with the digits of the source."""
    value = run.head(v)
    return datatypes.decimal(value) if value else None


def integer(run: Run, v: str) -> int | None:
    """A whole number."""
    value = run.head(v)
    return datatypes.integer(value) if value else None


def positive_int(run: Run, v: str) -> int | None:
    """A whole number above 0."""
    value = run.head(v)
    return datatypes.positive_int(value) if value else None


def unsigned_int(run: Run, v: str) -> int | None:
    """A whole number, 0 or above."""
    value = run.head(v)
    return datatypes.unsigned_int(value) if value else None


def boolean(run: Run, v: str) -> bool | None:
    """Y or N (table 0136)."""
    value = run.head(v)
    return datatypes.boolean(value) if value else None


def uri(run: Run, v: str) -> str | None:
    """A URI as it stands: one with blanks is none."""
    value = run.head(v)
    if not value:
        return None
    if not valid("uri", value):
        raise Unconvertible("not a URI")
    return value


def text_concept(run: Run, v: str, sep: str) -> Body | None:
    """A text that is a concept by its words alone."""
    text = run.clean(v)
    return {"text": text} if text else None


def coded_concept(run: Run, v: str, sep: str) -> Body | None:
    """A code without a known table."""
    value = run.head(v)
    return {"coding": [{"code": value}]} if value else None


def single_coding(run: Run, v: str, sep: str) -> Body | None:
    """A code without a known table, as a Coding."""
    value = run.head(v)
    return {"code": value} if value else None


def quantity(run: Run, v: str, sep: str) -> Body | None:
    """A bare number as a Quantity."""
    value = run.head(v)
    return {"value": datatypes.decimal(value)} if value else None


def identifier(run: Run, v: str, sep: str) -> Body | None:
    """A bare value as an Identifier; it has no system, and matches nothing."""
    value = run.head(v)
    return {"value": value} if value else None


def annotation(run: Run, v: str, sep: str) -> Body | None:
    """A text as an Annotation."""
    value = run.text(v)
    return {"text": value} if value else None


def display(run: Run, v: str, sep: str) -> Body | None:
    """A text as a Reference that only says a name."""
    value = run.head(v)
    return {"display": value} if value else None


_ANY: dict[str, Callable[..., Any]] = {
    "string": string,
    "markdown": string,
    "code": code,
    "id": identity,
    "date": date,
    "dateTime": date_time,
    "instant": instant,
    "time": time,
    "decimal": decimal,
    "integer": integer,
    "positiveInt": positive_int,
    "unsignedInt": unsigned_int,
    "boolean": boolean,
    "uri": uri,
    "url": uri,
    "canonical": uri,
    "oid": uri,
    "base64Binary": string,
}

_TEXT_ONLY: dict[str, Callable[..., Any]] = {
    "CodeableConcept": text_concept,
    "Coding": single_coding,
    "Quantity": quantity,
    "Duration": quantity,
    "Age": quantity,
    "Money": quantity,
    "Identifier": identifier,
    "Annotation": annotation,
    "Reference": display,
}

_CODED: dict[str, Callable[..., Any]] = {
    "CodeableConcept": coded_concept,
    "Coding": single_coding,
    "Identifier": identifier,
}


_TIMES = frozenset({"date", "dateTime", "instant", "time"})
_NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
_V2_TIMES = frozenset({"DT", "DTM", "TM", "TS"})


def _may(datatype: str, wanted: str) -> bool:
    """Whether a value of a v2 type can be one of a FHIR primitive at all: no name is a date."""
    leaf = dictionary.leaf(datatype)
    composite = leaf != datatype and datatype != "TS"
    if wanted in _TIMES:
        return not composite or leaf in _V2_TIMES
    if wanted in _NUMBERS:
        return leaf not in _V2_TIMES and (not composite or leaf in ("NM", "SI"))
    if wanted == "boolean":
        return leaf not in _V2_TIMES and (not composite or family(datatype) == "CWE")
    return True


def find(datatype: str, wanted: str) -> tuple[Callable[..., Any], bool] | None:
    """The conversion, and whether it takes all repetitions of the field as one text."""
    if wanted in ("string", "markdown") and datatype in TEXT:
        return Run.text, True
    found = _ANY.get(wanted)
    if found is not None:
        return (found, False) if _may(datatype, wanted) else None
    if datatype in TEXT:
        found = _TEXT_ONLY.get(wanted)
    elif family(datatype) == "CWE":
        found = _CODED.get(wanted)
    return (found, wanted == "Annotation") if found is not None else None


__all__ = ["FLAT", "bound_code", "coding", "family", "find", "nothing"]
