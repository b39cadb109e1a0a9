"""Transaction Bundles: each resource once, linked, and written so that a repeat is harmless."""

from typing import Any

import orjson
import pytest

from engine.fhir import bundle
from engine.mapping.result import Knows
from tests.destinations import stated
from tests.destinations.stated import SYSTEM

Body = dict[str, Any]

CODED = SYSTEM.replace("|", "%7C")


def requests(resources: list[Any], write: str) -> list[tuple[str, ...]]:
    made = bundle.transaction(resources, write=write)
    return [tuple(entry["request"].values()) for entry in made["entry"]]


def test_the_same_resources_give_the_same_bytes() -> None:
    once, again = (bundle.dump(bundle.transaction(stated.result("1").resources)) for _ in range(2))
    assert once == again


def test_a_bundle_is_a_transaction_of_linked_entries() -> None:
    message = stated.result("1")
    made = bundle.transaction(message.resources)
    assert (made["resourceType"], made["type"]) == ("Bundle", "transaction")
    names = [entry["fullUrl"] for entry in made["entry"]]
    assert names == [f"urn:uuid:{resource.uuid}" for resource in message.resources]
    assert set(bundle.references(made)) <= set(names)
    for entry, resource in zip(made["entry"], message.resources, strict=True):
        body = {key: value for key, value in resource.body.items() if key != "id"}
        assert {key: value for key, value in entry["resource"].items() if key != "id"} == body


def test_upsert_updates_on_conditions_and_creates_what_is_shared() -> None:
    person, doctor = stated.patient("1"), stated.practitioner("2")
    value = stated.observation("3", person, doctor)
    unnamed = stated.resource("Location", "4", {"name": "Ward"}, knows=Knows.SHARED)
    assert requests([person, doctor, value, unnamed], "upsert") == [
        ("PUT", f"Patient?identifier={SYSTEM}%7C1"),
        ("POST", "Practitioner", f"identifier={stated.STAFF}%7C2"),
        ("PUT", f"Observation/{value.body['id']}"),
        ("PUT", f"Location/{unnamed.body['id']}"),
    ]


def test_own_ids_are_put_where_they_belong() -> None:
    person, doctor = stated.patient("1"), stated.practitioner("2")
    assert requests([person, doctor], "own-ids") == [
        ("PUT", f"Patient/{person.body['id']}"),
        ("PUT", f"Practitioner/{doctor.body['id']}"),
    ]


def test_create_creates_only_also_what_has_no_identifier() -> None:
    person = stated.patient("1")
    value = stated.observation("3", person, stated.organization("4"))
    trail = stated.resource("Provenance", "5", {"meta": {"tag": [{"code": "x"}]}})
    made = bundle.transaction([person, value, trail], write="create")
    assert [tuple(entry["request"].values()) for entry in made["entry"]] == [
        ("POST", "Patient", f"identifier={SYSTEM}%7C1"),
        ("POST", "Observation", f"identifier=urn:ietf:rfc:3986%7Curn:uuid:{value.uuid}"),
        ("POST", "Provenance", f"_tag=urn:ietf:rfc:3986%7Curn:uuid:{trail.uuid}"),
    ]
    marked = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{value.uuid}"}
    assert made["entry"][1]["resource"]["identifier"] == [marked]
    tags = made["entry"][2]["resource"]["meta"]["tag"]
    assert [tag["code"] for tag in tags] == ["x", f"urn:uuid:{trail.uuid}"]
    assert "identifier" not in value.body
    assert trail.body["meta"] == {"tag": [{"code": "x"}]}


@pytest.mark.parametrize(
    ("write", "has_id"), [("upsert", False), ("own-ids", True), ("create", False)]
)
def test_a_body_has_an_id_only_where_we_give_it(write: str, has_id: bool) -> None:
    made = bundle.transaction([stated.patient("1"), stated.practitioner("2")], write=write)
    assert {("id" in entry["resource"]) for entry in made["entry"]} == {has_id}


def test_resources_of_one_criterion_become_one() -> None:
    first = stated.organization("7", "North")
    second = stated.organization("7", "North")
    second.body["address"] = [{"city": "Testtown"}]
    second.uuid = "00000000-0000-5000-8000-000000000007"
    person = stated.patient("1")
    value = stated.observation("3", person, second)
    made = bundle.transaction([person, first, second, value])
    kinds = [entry["resource"]["resourceType"] for entry in made["entry"]]
    assert kinds == ["Patient", "Organization", "Observation"]
    assert made["entry"][1]["resource"]["address"] == [{"city": "Testtown"}]
    assert made["entry"][2]["resource"]["performer"] == [stated.reference(first)]
    assert value.body["performer"] == [stated.reference(second)]


def test_a_resource_that_comes_twice_stands_once() -> None:
    ward = stated.resource("Location", "4", {"name": "Ward"}, knows=Knows.SHARED)
    gone = stated.patient("1", ("telecom", "birthDate"))
    back = stated.patient("1", birthDate="1980")
    kept = bundle.gathered([ward, gone, ward, back])
    assert [item.body["resourceType"] for item in kept] == ["Location", "Patient"]
    assert (kept[1].removed, kept[1].body["birthDate"]) == (("telecom",), "1980")


def test_types_may_share_an_identifier() -> None:
    person, stay = stated.patient("1"), stated.encounter("1", stated.patient("1"))
    assert len(bundle.gathered([person, stay])) == 2


def test_an_update_is_merged_and_guarded_by_the_version() -> None:
    person = stated.patient("1", gender="female")
    held = {
        "resourceType": "Patient",
        "id": "1000",
        "meta": {"versionId": "3"},
        "identifier": [{"system": "other", "value": "x"}],
    }
    made = bundle.update(person, held, {})
    assert made["request"] == {"method": "PUT", "url": "Patient/1000", "ifMatch": 'W/"3"'}
    assert made["resource"]["gender"] == "female"
    assert made["resource"]["id"] == "1000"
    assert len(made["resource"]["identifier"]) == 2
    del held["meta"]
    assert "ifMatch" not in bundle.update(person, held, {})["request"]


def test_links_to_merged_records_are_united_with_those_that_are_held() -> None:
    first, second = stated.patient("1"), stated.patient("2")
    links = [{"type": "replaces", "other": stated.reference(other)} for other in (first, second)]
    held = {
        "resourceType": "Patient",
        "id": "1000",
        "link": [{"type": "replaces", "other": {"reference": "Patient/7"}}],
    }
    where = {f"urn:uuid:{first.uuid}": "Patient/7"}
    made = bundle.update(stated.patient("3", link=links), held, where)
    assert [link["other"]["reference"] for link in made["resource"]["link"]] == [
        "Patient/7",
        f"urn:uuid:{second.uuid}",
    ]


def test_json_is_one_line_unless_it_is_to_be_read() -> None:
    made = bundle.transaction([stated.patient("1")])
    assert b"\n" not in bundle.dump(made)
    assert bundle.dump(made, pretty=True).count(b"\n") > 5
    assert orjson.loads(bundle.dump(made)) == made


def test_decimals_keep_their_digits_on_the_way_in_and_out() -> None:
    text = b'{"resourceType":"Observation","valueQuantity":{"value":5.10,"low":1e3,"n":7}}'
    read = bundle.load(text)
    assert read is not None
    assert bundle.dump(read) == text


@pytest.mark.parametrize("body", [b"", b"<html/>", b"[]", b"{}", b"\xff", b'{"a":' * 100_000])
def test_what_is_no_resource_is_not_loaded(body: bytes) -> None:
    assert bundle.load(body) is None
