"""What US Core 6.1 asks for and a message can give."""

from __future__ import annotations

from typing import Any

import pytest

from engine.hl7v2.message import Message
from tests.mapping.test_wrong_codes import CONTEXT, HEAD, MAPPING, PATIENT, first, mapped

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ORDER = "OBR|1||F1|X^x^L|||20260105"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


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


def race(value: str) -> dict[str, list[Any]]:
    made = first(mapped(PATIENT + "|" * 7 + value, kind="ADT^A08"), "Patient")
    [extension] = made["extension"]
    found: dict[str, list[Any]] = {}
    for item in extension["extension"]:
        url, given = item.values()
        found.setdefault(url.rpartition("/")[2], []).append(given)
    return found


def test_a_race_of_the_long_list_is_a_detail_and_no_category() -> None:
    said = race("2131-1^Other Race^CDCREC~2034-7^Chinese^CDCREC~2106-3^White^CDCREC")
    assert [coding["code"] for coding in said["ombCategory"]] == ["2106-3"]
    assert [coding["code"] for coding in said["detailed"]] == ["2131-1", "2034-7"]
    assert said["text"] == ["Other Race, Chinese, White"]


def test_a_race_in_the_senders_own_code_stays_beside_the_categories() -> None:
    said = race("W^White^L~C~2186-5^Not Hispanic^CDCREC")
    assert [coding["code"] for coding in said["ombCategory"]] == ["2106-3"]
    kept = [concept["coding"][0]["code"] for concept in said["alternate-codes"]]
    assert kept == ["W", "C", "2186-5"]
    assert "detailed" not in said


def test_an_ethnicity_in_the_senders_own_code_stays_beside_the_categories() -> None:
    made = first(mapped(PATIENT + "|" * 19 + "NE~2148-5^Mexican^CDCREC", kind="ADT^A08"), "Patient")
    [extension] = made["extension"]
    urls = [item["url"].rpartition("/")[2] for item in extension["extension"]]
    assert urls == ["detailed", "alternate-codes", "text"]


def test_of_two_ethnicities_one_is_the_category() -> None:
    made = first(
        mapped(PATIENT + "|" * 19 + "N^No^HL70189~U^Unk^HL70189", kind="ADT^A08"), "Patient"
    )
    [extension] = made["extension"]
    category, kept, text = extension["extension"]
    assert category["valueCoding"]["code"] == "2186-5"
    assert kept["valueCodeableConcept"]["coding"][0]["code"] == "U"
    assert text["valueString"] == "No, Unk"


def test_a_race_that_only_a_text_tells_is_that_text() -> None:
    assert race("^" * 8 + "Pacific")["text"] == ["Pacific"]


@pytest.mark.parametrize("name", ["^^^^^^S", "^^^^Dr"])
def test_a_name_without_its_parts_says_that_they_are_not_known(name: str) -> None:
    [said] = first(mapped(PATIENT + "||" + name, kind="ADT^A08"), "Patient")["name"]
    assert said["extension"] == [{"url": ABSENT, "valueCode": "unknown"}]


def test_a_name_with_one_of_its_parts_is_known() -> None:
    [said] = first(mapped(PATIENT + "||^Eva", kind="ADT^A08"), "Patient")["name"]
    assert said == {"given": ["Eva"]}


@pytest.mark.parametrize(
    ("address", "state"),
    [
        ("^^^13^30301^^^^13121", "GA"),
        ("^^^13^30301^USA", "GA"),
        ("^^^13^30301", "13"),
        ("^^^13^13001^FRA^^^13001", "13"),
        ("^^^03^30301^USA", "03"),
        ("^^^GA^30301^USA", "GA"),
    ],
)
def test_a_state_by_its_number_is_its_two_letters_where_it_can_be_no_other(
    address: str, state: str
) -> None:
    [said] = first(mapped(PATIENT + "|" * 8 + address, kind="ADT^A08"), "Patient")["address"]
    assert said["state"] == state


def test_the_number_of_a_state_stands_beside_its_letters() -> None:
    made = mapped(PATIENT + "|" * 8 + "^^^13^30301^^^^13121", kind="ADT^A08")
    [address] = first(made, "Patient")["address"]
    [kept] = address["_state"]["extension"]
    assert kept["valueCodeableConcept"]["coding"] == [
        {"code": "13", "system": "urn:oid:2.16.840.1.113883.6.92"}
    ]


def test_a_result_of_blanks_alone_says_that_it_has_no_value() -> None:
    made = mapped(PATIENT, ORDER, "OBX|1|ST|Q^q^L|| ||||||F")
    assert "dataAbsentReason" in first(made, "Observation")


def test_a_result_names_the_section_of_its_laboratory_beside_its_category() -> None:
    made = mapped(PATIENT, ORDER + "|" * 17 + "LAB", "OBX|1|NM|Q^q^L||5|g|||||F")
    codings = [c for item in first(made, "Observation")["category"] for c in item["coding"]]
    assert [(c["system"].rpartition("/")[2], c["code"]) for c in codings] == [
        ("observation-category", "laboratory"),
        ("v2-0074", "LAB"),
    ]


def test_a_section_that_no_table_has_is_no_category_of_us_core() -> None:
    made = mapped(PATIENT, ORDER + "|" * 17 + "XYZ", "OBX|1|NM|Q^q^L||5|g|||||F")
    assert first(made, "Observation")["category"] == [{"coding": [{"code": "XYZ"}]}]


@pytest.mark.parametrize(("code", "laboratory"), [("600-7", True), ("68991-9", False)])
def test_a_public_health_laboratory_tells_by_its_profile_what_its_reports_are(
    code: str, laboratory: bool
) -> None:
    head = HEAD.format("ORU^R01^ORU_R01") + "|" * 9 + "PHLabReport-NoAck^ELR"
    text = "\r".join((head, PATIENT, f"OBR|1||F1|{code}^x^LN", "OBX|1|NM|Q^q^L||5|g|||||F"))
    made = MAPPING.convert(Message.read(text.encode()), CONTEXT)
    for kind in ("DiagnosticReport", "Observation"):
        assert ("category" in first(made, kind)) is laboratory


@pytest.mark.parametrize(
    ("kind", "order", "acts_for"),
    [
        ("ORM^O01", "ORC|NW|1||||||||77^Eva||88^Orla", {"enterer": "B", "author": "B"}),
        ("ORM^O01", "ORC|NW|1||||||||||88^Orla|||||||||Clinic", {"author": "Clinic"}),
        ("ORU^R01", "ORC|RE|1||||||||77^Eva||88^Orla", {"enterer": "", "author": ""}),
        ("ORU^R01", "ORC|RE|1|||||||||66^Vera|88^Orla|||||||||Clinic|Way 1",
         {"verifier": "Clinic", "author": "Clinic"}),
    ],
)  # fmt: skip
def test_who_enters_verifies_and_places_an_order_acts_for_the_one_who_orders(
    kind: str, order: str, acts_for: dict[str, str]
) -> None:
    made = mapped(PATIENT, order, ORDER, kind=kind)
    bodies = {f"urn:uuid:{item.uuid}": item.body for item in made.resources}
    found = {
        agent["type"]["coding"][0]["code"]: bodies[agent["onBehalfOf"]["reference"]]["name"]
        if "onBehalfOf" in agent
        else ""
        for body in bodies.values()
        if body["resourceType"] == "Provenance"
        for agent in body["agent"]
    }
    assert {role: found[role] for role in acts_for} == acts_for
