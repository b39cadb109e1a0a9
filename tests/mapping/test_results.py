"""Results: every type of value, groups in any order, notes, ranges, corrections."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from engine.hl7v2.message import Message
from engine.mapping.library import Mapping, load_library
from engine.mapping.result import Context, Mapped

Body = dict[str, Any]
MSH = "MSH|^~\\&|LAB|FAC|EHR|FAC|20240102030405+0100||{}|C1|P|2.5.1"
PID = "PID|1||PAT1^^^HOSP&2.999.1&ISO^MR||Testpatient^Anna"
OBR = "OBR|{0}|P{0}|F{0}|T{0}^Test {0}^L|||20240101||||||||||||||||||F"
PDF = "JVBERi0xLjQK"
CODED = {
    "coding": [{"code": "A", "display": "B", "system": "urn:mllp-engine:results:L"}],
    "text": "B",
}


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_library().mapping()


def mapped(mapping: Mapping, *segments: str, kind: str = "ORU^R01^ORU_R01") -> Mapped:
    text = "\r".join((MSH.format(kind), PID, *segments)) + "\r"
    context = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "results")
    return mapping.convert(Message.parse(text), context)


def convert(mapping: Mapping, *segments: str, kind: str = "ORU^R01^ORU_R01") -> list[Body]:
    return [
        {**orjson.loads(orjson.dumps(resource.body)), "fullUrl": "urn:uuid:" + resource.uuid}
        for resource in mapped(mapping, *segments, kind=kind).resources
    ]


def of(bodies: list[Body], kind: str) -> list[Body]:
    return [body for body in bodies if body["resourceType"] == kind]


def observed(mapping: Mapping, kind: str, value: str, unit: str = "", rest: str = "") -> Body:
    obx = f"OBX|1|{kind}|C^Code^L||{value}|{unit}|{rest}"
    [observation] = of(convert(mapping, OBR.format(1), obx), "Observation")
    return observation


MILLIGRAM = {"unit": "mg", "code": "mg", "system": "http://unitsofmeasure.org"}

ONE_TO_FIVE = {"low": {"value": 1, **MILLIGRAM}, "high": {"value": 5, **MILLIGRAM}}

VALUES: list[tuple[str, str, str, Any]] = [
    ("NM", "5.5", "valueQuantity", {"value": 5.5, **MILLIGRAM}),
    ("NM", ">5", "valueQuantity", {"value": 5, "comparator": ">", **MILLIGRAM}),
    ("NM", "not done", "valueString", "not done"),
    ("SN", "<^5", "valueQuantity", {"comparator": "<", "value": 5, **MILLIGRAM}),
    ("SN", "<=^5", "valueQuantity", {"comparator": "<=", "value": 5, **MILLIGRAM}),
    ("SN", ">^5", "valueQuantity", {"comparator": ">", "value": 5, **MILLIGRAM}),
    ("SN", ">=^5", "valueQuantity", {"comparator": ">=", "value": 5, **MILLIGRAM}),
    ("SN", "=^5", "valueQuantity", {"value": 5, **MILLIGRAM}),
    ("SN", "^2^+", "valueString", "2 + mg"),
    ("SN", "<>^5", "valueString", "<> 5 mg"),
    ("SN", "<^5,5", "valueString", "< 5,5 mg"),
    ("NR", "1^5", "valueRange", ONE_TO_FIVE),
    ("ST", "text", "valueString", "text"),
    ("TX", "one~two", "valueString", "one\ntwo"),
    ("FT", "one\\.br\\two", "valueString", "one\ntwo"),
    ("ST", "a\\T\\b\\S\\c", "valueString", "a&b^c"),
    *((kind, "A^B^L", "valueCodeableConcept", CODED) for kind in ("CWE", "CE", "CF", "CNE")),
    ("IS", "A", "valueCodeableConcept", {"coding": [{"code": "A"}]}),
    ("DT", "202401", "valueDateTime", "2024-01"),
    ("DT", "2024", "valueDateTime", "2024"),
    ("DTM", "20240102030405+0100", "valueDateTime", "2024-01-02T03:04:05+01:00"),
    ("TS", "202401020304", "valueDateTime", "2024-01-02T03:04:00+00:00"),
    ("TM", "0304", "valueTime", "03:04:00"),
    ("DR", "20240102^20240103", "valuePeriod", {"start": "2024-01-02", "end": "2024-01-03"}),
    ("VR", "1^5", "valueString", "1-5"),
    ("CQ", "5^mg&mg&UCUM", "valueQuantity", {"value": 5, **MILLIGRAM}),
    (
        "MO", "12.5^EUR", "valueQuantity",
        {"value": 12.5, "unit": "EUR", "code": "EUR", "system": "urn:iso:std:iso:4217"},
    ),
    (
        "CP", "12.5&EUR^UP", "valueQuantity",
        {"value": 12.5, "unit": "EUR", "code": "EUR", "system": "urn:iso:std:iso:4217"},
    ),
    ("XAD", "1 Main St^^Town^NY^12345", "valueString", "1 Main St, Town, NY, 12345"),
    ("XTN", "^PRN^PH^^1^555^0100123", "valueString", "+1 555 0100123"),
    ("TN", "555-0100", "valueString", "555-0100"),
    ("XPN", "Doe^Jane^Q", "valueString", "Jane Q Doe"),
    ("XCN", "123^Doe^Jane^^^Dr.", "valueString", "Dr. Jane Doe"),
    ("PPN", "123^Doe^Jane", "valueString", "Jane Doe"),
    ("XON", "Laboratory^L", "valueString", "Laboratory"),
    ("CX", "123^^^AUTH^MR", "valueString", "123"),
    ("PL", "W^1^2", "valueString", "W, 1, 2"),
    ("ZZ", "whatever", "valueString", "whatever"),
    ("", "no type", "valueString", "no type"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value"),
    [("NM", "7,2"), ("NM", "<5,5"), ("NM", "5 mg"), ("SN", "<^5,5"), ("NR", "a^b")],
)
def test_a_number_that_is_none_is_told_and_stays_with_its_unit(
    mapping: Mapping, kind: str, value: str
) -> None:
    message = (OBR.format(1), f"OBX|1|{kind}|C^Code^L||{value}|mg|")
    made = mapped(mapping, *message)
    [observation] = of([resource.body for resource in made.resources], "Observation")
    assert any(str(issue.at).startswith("OBX-5") for issue in made.issues)
    assert "valueQuantity" not in observation
    assert "mg" in orjson.dumps(observation).decode()


@pytest.mark.parametrize(("kind", "value", "element", "expected"), VALUES)
def test_a_value_stands_in_the_element_of_its_type(
    mapping: Mapping, kind: str, value: str, element: str, expected: Any
) -> None:
    observation = observed(mapping, kind, value, "mg^mg^UCUM")
    assert observation[element] == expected
    assert len([key for key in observation if key.startswith("value")]) == 1


@pytest.mark.parametrize(
    ("kind", "value", "element", "expected"),
    [
        ("XAD", "1 Main St^^Town", "valueAddress", "Town"),
        ("XTN", "^PRN^PH^^1^555^0100123", "valueContactPoint", "phone"),
        ("XPN", "Doe^Jane", "valueHumanName", "Doe"),
        ("CX", "123^^^AUTH&2.999.7&ISO^MR", "valueIdentifier", "urn:oid:2.999.7"),
    ],
)
def test_a_value_that_r4_has_no_element_for_is_typed_in_an_extension(
    mapping: Mapping, kind: str, value: str, element: str, expected: str
) -> None:
    [extension] = observed(mapping, kind, value)["extension"]
    assert expected in str(extension[element])


def test_a_titre_keeps_its_two_numbers_and_how_it_was_written(mapping: Mapping) -> None:
    ratio = observed(mapping, "SN", ">^1^:^128")["valueRatio"]
    assert ratio["numerator"] == {"value": 1, "comparator": ">"}
    assert ratio["denominator"] == {"value": 128}
    assert ratio["extension"][0]["valueString"] == "> 1 : 128"


def test_a_pdf_is_what_the_report_presents(mapping: Mapping) -> None:
    obx = f"OBX|1|ED|C^Code^L||^application^pdf^Base64^{PDF}||||||F"
    bodies = convert(mapping, OBR.format(1), obx)
    [report] = of(bodies, "DiagnosticReport")
    assert report["presentedForm"] == [{"contentType": "application/pdf", "data": PDF}]


def test_a_pdf_of_a_document_is_its_content_with_a_title(mapping: Mapping) -> None:
    obx = f"OBX|1|ED|C^Letter^L||^application^pdf^Base64^{PDF}||||||F"
    bodies = convert(
        mapping, "PV1|1|O", "TXA|1|CN||||||||||D1", obx, kind="MDM^T02^MDM_T02"
    )  # fmt: skip
    [document] = [b for b in of(bodies, "DocumentReference") if "D1" in str(b["masterIdentifier"])]
    [content] = document["content"]
    assert content["attachment"] == {
        "contentType": "application/pdf", "data": PDF, "title": "Letter"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("3.5-5.1", 3.5, 5.1), (">60", 60, None), ("<= 5", None, 5), ("negative", None, None)],
)
def test_a_range_is_read_where_it_can_be_and_kept_as_text(
    mapping: Mapping, text: str, low: float | None, high: float | None
) -> None:
    [reference] = observed(mapping, "NM", "4", "mg", text)["referenceRange"]
    assert reference["text"] == text
    assert reference.get("low", {}).get("value") == low
    assert reference.get("high", {}).get("value") == high


OBX = "OBX|{0}|ST|{1}^{1}^L||value {2}||||||F"


def test_results_belong_to_their_order_also_after_a_specimen(mapping: Mapping) -> None:
    bodies = convert(
        mapping,
        "ORC|RE|P1|F1", OBR.format(1), OBX.format(1, "A", 1), "SPM|1|S1", OBX.format(2, "B", 2),
        "ORC|RE|P2|F2", OBR.format(2), "SPM|1|S2", OBX.format(1, "C", 3),
    )  # fmt: skip
    first, second = of(bodies, "DiagnosticReport")
    named = {body["fullUrl"]: body["code"]["text"] for body in of(bodies, "Observation")}
    assert [named[ref["reference"]] for ref in first["result"]] == ["A", "B"]
    assert [named[ref["reference"]] for ref in second["result"]] == ["C"]


def test_two_results_of_one_code_stay_two(mapping: Mapping) -> None:
    bodies = convert(mapping, OBR.format(1), OBX.format(1, "A", 1), OBX.format(2, "A", 2))
    assert len({body["fullUrl"] for body in of(bodies, "Observation")}) == 2


def test_a_correction_is_the_same_observation(mapping: Mapping) -> None:
    final = OBX.format(1, "A", 1)
    [before] = of(convert(mapping, OBR.format(1), final), "Observation")
    [after] = of(convert(mapping, OBR.format(1), final.replace("|F", "|C")), "Observation")
    assert before["fullUrl"] == after["fullUrl"]
    assert (before["status"], after["status"]) == ("final", "corrected")


def test_a_note_belongs_to_the_segment_before_it(mapping: Mapping) -> None:
    bodies = convert(
        mapping,
        "NTE|1||of the patient", "ORC|RE|P1|F1", OBR.format(1), "NTE|1||of the order",
        OBX.format(1, "A", 1), "NTE|1||of the result", "NTE|2||of it too",
        "SPM|1|S1", "NTE|1||of the specimen",
    )  # fmt: skip
    notes = {
        kind: [note["text"] for body in of(bodies, kind) for note in body.get("note", ())]
        for kind in ("ServiceRequest", "Observation", "Specimen")
    }
    assert notes == {
        "ServiceRequest": ["of the order"],
        "Observation": ["of the result", "of it too"],
        "Specimen": ["of the specimen"],
    }
    assert "of the patient" in str(of(bodies, "Patient")[0]["extension"])


@pytest.mark.parametrize(("kind", "expected"), [("ST", 2), ("CWE", 2), ("NM", 2), ("XAD", 2)])
def test_several_answers_are_components_of_one_observation(
    mapping: Mapping, kind: str, expected: int
) -> None:
    observation = observed(mapping, kind, "1~2")
    assert len(observation["component"]) == expected
    assert not [key for key in observation if key.startswith("value")]


STATUS = {
    "A": "amended", "B": "amended", "C": "corrected", "D": "entered-in-error", "F": "final",
    "I": "registered", "N": "cancelled", "O": "registered", "P": "preliminary", "R": "preliminary",
    "S": "preliminary", "U": "final", "V": "final", "W": "entered-in-error", "X": "cancelled",
}  # fmt: skip


@pytest.mark.parametrize("code", STATUS)
def test_every_status_of_a_result_is_known(mapping: Mapping, code: str) -> None:
    obx = OBX.format(1, "A", 1).removesuffix("F") + code
    [observation] = of(convert(mapping, OBR.format(1), obx), "Observation")
    assert observation["status"] == STATUS[code]


REPORT_STATUS = {
    "A": "partial", "C": "corrected", "F": "final", "I": "registered", "O": "registered",
    "P": "preliminary", "R": "partial", "S": "registered", "X": "cancelled",
}  # fmt: skip


@pytest.mark.parametrize("code", REPORT_STATUS)
def test_every_status_of_a_report_is_known(mapping: Mapping, code: str) -> None:
    obr = OBR.format(1).removesuffix("F") + code
    [report] = of(convert(mapping, obr, OBX.format(1, "A", 1)), "DiagnosticReport")
    assert report["status"] == REPORT_STATUS[code]


SUB = "OBX|{0}|ST|{1}^{1}^L|{2}|value||||||F"


def test_sub_ids_in_levels_make_members_within_their_order(mapping: Mapping) -> None:
    bodies = convert(
        mapping,
        OBR.format(1), SUB.format(1, "A", "1"), SUB.format(2, "B", "1.1"),
        SUB.format(3, "C", "1.2"),
        SUB.format(4, "D", "1.2.1"), SUB.format(5, "E", "2"),
        OBR.format(2), SUB.format(1, "F", "1.1"),
    )  # fmt: skip
    named = {body["fullUrl"]: body["code"]["text"] for body in of(bodies, "Observation")}
    members = {
        body["code"]["text"]: [named[ref["reference"]] for ref in body.get("hasMember", ())]
        for body in of(bodies, "Observation")
    }
    assert members == {"A": ["B", "C"], "B": [], "C": ["D"], "D": [], "E": [], "F": []}


def test_thousands_of_sub_ids_are_grouped_in_linear_time(mapping: Mapping) -> None:
    few, many = (
        _seconds(mapping, [SUB.format(n, f"C{n}", f"{n // 10}.{n % 10}") for n in range(size)])
        for size in (500, 4000)
    )
    assert many < few * 8 * 4


def _seconds(mapping: Mapping, segments: list[str]) -> float:
    started = time.process_time()
    convert(mapping, OBR.format(1), *segments)
    return time.process_time() - started
