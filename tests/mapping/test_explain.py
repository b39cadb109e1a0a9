"""Explaining a message: the same FHIR as the fast way, and every populated value accounted for."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from engine.hl7v2.message import Message
from engine.mapping.explain import populated
from engine.mapping.library import load_library
from engine.mapping.residue import FIELD
from engine.mapping.result import Context

LIBRARY = load_library()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test", {"PID-3": "urn:oid:2.999.1"})

MESSAGE = Message.parse(
    "\r".join(
        [
            r"MSH|^~\&|LAB|NORTH|CHART|CLINIC|20260105101500||ORU^R01^ORU_R01|M1|P|2.5.1",
            "PID|1||4711^^^NORTH^MR||Testpatient^Anna||19700102|F|||1 Sample Street^^Sampletown",
            "PV1|1|O|||||0815^Example^Erika",
            "ORC|RE|P1^CHART|F1^LAB",
            "OBR|1|P1^CHART|F1^LAB|24323-8^Panel^LN|||20260105090000",
            "OBX|1|NM|2345-7^Glucose^LN||5.10|mmol/L^^UCUM|3.9-5.8|N|||F",
            "OBX|2|NM|2345-7^Glucose^LN||6.20|mmol/L^^UCUM|3.9-5.8|H|||F",
            "NTE|1||taken after a meal",
            "ZLB|1|x|Y^yes",
        ]
    )
)


def test_explaining_gives_the_same_resources_as_the_fast_way() -> None:
    fast = LIBRARY.mapping().convert(MESSAGE, CONTEXT)
    explained = LIBRARY.tracing().explain(MESSAGE, CONTEXT).mapped
    assert [orjson.dumps(r.body) for r in fast.resources] == [
        orjson.dumps(r.body) for r in explained.resources
    ]


def test_every_populated_value_has_one_fate() -> None:
    leaves = LIBRARY.tracing().explain(MESSAGE, CONTEXT).leaves
    assert [leaf.position for leaf in leaves] == [position for position, _, _ in populated(MESSAGE)]
    assert {leaf.fate for leaf in leaves} <= {
        "mapped", "repeated", "ignored", "reported", "unmapped"
    }  # fmt: skip


def test_an_element_knows_its_field_its_rule_and_its_table() -> None:
    origins = LIBRARY.tracing().explain(MESSAGE, CONTEXT).origins
    gender = next(origin for origin in origins if origin.path == "gender")
    assert gender.rule == "PID[Patient].gender"
    assert gender.table == "AdministrativeSex"
    assert [source[:2] for source in gender.sources] == [(1, 8)]


def test_only_the_same_order_or_segment_repeats_a_value() -> None:
    text = "\r".join(
        [
            r"MSH|^~\&|LAB|NORTH|CHART|CLINIC|20260105101500||ORU^R01^ORU_R01|M1|P|2.5.1",
            "ORC|RE|P1|F1||||||20260105090000|Z9^Entered^By",
            "OBR|1|P1|F1|24323-8^Panel^LN|||20260105090000|||Z9",
            "OBX|1|NM|2345-7^Glucose^LN||5.10|mmol/L|||||F|||||||||||||||||||||||||Z8",
            "OBX|2|ST|Z8^Z8^L||fine|||||||||||||||||||||||||||||Z9",
        ]
    )
    leaves = LIBRARY.tracing().explain(Message.parse(text), CONTEXT).leaves
    fates = {(leaf.segment, leaf.sequence, leaf.path): leaf.fate for leaf in leaves}
    assert fates["OBX", 1, "OBX-36"] == "unmapped"  # that another OBX says it is no comfort
    assert fates["OBX", 2, "OBX-34"] == "unmapped"


@pytest.mark.parametrize("name", ["RXE", "RXD", "RXG", "TQ1", "ZRX"])
def test_every_segment_that_opens_an_order_repeats_what_another_of_it_says(name: str) -> None:
    text = "\r".join(
        [
            r"MSH|^~\&|WARD|NORTH|CHART|CLINIC|20260105101500||RDE^O11^RDE_O11|M1|P|2.5.1",
            "ORC|NW|P1|F1||||||20260105090000",
            name + "|" * 60 + "20260105090000",  # a field that no rule reads
        ]
    )
    leaves = LIBRARY.tracing().explain(Message.parse(text), CONTEXT).leaves
    (leaf,) = (leaf for leaf in leaves if leaf.segment == name)
    assert leaf.fate == ("repeated" if name != "ZRX" else "unmapped")


def test_a_field_that_nobody_reads_is_unmapped() -> None:
    leaves = LIBRARY.tracing().explain(MESSAGE, CONTEXT).leaves
    fates = {leaf.path: leaf.fate for leaf in leaves if leaf.segment == "ZLB"}
    assert fates == {"ZLB-1": "unmapped", "ZLB-2": "unmapped", "ZLB-3": "unmapped",
                     "ZLB-3.2": "unmapped"}  # fmt: skip


def test_unmapped_extension_keeps_what_no_rule_reads() -> None:
    mapped = LIBRARY.mapping(unmapped="extension").convert(MESSAGE, CONTEXT)
    urls = {
        extension["url"]
        for resource in mapped.resources
        for extension in resource.body.get("extension", ())
    }
    assert {FIELD + "ZLB-2", FIELD + "ZLB-3"} <= urls


def test_what_is_kept_of_one_message_does_not_reach_the_next() -> None:
    keeping = LIBRARY.mapping(unmapped="extension")
    first = keeping.convert(MESSAGE, CONTEXT)
    again = keeping.convert(MESSAGE, CONTEXT)
    assert [orjson.dumps(r.body) for r in first.resources] == [
        orjson.dumps(r.body) for r in again.resources
    ]


@pytest.mark.parametrize("unmapped", ["report", "extension"])
def test_two_results_of_one_code_stay_two(unmapped: str) -> None:
    mapped = LIBRARY.mapping(unmapped=unmapped).convert(MESSAGE, CONTEXT)
    values = [
        r.body["valueQuantity"]["value"] for r in mapped.resources
        if r.body["resourceType"] == "Observation"
    ]  # fmt: skip
    assert [orjson.dumps(value) for value in values] == [b"5.10", b"6.20"]
    assert len({r.uuid for r in mapped.resources}) == len(mapped.resources)


def test_what_one_message_says_of_an_organization_does_not_reach_the_next() -> None:
    mapping = LIBRARY.mapping()
    alone = MESSAGE.text
    fuller = alone.replace("|NORTH|", "|NORTH^2.999.7^ISO|", 1).replace("M1", "M2")
    before = mapping.convert(MESSAGE, CONTEXT)
    mapping.convert(Message.parse(fuller), CONTEXT)
    after = mapping.convert(Message.parse(alone), CONTEXT)
    assert [orjson.dumps(r.body) for r in before.resources] == [
        orjson.dumps(r.body) for r in after.resources
    ]
