"""Orders, results and documents of one message that name each other by number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from engine.hl7v2.message import Message
from engine.mapping.library import Mapping, load_library
from engine.mapping.result import Context

Body = dict[str, Any]
MSH = "MSH|^~\\&|LAB|FAC|EHR|FAC|20240102030405+0100||{}|C1|P|2.5.1"
PID = "PID|1||PAT1^^^HOSP^MR||Testpatient^Anna"
CULTURE = (
    "ORC|RE|P1|F1",
    "OBR|1|P1|F1|CULT^Culture^L|||20240101||||||||||||||||||F",
    "OBX|1|CWE|ORG^Organism^L|1|ECO^E. coli^L||||||F",
    "OBX|2|CWE|ORG^Organism^L|2|STA^S. aureus^L||||||F",
)
CHILD = "OBR|2|P2|F2|SUSC^Susceptibility^L|||20240101||||||||||||||||||F|{}|||{}"


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_library().mapping()


def convert(mapping: Mapping, kind: str, *segments: str) -> list[Body]:
    text = "\r".join((MSH.format(kind), *segments)) + "\r"
    mapped = mapping.convert(
        Message.parse(text), Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "parents")
    )
    return [
        {**orjson.loads(orjson.dumps(resource.body)), "fullUrl": "urn:uuid:" + resource.uuid}
        for resource in mapped.resources
    ]


def only(bodies: list[Body], kind: str, text: str) -> Body:
    [found] = [b for b in bodies if b["resourceType"] == kind and text in str(b)]
    return found


def test_a_parent_order_of_the_same_message_is_referred_to(mapping: Mapping) -> None:
    bodies = convert(mapping, "ORU^R01^ORU_R01", PID, *CULTURE, CHILD.format("", "P1^F1"))
    parent = only(bodies, "ServiceRequest", "CULT")
    child = only(bodies, "ServiceRequest", "SUSC")
    [based_on] = child["basedOn"]
    assert based_on["reference"] == parent["fullUrl"]
    assert based_on["identifier"]["value"] == "P1"


def test_a_parent_order_of_another_message_is_named_by_its_numbers(mapping: Mapping) -> None:
    bodies = convert(mapping, "ORU^R01^ORU_R01", PID, *CULTURE, CHILD.format("", "P8^F8"))
    child = only(bodies, "ServiceRequest", "SUSC")
    assert [item["identifier"]["value"] for item in child["basedOn"]] == ["P8", "F8"]
    assert all("reference" not in item for item in child["basedOn"])


def test_the_parent_result_is_the_one_with_its_code_and_sub_id(mapping: Mapping) -> None:
    parent = CHILD.format("ORG&Organism&L^2^S. aureus", "P1^F1")
    bodies = convert(mapping, "ORU^R01^ORU_R01", PID, *CULTURE, parent)
    [reason] = only(bodies, "ServiceRequest", "SUSC")["reasonReference"]
    organism = only(bodies, "Observation", "S. aureus")
    assert reason == {
        "reference": organism["fullUrl"], "type": "Observation", "display": "Organism, S. aureus"
    }  # fmt: skip


def test_a_parent_result_of_another_order_is_not_taken_for_it(mapping: Mapping) -> None:
    parent = CHILD.format("ORG&Organism&L^2^S. aureus", "P8^F8")
    bodies = convert(mapping, "ORU^R01^ORU_R01", PID, *CULTURE, parent)
    [reason] = only(bodies, "ServiceRequest", "SUSC")["reasonReference"]
    assert reason == {"type": "Observation", "display": "Organism, S. aureus"}


def test_a_document_is_linked_to_the_one_it_appends(mapping: Mapping) -> None:
    document = "TXA|1|CN|TX|||||||||{}|{}"
    bodies = convert(
        mapping, "MDM^T02^MDM_T02", PID, "PV1|1|I",
        document.format("DOC1", ""), document.format("DOC2", "DOC1"),
    )  # fmt: skip
    first, second = (
        only(bodies, "DocumentReference", f"'masterIdentifier': {{'value': '{number}'")
        for number in ("DOC1", "DOC2")
    )
    assert second["relatesTo"][0]["target"]["reference"] == first["fullUrl"]


DOSE = ("ORC|NW|P1|F1", "RXE||MED1^Med^L|5||mg^^UCUM||^with water", "TQ1|1||BID")


def test_route_timing_and_dose_are_one_instruction(mapping: Mapping) -> None:
    bodies = convert(mapping, "RDE^O11^RDE_O11", PID, *DOSE, "RXR|PO^Oral^HL70162")
    [instruction] = only(bodies, "MedicationRequest", "MED1")["dosageInstruction"]
    assert {"text", "timing", "route", "doseAndRate"} <= instruction.keys()


def test_a_second_route_is_an_instruction_of_its_own(mapping: Mapping) -> None:
    routes = ("RXR|PO^Oral^HL70162", "RXR|IV^Intravenous^HL70162")
    bodies = convert(mapping, "RDE^O11^RDE_O11", PID, *DOSE, *routes)
    first, second = only(bodies, "MedicationRequest", "MED1")["dosageInstruction"]
    assert "PO" in str(first["route"])
    assert "IV" in str(second["route"])


def test_a_compound_is_one_medication_with_its_components(mapping: Mapping) -> None:
    parts = ("RXC|B|SAL^Saline^L|500|mL^^UCUM", "RXC|A|KCL^Potassium chloride^L|20|meq^^UCUM")
    bodies = convert(mapping, "RDE^O11^RDE_O11", PID, *DOSE, *parts)
    request = only(bodies, "MedicationRequest", "P1")
    compound = only(bodies, "Medication", "SAL")
    assert request["medicationReference"]["reference"] == compound["fullUrl"]
    assert len(compound["ingredient"]) == 2
