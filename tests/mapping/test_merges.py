"""What the events that merge, move and rename do to patients, accounts and visits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mapping.feeds import resources

NEW = "NEW^^^HOSP&2.16.840.1.113883.19.4&ISO^MR"
OLD = "OLD^^^HOSP&2.16.840.1.113883.19.4&ISO^MR"
Body = dict[str, Any]


def after(event: str, merge: dict[int, str]) -> dict[str, list[Body]]:
    return resources(
        f"ADT^{event}",
        ("PID", {3: NEW, 5: "Testpatient^Anna", 18: "ACC2"}),
        ("MRG", merge),
        ("PV1", {2: "I", 19: "V2", 50: "ALT2"}),
    )


def links(patient: Body) -> list[str]:
    return [link["type"] for link in patient.get("link", ())]


@pytest.mark.parametrize("event", ["A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47", "A48"])
def test_the_record_that_is_replaced_is_retired_and_linked_both_ways(event: str) -> None:
    patient, merged = after(event, {1: OLD})["Patient"]
    assert (patient["active"], links(patient)) == (True, ["replaces"])
    assert (merged["active"], links(merged)) == (False, ["replaced-by"])
    assert merged["link"][0]["other"]["reference"].endswith(reference(patient))
    assert patient["link"][0]["other"]["reference"].endswith(reference(merged))


def reference(body: Body) -> str:
    return "-".join(
        [body["id"][1:9], body["id"][9:13], body["id"][13:17], body["id"][17:21], body["id"][21:]]
    )


def test_the_record_that_is_retired_is_the_one_that_earlier_messages_wrote() -> None:
    (before,) = resources("ADT^A01", ("PID", {3: OLD, 5: "Testpatient^Anna"}))["Patient"]
    _, merged = after("A40", {1: OLD})["Patient"]
    assert merged["id"] == before["id"]


@pytest.mark.parametrize(
    "event", ["A06", "A35", "A41", "A42", "A43", "A44", "A45", "A49", "A50", "A51", "A40", "A18"]
)
def test_a_patient_whose_number_stands_in_both_segments_stays_active(event: str) -> None:
    (patient,) = after(event, {1: NEW, 3: "ACC1", 5: "V1"})["Patient"]
    assert "active" not in patient
    assert links(patient) == []


def test_one_number_of_two_hospitals_is_two_patients() -> None:
    patient, merged = after("A40", {1: "NEW^^^OTHER&2.16.840.1.113883.19.5&ISO^MR"})["Patient"]
    assert patient["identifier"][0]["system"] == "urn:oid:2.16.840.1.113883.19.4"
    assert merged["identifier"][0]["system"] == "urn:oid:2.16.840.1.113883.19.5"


@pytest.mark.parametrize("event", ["A35", "A41", "A49"])
def test_an_account_that_is_merged_or_renumbered_is_closed(event: str) -> None:
    states = {
        account["identifier"][0]["value"]: account["status"]
        for account in after(event, {1: NEW, 3: "ACC1"})["Account"]
    }
    assert states == {"ACC2": "active", "ACC1": "inactive"}


def test_an_account_that_moves_with_its_patient_stays_open() -> None:
    (account,) = after("A44", {1: OLD, 3: "ACC2"})["Account"]
    assert account["status"] == "active"


@pytest.mark.parametrize(
    ("event", "merge", "number"),
    [("A42", {5: "V1"}, "V1"), ("A50", {5: "V1"}, "V1"), ("A51", {6: "ALT1"}, "ALT1")],
)
def test_a_visit_that_is_merged_or_renumbered_becomes_part_of_the_other(
    event: str, merge: dict[int, str], number: str
) -> None:
    found = {body["identifier"][0]["value"]: body for body in after(event, merge)["Encounter"]}
    assert found[number]["status"] == "entered-in-error"
    assert found[number]["partOf"]["reference"].endswith(reference(found["V2"]))


@pytest.mark.parametrize("event", ["A06", "A44", "A45"])
def test_an_earlier_visit_and_one_that_moves_are_not_declared_errors(event: str) -> None:
    (visit,) = after(event, {1: NEW, 5: "V1"})["Encounter"]
    assert visit["identifier"][0]["value"] == "V2"


def test_two_records_of_one_person_that_are_linked_see_each_other() -> None:
    first, second = resources(
        "ADT^A24", ("PID", {3: NEW, 5: "Testpatient^Anna"}), ("PID", {3: OLD, 5: "Testpatient^A"})
    )["Patient"]
    assert links(first) == links(second) == ["seealso"]
    assert first["link"][0]["other"]["reference"].endswith(reference(second))
    assert second["link"][0]["other"]["reference"].endswith(reference(first))
    assert "active" not in first
