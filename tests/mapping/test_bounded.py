"""What senders write fills no memory: what is remembered of it has an end."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.hl7v2 import dictionary
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

LIBRARY = load_library()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test")


def message(structure: str = "ORU^R01^ORU_R01", system: str = "LN", last: str = "") -> Message:
    return Message.parse(
        f"MSH|^~\\&|A|B|C|D|20260101||{structure}|1|P|2.5.1\rPID|1||42||Testpatient\r"
        f"OBR|1|P1|F1|X^x^L\rOBX|1|CWE|N^Note^L||a^b^{system}||||||F\r{last}"
    )


def test_message_types_that_nobody_defined_share_one_plan() -> None:
    mapping = LIBRARY.mapping()
    for number in range(50):
        mapping.convert(message(f"ZZZ^Z{number}^ZZZ_Z{number}"), CONTEXT)
    assert set(mapping._plans) <= {*mapping.library.messages, ""}


def test_a_message_type_without_a_map_of_its_own_is_mapped_as_any_message() -> None:
    mapping = LIBRARY.mapping()
    made = mapping.convert(message("ZZZ^Z99^ZZZ_Z99"), CONTEXT).resources
    assert "Observation" in {resource.body["resourceType"] for resource in made}
    assert mapping.plan("ZZZ_Z99") is mapping.plan("ZZZ_Z98")


def test_code_systems_that_nobody_lists_are_not_remembered() -> None:
    codesystems = LIBRARY.library().codesystems
    LIBRARY.mapping().convert(message(), CONTEXT)
    before = len(codesystems._codes)
    for number in range(50):
        assert not codesystems.lacks(f"urn:x:{number}", "a")
    assert len(codesystems._codes) == before


def test_a_line_that_is_no_segment_is_not_looked_up_among_the_fields_of_the_standard() -> None:
    tracing = LIBRARY.tracing()
    tracing.explain(message(), CONTEXT)
    before = dictionary.field.cache_info().currsize
    for number in range(50):
        tracing.explain(message(last=f"Example {number}, Erika|x|y\r"), CONTEXT)
    assert dictionary.field.cache_info().currsize == before


def test_what_is_remembered_of_fields_has_an_end() -> None:
    assert dictionary.field.cache_info().maxsize is not None
