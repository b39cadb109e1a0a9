"""The search that finds one resource."""

from typing import Any
from urllib.parse import unquote

import pytest

from engine.fhir.criterion import Criterion, encoded


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("identifier=urn:oid:1.2|42", "identifier=urn:oid:1.2%7C42"),
        ("identifier=http://a.example/x?y=1|4", "identifier=http://a.example/x%3Fy%3D1%7C4"),
        ("identifier=s|a,b", r"identifier=s|a\,b"),
        ("identifier=s|a|b", r"identifier=s|a\|b"),
        ("identifier=s|a$b\\c", r"identifier=s|a\$b\\c"),
        ("identifier=s|a&b=c#d", "identifier=s|a&b=c#d"),
        ("identifier=s|é +%", "identifier=s|é +%"),
        ("_id=m12", "_id=m12"),
    ],
)
def test_a_criterion_becomes_a_query(text: str, query: str) -> None:
    found = encoded(text)
    assert unquote(found) == unquote(query)
    assert not set(found) & set("|&,#+ $\\")


def test_a_query_is_what_it_was_when_it_was_plain() -> None:
    assert encoded("identifier=urn:oid:1.2|42") == "identifier=urn:oid:1.2%7C42"


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "m12",
    "identifier": [{"system": "s", "value": "a|b"}, {"value": "42"}],
    "meta": {"tag": [{"system": "t", "code": "x"}]},
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("identifier=s|a|b", True),
        ("identifier=s|a", False),
        ("identifier=t|42", False),
        ("_id=m12", True),
        ("_id=m1", False),
        ("_tag=t|x", True),
        ("_tag=u|x", False),
    ],
)
def test_a_criterion_knows_its_own(text: str, matches: bool) -> None:
    assert Criterion.parse(text).matches(PATIENT) is matches


def test_an_identifier_that_is_no_list_is_compared_too() -> None:
    bundle = {"resourceType": "Bundle", "identifier": {"system": "s", "value": "1"}}
    assert Criterion.parse("identifier=s|1").matches(bundle)
    assert not Criterion.parse("identifier=s|1").matches({"resourceType": "Bundle"})


@pytest.mark.parametrize("text", ["identifier=123", "identifier=|123", "identifier="])
def test_an_identifier_without_a_system_is_never_matched_on(text: str) -> None:
    with pytest.raises(ValueError, match="without a system"):
        Criterion.parse(text)
