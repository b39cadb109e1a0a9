"""A message that says less than an earlier one erases nothing; what it deletes goes alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.merge import merge
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context, Resource
from tests.service.histories import record_number, told

Body = dict[str, Any]
Fields = dict[tuple[str, int], str]

MAPPING = load_library().mapping()
DOCTOR = "%s^Tester^Ada^^^^^^&2.999.3&ISO"
#: Each field makes something of its own of a Patient, an Encounter or a RelatedPerson.
FIELDS: Fields = {
    ("PID", 5): "Testpatient^Anna",
    ("PID", 7): "198001010830",
    ("PID", 8): "F",
    ("PID", 10): "2106-3^White^CDCREC",
    ("PID", 11): "1 Test St^^Testtown",
    ("PID", 13): "555-0100",
    ("PID", 14): "555-0199",
    ("PID", 15): "en",
    ("PID", 16): "M",
    ("PID", 24): "Y",
    ("PV1", 4): "E",
    ("PV1", 7): DOCTOR % 1,
    ("PV1", 8): DOCTOR % 2,
    ("PV1", 9): DOCTOR % 3,
    ("PV1", 10): "MED",
    ("PV1", 14): "7",
    ("PV1", 17): DOCTOR % 4,
    ("PV1", 36): "01",
    ("PV1", 38): "VEG",
    ("PV1", 44): "20260105",
    ("PV1", 45): "20260109",
    ("PV2", 3): "TEST^Observation",
    ("NK1", 4): "2 Test St^^Testtown",
    ("NK1", 5): "555-0101",
    ("NK1", 6): "555-0198",
}


def resources(fields: Fields, kind: str = "ADT^A08^ADT_A01") -> dict[str, Resource]:
    """What a message with these fields says of the three."""
    always = {
        "EVN": {2: "20260105101500"},
        "PID": {3: record_number("S1")},
        "NK1": {1: "1", 2: "Testparent^Eve", 3: "MTH"},
        "PV1": {2: "I", 19: "V1^^^&2.999.2&ISO^VN"},
        "PV2": {1: "WARD^1^A"},
    }
    for (segment, number), value in fields.items():
        always[segment][number] = value
    raw = told(kind, "S1", *always.items())
    mapped = MAPPING.convert(
        Message.read(raw), Context(UTC, datetime(2026, 1, 5, tzinfo=UTC), "ward")
    )
    wanted = ("Patient", "Encounter", "RelatedPerson")
    return {r.body["resourceType"]: r for r in mapped.resources if r.body["resourceType"] in wanted}


FULL = resources(FIELDS)


def in_any_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_any_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((in_any_order(item) for item in value), key=repr)
    return value


def after(said: Fields) -> dict[str, Body]:
    """The three when the full message is followed by one that says this."""
    return {
        kind: in_any_order(merge(FULL[kind].body, stated.body, stated.removed, stated.assumed))
        for kind, stated in resources(said).items()
    }


@given(st.sets(st.sampled_from(sorted(FIELDS))))
def test_what_is_said_again_in_part_changes_nothing(kept: set[tuple[str, int]]) -> None:
    said = {place: FIELDS[place] for place in kept}
    assert after(said) == {kind: in_any_order(full.body) for kind, full in FULL.items()}


@pytest.mark.parametrize(
    ("field", "kind", "path"),
    [
        (("PV1", 45), "Encounter", ("period", "end")),
        (("PV1", 44), "Encounter", ("period", "start")),
        (("PV1", 36), "Encounter", ("hospitalization", "dischargeDisposition")),
        (("PV1", 10), "Encounter", ("serviceType",)),
        (("PID", 11), "Patient", ("address",)),
        (("PID", 16), "Patient", ("maritalStatus",)),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_field_that_is_deleted_takes_its_own_element_and_no_other(
    field: tuple[str, int], kind: str, path: tuple[str, ...], alone: bool
) -> None:
    said: Fields = {field: '""'} if alone else {**FIELDS, field: '""'}
    expected = {kind: in_any_order(full.body) for kind, full in FULL.items()}
    inner = expected[kind]
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    if field == ("PV1", 45):  # the stay goes on
        expected[kind]["status"] = "in-progress"
    assert after(said) == expected


def test_a_number_that_is_deleted_does_not_live_on_beside_one_that_is_stated() -> None:
    said = {("PID", 13): '""', ("PID", 14): "555-0199"}
    (telecom,) = after(said)["Patient"]["telecom"]
    assert telecom["value"] == "555-0199"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("ORU^R01^ORU_R01", "finished"),
        ("ADT^A08^ADT_A01", "finished"),
        ("ADT^A13^ADT_A01", "in-progress"),
    ],
)
def test_a_visit_that_has_ended_is_opened_again_by_an_event_only(kind: str, status: str) -> None:
    held = merge(FULL["Encounter"].body, {"resourceType": "Encounter", "status": "finished"})
    stated = resources({}, kind)["Encounter"]
    assert merge(held, stated.body, stated.removed, stated.assumed)["status"] == status


def test_what_is_inferred_holds_where_nothing_is_known() -> None:
    held = {**FULL["Encounter"].body, "status": "unknown"}
    stated = resources({}, "ORU^R01^ORU_R01")["Encounter"]
    assert merge(held, stated.body, stated.removed, stated.assumed)["status"] == "in-progress"


def test_a_new_period_does_not_end_before_it_starts() -> None:
    held = {"resourceType": "Coverage", "id": "1", "period": {"start": "2025", "end": "2025-12-31"}}
    stated = {"resourceType": "Coverage", "period": {"start": "2026-01-01"}}
    assert merge(held, stated)["period"] == {"start": "2026-01-01"}
