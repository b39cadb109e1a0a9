"""What US Core 6.1 asks for and a message can give."""

from __future__ import annotations

from engine.hl7v2.message import Message
from tests.mapping.test_wrong_codes import CONTEXT, MAPPING, PATIENT, first, mapped

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ORDER = "OBR|1||F1|X^x^L|||20260105"


def test_several_races_are_one_extension_with_one_text() -> None:
    made = mapped(PATIENT + "|" * 7 + "2106-3^White^CDCREC~2028-9^Asian^CDCREC", kind="ADT^A08")
    [race] = [e for e in first(made, "Patient")["extension"] if e["url"] == RACE]
    *categories, text = race["extension"]
    assert [item["valueCoding"]["code"] for item in categories] == ["2106-3", "2028-9"]
    assert text == {"url": "text", "valueString": "White, Asian"}


def test_a_laboratory_report_says_so_beside_its_section() -> None:
    made = mapped(PATIENT, ORDER + "|" * 17 + "HM", "OBX|1|NM|Q^q^L||5|g|||||F")
    concepts = first(made, "DiagnosticReport")["category"]
    assert [coding["code"] for item in concepts for coding in item["coding"]] == ["HM", "LAB"]


def test_a_report_of_an_order_without_a_time_has_that_of_its_first_result() -> None:
    made = mapped(PATIENT, "OBR|1||F1|X^x^L", "OBX|1|NM|Q^q^L||5|g|||||F|||20260103")
    assert first(made, "DiagnosticReport")["effectiveDateTime"] == "2026-01-03"


def test_a_result_without_a_value_says_that_it_has_none() -> None:
    made = mapped(PATIENT, ORDER, "OBX|1|NM|Q^q^L|||g|||||F")
    [reason] = first(made, "Observation")["dataAbsentReason"]["coding"]
    assert reason["code"] == "unknown"


def test_a_person_who_enters_something_acts_for_the_sender() -> None:
    made = mapped("EVN||20260105|||77^Muster^Eva", PATIENT, kind="ADT^A08")
    agents = [
        agent
        for item in made.resources
        if item.body["resourceType"] == "Provenance"
        for agent in item.body["agent"]
        if "onBehalfOf" in agent
    ]
    assert agents


def test_a_sender_without_a_name_is_reached_by_its_channel() -> None:
    bare = Message.read(b"MSH|^~\\&|||||||ADT^A08|1|P|2.5.1\rPID|1||7\r")
    made = MAPPING.convert(bare, CONTEXT)
    assert first(made, "MessageHeader")["source"]["endpoint"] == "urn:mllp-engine:ward"
    recorded = {
        item.body["recorded"]
        for item in made.resources
        if item.body["resourceType"] == "Provenance"
    }
    assert recorded == {"2026-01-05T00:00:00+00:00"}
