"""What a server holds and what a message states, as one resource."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from engine.fhir.merge import covers, merge, news, unite
from engine.fhir.uris import ABSENT

Body = dict[str, Any]
UNKNOWN = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}


def patient(**elements: Any) -> Body:
    return {"resourceType": "Patient", **elements}


CASES: list[tuple[str, Body, Body, tuple[str, ...], Body]] = [
    (
        "what is not mentioned stays, what is stated replaces",
        patient(id="1", birthDate="1980", gender="male"),
        patient(id="m9", gender="female"),
        (),
        patient(id="1", birthDate="1980", gender="female"),
    ),
    (
        "what is deleted goes, with what belongs to it",
        patient(id="1", birthDate="1980", _birthDate={"id": "x"}, gender="male"),
        patient(),
        ("birthDate",),
        patient(id="1", gender="male"),
    ),
    (
        "what is deleted and stated is stated",
        patient(id="1", identifier=[{"system": "s", "value": "1"}], gender="male"),
        patient(identifier=[{"system": "t", "value": "2"}], gender="other"),
        ("gender", "identifier"),
        patient(id="1", identifier=[{"system": "t", "value": "2"}], gender="other"),
    ),
    (
        "a list is the message's: an address that was dropped must not live on",
        patient(id="1", address=[{"city": "A"}, {"city": "B"}]),
        patient(address=[{"city": "B"}]),
        (),
        patient(id="1", address=[{"city": "B"}]),
    ),
    (
        "identifiers are united by system and value",
        patient(id="1", identifier=[{"system": "s", "value": "1"}, {"system": "t", "value": "2"}]),
        patient(identifier=[{"system": "s", "value": "1", "use": "usual"}, {"value": "3"}]),
        (),
        patient(
            id="1",
            identifier=[
                {"system": "t", "value": "2"},
                {"system": "s", "value": "1", "use": "usual"},
                {"value": "3"},
            ],
        ),
    ),
    (
        "an identifier that is no list is the message's",
        {"resourceType": "Composition", "id": "1", "identifier": {"value": "1"}},
        {"resourceType": "Composition", "identifier": {"value": "2"}},
        (),
        {"resourceType": "Composition", "id": "1", "identifier": {"value": "2"}},
    ),
    (
        "extensions are united by url",
        patient(id="1", extension=[{"url": "a", "valueCode": "1"}, {"url": "b"}]),
        patient(extension=[{"url": "a", "valueCode": "2"}]),
        (),
        patient(id="1", extension=[{"url": "b"}, {"url": "a", "valueCode": "2"}]),
    ),
    (
        "another choice takes the place of the one that is held",
        patient(id="1", deceasedBoolean=True, _deceasedBoolean={"id": "x"}),
        patient(deceasedDateTime="2026-01-05"),
        (),
        patient(id="1", deceasedDateTime="2026-01-05"),
    ),
    (
        "a choice is deleted in whatever form it is held",
        patient(id="1", multipleBirthInteger=2),
        patient(),
        ("multipleBirth[x]",),
        patient(id="1"),
    ),
    (
        "a value takes the place of a value's absence, and not the other way round",
        patient(id="1", _birthDate=UNKNOWN, gender="male"),
        patient(birthDate="1980", _gender=UNKNOWN),
        (),
        patient(id="1", birthDate="1980", gender="male"),
    ),
    (
        "unknown in a required element adds nothing to what is known",
        {"resourceType": "Encounter", "id": "1", "status": "finished", "class": {"code": "IMP"}},
        {"resourceType": "Encounter", "status": "unknown", "class": UNKNOWN, "type": [UNKNOWN]},
        (),
        {
            "resourceType": "Encounter",
            "id": "1",
            "status": "finished",
            "class": {"code": "IMP"},
            "type": [UNKNOWN],
        },
    ),
    (
        "unknown where it is an answer is an answer",
        patient(id="1", gender="male"),
        patient(gender="unknown"),
        (),
        patient(id="1", gender="unknown"),
    ),
    (
        "what only the server sets is not sent back; tags are united",
        patient(
            id="1",
            meta={
                "versionId": "4",
                "lastUpdated": "2026",
                "profile": ["a"],
                "tag": [{"system": "t", "code": "1"}],
            },
        ),
        patient(meta={"tag": [{"system": "t", "code": "2"}], "source": "x"}),
        (),
        patient(
            id="1",
            meta={
                "profile": ["a"],
                "tag": [{"system": "t", "code": "1"}, {"system": "t", "code": "2"}],
                "source": "x",
            },
        ),
    ),
    (
        "a generated narrative is out of date, a written one is not",
        patient(id="1", text={"status": "generated", "div": "<div/>"}),
        patient(active=True),
        (),
        patient(id="1", active=True),
    ),
    (
        "",
        patient(id="1", text={"status": "additional", "div": "<div/>"}, meta={"versionId": "1"}),
        patient(active=True),
        (),
        patient(id="1", text={"status": "additional", "div": "<div/>"}, active=True),
    ),
    (
        "contained resources are united by id",
        patient(id="1", contained=[{"id": "a", "x": 1}, {"id": "b"}]),
        patient(contained=[{"id": "a", "x": 2}]),
        (),
        patient(id="1", contained=[{"id": "b"}, {"id": "a", "x": 2}]),
    ),
]


@pytest.mark.parametrize(("held", "stated", "removed", "merged"), [case[1:] for case in CASES])
def test_merge(held: Body, stated: Body, removed: tuple[str, ...], merged: Body) -> None:
    before = deepcopy((held, stated))
    assert merge(held, stated, removed) == merged
    assert (held, stated) == before
    assert merge(merged, stated, removed) == merged or removed  # a repeat changes nothing


@pytest.mark.parametrize(
    ("held", "stated", "covered"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ({"a": 1, "b": 2}, {"b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        ([{"a": 1, "b": 2}, {"c": 3}], [{"c": 3}, {"b": 2}], True),
        ([{"a": 1}], [{"a": 1, "b": 2}], False),
        ({"a": 1}, [1], False),
        ([1], {"a": 1}, False),
        (orjson.Fragment(b"5.10"), orjson.Fragment(b"5.10"), True),
        (orjson.Fragment(b"5.1"), orjson.Fragment(b"5.10"), False),
        (5, orjson.Fragment(b"5"), True),
    ],
)
def test_what_is_stated_may_be_held_among_more(held: Any, stated: Any, covered: bool) -> None:
    assert covers(held, stated) is covered


def test_news_are_what_the_server_does_not_hold() -> None:
    held = patient(id="1", name=[{"family": "Test", "given": ["Ada"]}], gender="male")
    assert not news(held, patient(id="m2", name=[{"family": "Test"}], _gender=UNKNOWN))
    assert news(held, patient(id="m2", name=[{"family": "Other"}]))
    assert news(held, patient(id="m2", active=True))


def test_what_one_message_says_in_two_places_is_united() -> None:
    first = patient(id="1", name=[{"family": "Test"}], gender="male", address=[{"city": "A"}])
    second = patient(
        id="2",
        name=[{"family": "Test", "given": ["Ada"]}],
        gender="female",
        address=[{"city": "B"}, {"city": "A"}],
        active=True,
    )
    assert unite(first, [second]) == patient(
        id="1",
        name=[{"family": "Test", "given": ["Ada"]}],
        gender="male",
        address=[{"city": "B"}, {"city": "A"}],
        active=True,
    )
    disjoint = patient(id="3", name=[{"family": "Else"}])
    assert unite(first, [disjoint])["name"] == [{"family": "Test"}, {"family": "Else"}]
