"""Lengths of time in a number and a unit, as the scheduling segments give them."""

from __future__ import annotations

from datetime import UTC

import pytest

from engine.mapping.spans import later, minutes
from engine.mapping.unconvertible import Unconvertible


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        ("45", "min", "2026-01-05T10:45:00+00:00"),
        ("45", "", "2026-01-05T10:45:00+00:00"),
        ("2", "HR", "2026-01-05T12:00:00+00:00"),
        ("-1", "d", "2026-01-04T10:00:00+00:00"),
        ("90", "s", "2026-01-05T10:01:30+00:00"),
    ],
)
def test_a_time_and_a_length_make_another_time(number: str, unit: str, expected: str) -> None:
    assert later("202601051000", number, unit, UTC) == expected


def test_a_day_without_a_time_plus_minutes_is_nothing() -> None:
    assert later("20260105", "45", "min", UTC) is None


def test_an_unknown_unit_is_said_and_not_guessed() -> None:
    with pytest.raises(Unconvertible, match="a unit of time that is not known"):
        later("202601051000", "2", "fortnights", UTC)


@pytest.mark.parametrize(("number", "unit"), [("2", "Testpatient"), ("Testpatient", "min")])
def test_what_is_said_of_a_length_does_not_quote_it(number: str, unit: str) -> None:
    with pytest.raises(Unconvertible) as raised:
        minutes(number, unit)
    assert "Testpatient" not in str(raised.value)


def test_a_length_is_whole_minutes_or_nothing() -> None:
    assert minutes("2", "h") == 120
    assert minutes("90", "s") is None
    assert minutes("0", "min") is None
    assert minutes("", "min") is None
