"""The grammar of rules: what it reads, and what it says about what it cannot read."""

from __future__ import annotations

import pytest

from engine.errors import ConfigurationError, Place
from engine.hl7v2.message import Message
from engine.mapping.expressions import parse_value
from engine.mapping.grammar import Code, Link, Literal, Ref, Source
from engine.mapping.language import parse_condition

MESSAGE = Message.parse(
    "\r".join(
        [
            r"MSH|^~\&|LAB|NORTH|||20260105||ORU^R01|M1|P|2.5.1",
            "PID|1||1^^^A^MR~2^^^B^PI",
            "OBR|1" + "|" * 23 + "RAD",
            "OBR|2" + "|" * 23 + "LAB",
        ]
    )
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("PID-7", Source((Ref("PID", 7),))),
        ("PID-3[2].4.1", Source((Ref("PID", 3, 2, None, 4, 1),))),
        ("PID-8 via AdministrativeSex", Source((Ref("PID", 8),), table="AdministrativeSex")),
        ("PV1-7 as Practitioner", Source((Ref("PV1", 7),), target="Practitioner")),
        ("OBX-14 or OBR-7", Source((Ref("OBX", 14), Ref("OBR", 7)))),
        ("OBX-5 read as NM", Source((Ref("OBX", 5, read_as="NM"),))),
        ("CX.4.2", Source((Ref("", None, None, None, 4, 2, "", "CX"),))),
        (".", Source((Ref(""),))),
        ("-> Patient", Link("Patient")),
        ("=in progress", Literal("in progress")),
        ("loinc#49541-6", Code("loinc", "49541-6")),
    ],
)
def test_a_value_is_read_to_its_tree(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("text", "column", "advice"),
    [
        ("PID.3", 1, ""),
        ("final", 1, "a constant is written =final"),
        ("PID-3[.5 is", 12, ""),
        ("PID-7 PID-8", 7, ""),
        ("join(PID-5.1", 13, ""),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, column: int, advice: str) -> None:
    if text == "PID.3":  # reads as a component of a datatype; the compiler knows no such one
        assert parse_value(text) == Source((Ref("", None, None, None, 3, None, "", "PID"),))
        return
    with pytest.raises(ConfigurationError) as raised:
        parse_value(text, Place("m.yaml", 4, 1))
    problem = raised.value.problems[0]
    assert problem.place == Place("m.yaml", 4, column)
    assert advice in (problem.instead or "")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("MSH-9.1 is ORU", True),
        ("MSH-9.1 in (ADT, ORU)", True),
        ("MSH-9.1 not in (ADT, SIU)", True),
        ("any OBR-24 is RAD", True),
        ("all OBR-24 is RAD", False),
        ("OBR-24 is LAB", False),
        ("any OBR-24 is LAB", True),
        ("MSH-5 is X", False),
        ("MSH-5 is not X", False),  # an absent field meets no comparison
        ("MSH-5 is empty", True),
        ("MSH-5 is not valued", True),
        ("MSH-3 starts with L and not MSH-4 is SOUTH", True),
        ("MSH-9.1 is ADT or (MSH-12 is 2.5.1 and has PID)", True),
        ("count of PID-3 is more than 1", True),
        ("MSH-10 matches /^M\\d$/", True),
        ("MSH-7 is a date", True),
        ("MSH-7 is longer than 8", False),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(MESSAGE) is holds


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("PID.3 is X", "write it like PID-3"),
        ("OBX-5 frobs", "write: is X"),
        ("MSH-9 in ORU", ""),
        ("MSH-10 matches /(/", ""),
        ("", "a condition reads like"),
    ],
)
def test_a_condition_that_cannot_be_read_says_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_condition(text, Place("c.yaml", 1, 1))
    assert advice in (raised.value.problems[0].instead or "")
