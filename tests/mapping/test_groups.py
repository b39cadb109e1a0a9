"""Which segments belong together, in any version and any order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

MAPPING = load_library().mapping()
GROUPS = MAPPING.library.groups


def scopes(segments: str, structure: str = "") -> list[dict[str, int]]:
    lines = [rf"{name}|^~\&|" if name == "MSH" else f"{name}|1" for name in segments.split()]
    message = Message.parse("\r".join(lines))
    found, _ = GROUPS.assign(message.segments, structure)
    return [dict(zip(GROUPS.names, scope, strict=True)) for scope in found]


def orders(segments: str, structure: str = "") -> list[int]:
    return [scope["order"] for scope in scopes(segments, structure)]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ("MSH PID ORC OBR OBX OBX", [0, 0, 3, 3, 3, 3]),
        ("MSH PID OBR OBX OBR OBX", [0, 0, 3, 3, 5, 5]),
        ("MSH PID ORC OBR OBX ORC OBR OBX", [0, 0, 3, 3, 3, 6, 6, 6]),
        ("MSH PID ORC OBR OBX OBR OBX", [0, 0, 3, 3, 3, 6, 6]),  # a second OBR, no ORC of its own
        ("MSH PID OBR SPM OBX", [0, 0, 3, 3, 3]),  # results after the specimen
        ("MSH PID OBX OBR OBX", [0, 0, 0, 4, 4]),  # an observation about the patient
        ("MSH PID ORC RXA RXR ORC RXA RXR", [0, 0, 3, 3, 3, 6, 6, 6]),
        ("MSH PID RXA RXR RXA", [0, 0, 3, 3, 5]),
        ("MSH PID ORC RXO RXR RXE RXC", [0, 0, 3, 3, 3, 3, 3]),
        ("MSH PID OBR ZZZ OBX ZLB", [0, 0, 3, 3, 3, 3]),
        ("MSH PID OBR OBX PID OBX", [0, 0, 3, 3, 0, 0]),  # the next patient
    ],
)
def test_a_segment_belongs_to_the_order_that_is_open_where_it_stands(
    segments: str, expected: list[int]
) -> None:
    assert orders(segments) == expected


def test_where_the_specimen_leads_its_orders_belong_to_it() -> None:
    found = scopes("MSH PID SPM ORC OBR SPM ORC OBR", "OML_O33")
    assert [scope["specimen"] for scope in found] == [0, 0, 3, 3, 3, 6, 6, 6]
    assert [scope["order"] for scope in found] == [0, 0, 0, 4, 4, 0, 7, 7]


@pytest.mark.parametrize(
    ("segments", "parents"),
    [
        ("MSH PID NTE OBR NTE NTE OBX NTE", [0, 0, 1, 1, 3, 3, 3, 6]),
        ("MSH PID PV1 PRT NTE", [0, 0, 1, 2, 2]),
        ("MSH PID OBX ZZZ NTE", [0, 0, 1, 2, 2]),
    ],
)
def test_a_note_is_attached_to_the_segment_that_it_follows(
    segments: str, parents: list[int]
) -> None:
    lines = [rf"{name}|^~\&|" if name == "MSH" else f"{name}|1" for name in segments.split()]
    _, found = GROUPS.assign(Message.parse("\r".join(lines)).segments)
    assert found == parents


def test_the_order_right_after_a_specimen_does_not_add_to_it() -> None:
    message = Message.parse(
        "MSH|^~\\&|LAB||||20240101||ORU^R01|1|P|2.5.1\rPID|1||1\r"
        "OBR|1||A|1^A\rSPM|1|||BLD\rOBR|2||B|2^B|||||||||||SER^Serum\r"
    )
    mapped = MAPPING.convert(message, Context(UTC, datetime(2024, 1, 1, tzinfo=UTC)))
    bodies = [resource.body for resource in mapped.resources]
    specimens = [body for body in bodies if body["resourceType"] == "Specimen"]
    assert [body["type"]["coding"][0]["code"] for body in specimens] == ["BLD", "SER"]
