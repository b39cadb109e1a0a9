"""What R4 forbids is moved aside and noted; what it requires and nobody said is unknown."""

from __future__ import annotations

from engine.fhir import definitions
from engine.mapping.library import load_library
from tests.mapping.test_wrong_codes import PATIENT, first, mapped

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ORIGINAL = "http://hl7.org/fhir/StructureDefinition/originalText"


def test_a_visit_that_ends_before_it_starts_keeps_its_end_as_text() -> None:
    visit = "PV1|1|I" + "|" * 42 + "20260105120000+0000|20260104120000+0000"
    made = mapped(PATIENT, visit, kind="ADT^A03")
    period = first(made, "Encounter")["period"]
    assert period["start"] == "2026-01-05T12:00:00+00:00"
    assert "end" not in period
    assert period["extension"] == [{"url": ORIGINAL, "valueString": "2026-01-04T12:00:00+00:00"}]
    assert [str(i.at) for i in made.issues if i.what == "a period ends before it starts"] == ["PV1"]


def test_a_visit_that_ends_on_its_day_is_a_period() -> None:
    visit = "PV1|1|I" + "|" * 42 + "20260105120000+0000|20260105"
    period = first(mapped(PATIENT, visit, kind="ADT^A03"), "Encounter")["period"]
    assert period["end"] == "2026-01-05"


def test_an_organization_has_no_home() -> None:
    order = "ORC|NW|P1" + "|" * 19 + "Clinic^L||(555)5550101^PRN^PH"
    made = mapped(PATIENT, order, "OBR|1|P1||X^x^L", kind="OML^O21^OML_O21")
    [telecom] = [
        telecom
        for item in made.resources
        if item.body["resourceType"] == "Organization"
        for telecom in item.body.get("telecom", ())
    ]
    assert "use" not in telecom
    said = [e["valueCodeableConcept"] for e in telecom["extension"] if "alternate" in e["url"]]
    assert [coding["code"] for concept in said for coding in concept["coding"]] == ["home"]


def test_an_answer_to_no_message_answers_an_unknown_one() -> None:
    response = first(mapped("MSA|AA", kind="ACK"), "MessageHeader")["response"]
    assert response["code"] == "ok"
    assert response["_identifier"]["extension"] == [{"url": ABSENT, "valueCode": "unknown"}]


def test_a_result_that_is_there_is_not_absent() -> None:
    made = mapped(PATIENT, "OBR|1||F1|X^x^L", "OBX|1|NM|Q^q^L||528|umol/L|||||N")
    assert "dataAbsentReason" not in first(made, "Observation")


def test_a_unit_of_money_that_is_no_currency_stays_as_text() -> None:
    made = mapped(PATIENT, "FT1|1|||20260105||CG|X^x^L" + "|" * 15 + "12.50&$", kind="DFT^P03")
    price = first(made, "ChargeItem")["priceOverride"]
    assert "currency" not in price
    assert price["extension"] == [{"url": ORIGINAL, "valueString": "$"}]


def test_a_status_that_r4_cannot_call_unknown_has_a_rule() -> None:
    ruled: dict[tuple[str, str], set[str]] = {}
    needed: dict[tuple[str, str], str] = {}
    for item in load_library().mapping().library.segments.values():
        slot = (item.resource, item.segment if item.per in ("", "segment") else item.per)
        elements = {rule.element.partition(".")[0] for rule in item.rules.values()}
        ruled.setdefault(slot, set()).update(elements)
        if not item.into:
            needed[slot] = item.type
    lacking = [
        f"{slot[0]}.{element.name}, {slot[1]}"
        for slot, kind in needed.items()
        for element in definitions.elements(kind).values()
        if element.required and element.codes and "unknown" not in element.codes
        if element.name not in ruled[slot]
    ]
    assert lacking == []
