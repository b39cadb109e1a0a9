"""What a family shares is never one patient's own resource, moved to another."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.fhir.bundle import transaction
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

MAPPING = load_library().mapping()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "ward", {"PID-3": "urn:oid:2.999.1"})
ADMISSION = (
    "MSH|^~\\&|A|B|C|D|20260101||ADT^A01^ADT_A01|{1}|P|2.5.1\r"
    "PID|1||{0}^^^&2.999.1&ISO^MR||Muster^Kind{0}\r"
    "NK1|1|Muster^Mutter|MTH||||||||||||||||||||||||||||||M7^^^&2.999.1&ISO\r"
    "PV1|1|I|||||||||||||||||V{0}\r"
    "IN1|1|GOLD^Gold^L|77|Kasse|||||||||||||||||||||||||||||||P4711\r"
)


def written(patient: str, kind: str, control_id: str = "1") -> set[str]:
    """Where the resources of a type are written to."""
    made = MAPPING.convert(Message.read(ADMISSION.format(patient, control_id).encode()), CONTEXT)
    entries = transaction(made.resources)["entry"]
    return {one["request"]["url"] for one in entries if one["resource"]["resourceType"] == kind}


def test_a_policy_of_a_family_is_a_coverage_for_each_member() -> None:
    assert written("1", "Coverage")
    assert not written("1", "Coverage") & written("2", "Coverage")


def test_twins_have_the_same_mother_but_not_one_related_person() -> None:
    assert written("1", "RelatedPerson")
    assert not written("1", "RelatedPerson") & written("2", "RelatedPerson")


def test_another_message_about_the_same_patient_writes_to_the_same_places() -> None:
    for kind in ("Coverage", "RelatedPerson"):
        assert written("1", kind) == written("1", kind, "2")
