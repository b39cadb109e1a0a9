"""What stays open of US Core has a reason, and one that is the message's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mapping.guide import table
from tests.mapping.test_wrong_codes import mapped
from tests.services.r4 import Finding
from tests.us_core import reason, tally

ROWS = table("us_core.tsv")
SAID = [row for row in ROWS if row["message"]]
SILENT = "Patient: Patient.gender: minimum required = 1, but only found 0"


def test_each_row_is_one_cause_with_a_reason() -> None:
    assert all(row["why"] and int(row["count"]) for row in ROWS)
    assert len({(row["place"], row["rule"]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", SAID, ids=lambda row: f"{row['place']} {row['rule']}")
def test_a_message_that_says_what_others_lack_has_it(row: dict[str, str]) -> None:
    """So the element is missing because the field is."""
    kind, *segments = row["message"].split(";")
    bodies = [item.body for item in mapped(*segments, kind=kind).resources]
    resource, *path = row["path"].split(".")
    assert any(stands(body, path) for body in bodies if body["resourceType"] == resource)


def stands(value: Any, path: list[str]) -> bool:
    """Whether something stands at a path, in any item of a list."""
    if isinstance(value, list):
        return any(stands(item, path) for item in value)
    if not path:
        return True
    return isinstance(value, dict) and path[0] in value and stands(value[path[0]], path[1:])


def test_an_error_is_told_by_its_place_and_its_rule() -> None:
    place, _, words = SILENT.partition(": ")
    known = Finding("m.json", "error", f"Bundle.entry[1].resource/*{place}/m1*/", "", words)
    assert "PID-8" in reason(known)
    assert reason(known._replace(message="Patient.birthDate: max")) == ""
    assert reason(known._replace(location="Bundle.entry[1].resource/*Group/m1*/")) == ""
    assert tally([known])[-1] == "1 errors of 1 causes are explained"
    assert tally([]) == []
