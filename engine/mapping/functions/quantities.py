"""Numbers: ranges, comparators, series."""

from __future__ import annotations

import orjson

from engine.mapping import datatypes
from engine.mapping.made import Body
from engine.mapping.runtime import Run
from engine.mapping.unconvertible import Unconvertible


def low(run: Run, text: str) -> Body | None:
    """The lower end of a reference range that can be read, as a Quantity."""
    found = datatypes.reference_range(text) if text else None
    return _end(found.low, found.unit) if found else None


def high(run: Run, text: str) -> Body | None:
    """The upper end of a reference range that can be read, as a Quantity."""
    found = datatypes.reference_range(text) if text else None
    return _end(found.high, found.unit) if found else None


def _end(digits: str | None, unit: str) -> Body | None:
    if digits is None:
        return None
    made: Body = {"value": orjson.Fragment(digits.encode())}
    return {**made, "unit": unit} if unit else made


def one_piece(run: Run, text: str) -> Body | None:
    """A number with its comparator in one text (``>5``), as a Quantity."""
    found = datatypes.structured_numeric(text) if text else None
    if found is not None and found.type != "Quantity":
        raise Unconvertible("no number, nor one after <, <=, > or >=")
    return found.value if found is not None else None


def samples(run: Run, raw: str) -> Body | None:
    """The values of an NA or MA, as SampledData: repetitions are rows."""
    rows = [[run.clean(value) for value in row.split(run.C)] for row in raw.split(run.R)]
    return datatypes.sampled_data(rows)
