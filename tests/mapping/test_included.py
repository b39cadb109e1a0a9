"""``make: PRT[PractitionerRole]``: one map describes a resource, others make it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test")
MESSAGE = (
    "MSH|^~\\&|LAB|NORTH|||20260105101500||ORU^R01^ORU_R01|M1|P|2.8\r"
    "PID|1||4711^^^NORTH^MR||Testpatient^Anna\r"
    "OBR|1|P1|F1|24323-8^Panel^LN\r"
    "PRT|1|AD||PRI^Interpreter^HL70443|D1^Doctor^Dora|||North Lab\r"
    "OBX|1|ST|1234-5^Remark^LN||clear||||||F\r"
    "PRT|2|AD||RO^Observer^HL70443|D2^Observer^Otto\r"
)


def bodies(folders: list[Path], name: str = "standard") -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    mapping = load_library(folders).mapping(name)
    for resource in mapping.convert(Message.parse(MESSAGE), CONTEXT).resources:
        found.setdefault(resource.body["resourceType"], []).append(resource.body)
    return found


def test_each_participation_belongs_to_the_segment_that_it_follows() -> None:
    found = bodies([])
    (report,) = found["DiagnosticReport"]
    (observation,) = found["Observation"]
    assert len(report["resultsInterpreter"]) == 1
    assert "performer" not in report
    assert len(observation["performer"]) == 1
    assert {role["code"][0]["coding"][0]["code"] for role in found["PractitionerRole"]} == {
        "PRI",
        "RO",
    }


def test_a_feed_that_changes_the_described_map_changes_all_that_make_it(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "mapping.yaml").write_text(
        "mapping: feed\nextends: standard\nrules:\n  PRT[PractitionerRole]:\n    code: null\n",
        encoding="utf-8",
    )
    assert all("code" not in role for role in bodies([tmp_path], "feed")["PractitionerRole"])


def test_a_map_that_adds_to_a_resource_adds_to_a_block_that_is_there() -> None:
    """RXA says the dose and RXR the route: one dosage."""
    text = (
        r"MSH|^~\&|A|B|C|D|20260105101500||RAS^O17^RAS_O17|M1|P|2.6" + "\r"
        "PID|1||4711^^^NORTH^MR\rORC|RE|P1\r"
        "RXA|0|1|20260105101500||723^Amoxicillin^RXNORM|500|mg^^UCUM\rRXR|PO^Oral^HL70162\r"
    )
    resources = load_library().mapping().convert(Message.parse(text), CONTEXT).resources
    given = next(r.body for r in resources if r.body["resourceType"] == "MedicationAdministration")
    assert orjson.loads(orjson.dumps(given["dosage"]["dose"]))["value"] == 500
    assert given["dosage"]["route"]["coding"][0]["code"] == "PO"
