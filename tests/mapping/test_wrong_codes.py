"""What a sender says wrongly stays visible, under no system that does not have it, and is noted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context, Mapped

STANDARD = Path(__file__).parents[2] / "mappings" / "standard"
MAPPING = load_library().mapping()
CONTEXT = Context(UTC, datetime(2026, 1, 5, tzinfo=UTC), "ward")
HEAD = "MSH|^~\\&|A|B|C|D|20260105||{}|1|P|2.5.1"
PATIENT = "PID|1||7^^^X"
FOREIGN = "a code is not in the code system that it is sent under"


def mapped(*segments: str, kind: str = "ORU^R01^ORU_R01") -> Mapped:
    text = "\r".join((HEAD.format(kind), *segments)) + "\r"
    return MAPPING.convert(Message.read(text.encode()), CONTEXT)


def first(made: Mapped, kind: str) -> dict[str, Any]:
    return next(item.body for item in made.resources if item.body["resourceType"] == kind)


def result(value: str) -> Mapped:
    return mapped(PATIENT, "OBR|1||F1|X^x^L", f"OBX|1|CWE|Q^q^L||{value}||||||F")


def test_a_code_that_its_table_lacks_is_the_senders_own() -> None:
    made = result("UNK^unknown^HL70136")
    [coding] = first(made, "Observation")["valueCodeableConcept"]["coding"]
    assert coding == {
        "code": "UNK", "display": "unknown", "system": "urn:mllp-engine:ward:HL70136",
    }  # fmt: skip
    assert [str(issue.at) for issue in made.issues if issue.what == FOREIGN] == ["OBX-5"]


def test_a_code_of_its_table_keeps_it_without_a_word() -> None:
    made = result("Y^yes^HL70136")
    [coding] = first(made, "Observation")["valueCodeableConcept"]["coding"]
    assert coding["system"] == "http://terminology.hl7.org/CodeSystem/v2-0136"
    assert FOREIGN not in [issue.what for issue in made.issues]


def test_of_a_system_that_is_not_listed_whole_nothing_is_denied() -> None:
    made = result("99999-9^no such^LN")
    [coding] = first(made, "Observation")["valueCodeableConcept"]["coding"]
    assert coding["system"] == "http://loinc.org"


def test_a_trigger_event_of_a_site_is_no_event_of_table_0003() -> None:
    event = first(mapped(PATIENT, kind="ADT^Z01"), "MessageHeader")["eventCoding"]
    assert event == {"code": "Z01", "display": "ADT^Z01"}


def test_an_arc_of_the_standards_bodies_is_no_system() -> None:
    [coding] = first(result("5^five^1.4"), "Observation")["valueCodeableConcept"]["coding"]
    assert coding["system"] == "urn:mllp-engine:ward:1.4"


def test_a_language_stands_alone_and_the_senders_codes_beside_it() -> None:
    patient = first(mapped(PATIENT + "|" * 12 + "E^English^HL70296"), "Patient")
    language = patient["communication"][0]["language"]
    assert [coding["code"] for coding in language["coding"]] == ["en"]
    assert language["text"] == "English"
    [other] = language["extension"]
    assert other["url"] == "http://hl7.org/fhir/StructureDefinition/alternate-codes"
    assert [coding["code"] for coding in other["valueCodeableConcept"]["coding"]] == ["E"]


def test_a_language_that_nobody_knows_stays_as_text() -> None:
    patient = first(mapped(PATIENT + "|" * 12 + "1201"), "Patient")
    language = patient["communication"][0]["language"]
    assert "coding" not in language
    assert language["text"] == "1201"


def test_a_status_outside_of_a_required_binding_is_noted_and_not_sent() -> None:
    problem = "PRB|AD|20260105|I10^Hypertension^I10|P1||||||||||{}"
    made = mapped(PATIENT, problem.format("NOSUCH"), kind="PPR^PC1")
    assert "clinicalStatus" not in first(made, "Condition")
    assert [item for item in made.unmapped if item[1] == "NOSUCH"]


def test_no_rule_puts_a_field_under_an_hl7_table_unasked() -> None:
    """``table(PATH, =0909)`` asks whether the table has the code; a constant does not."""
    constant = "is: =http://terminology.hl7.org/CodeSystem/v2-"
    beside = "system: =http://terminology.hl7.org/CodeSystem/v2-"
    unasked = [
        file.name
        for file in STANDARD.rglob("*.yaml")
        if constant in (text := file.read_text(encoding="utf-8")) or beside in text
    ]
    assert unasked == []


def test_an_oid_of_another_system_than_the_name_says_is_kept_beside_the_code() -> None:
    made = result("X^x^L^^^^^^^^^^^2.999.7.1")
    [coding] = first(made, "Observation")["valueCodeableConcept"]["coding"]
    assert coding["extension"] == [
        {"url": "urn:mllp-engine:component:codingSystemOid", "valueString": "2.999.7.1"}
    ]


def test_an_oid_of_the_same_system_says_nothing_new() -> None:
    for value in ("N^no^HL70136^^^^^^^^^^^2.16.840.1.113883.12.136",
                  "718-7^Hb^LN^^^^^^^^^^^2.16.840.1.113883.6.1"):  # fmt: skip
        [coding] = first(result(value), "Observation")["valueCodeableConcept"]["coding"]
        assert "extension" not in coding


def test_the_oid_of_an_hl7_table_is_the_table() -> None:
    [coding] = first(result("N^no^2.16.840.1.113883.12.136"), "Observation")[
        "valueCodeableConcept"
    ]["coding"]
    assert coding["system"] == "http://terminology.hl7.org/CodeSystem/v2-0136"
