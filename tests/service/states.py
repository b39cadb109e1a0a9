"""What a server holds in the end, in a form that can be compared: no versions, no chosen ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.fhir.bundle import redirected

Body = dict[str, Any]

#: What a server adds to each resource.
_OWN = ("versionId", "lastUpdated", "source")


def label(body: Body) -> str:
    """The name of a resource that is the same on every server."""
    kind, own = body["resourceType"], body["id"]
    identifiers = body.get("identifier", ())
    named = identifiers if isinstance(identifiers, list) else ()
    names = sorted(f"{item['system']}|{item['value']}" for item in named if "system" in item)
    # An id of ours begins with a letter and is the same everywhere.
    return f"{kind}/{own if own[0] == 'm' and len(own) > 30 else names[0]}"


def comparable(resources: Iterable[Body]) -> dict[str, Body]:
    """Resources by their labels, each once, referring to each other by label."""
    found = list(resources)
    where = {f"{body['resourceType']}/{body['id']}": label(body) for body in found}
    labels = list(where.values())
    assert len(set(labels)) == len(labels), f"twice: {sorted(labels)}"
    return {label(body): redirected(_bare(body), where) for body in found}


def assert_right(state: dict[str, Body], person: str) -> None:
    """What the histories of a person come to, in whatever order the two feeds told them."""
    patient = state[f"Patient/urn:oid:2.999.1|{person}"]
    assert (patient["birthDate"], patient["gender"]) == ("1980-01-01", "female")
    assert not {"address", "telecom"} & patient.keys()
    stay = state[f"Encounter/urn:oid:2.999.2|{person}"]
    assert stay["status"] == "finished"
    assert (stay["period"]["start"][:10], stay["period"]["end"]) == ("2026-01-05", "2026-01-09")
    assert stay["hospitalization"].keys() == {"admitSource", "dischargeDisposition"}
    values = [
        (value["status"], float(value["valueQuantity"]["value"]))
        for value in state.values()
        if value["resourceType"] == "Observation"
        and value["subject"]["reference"] == f"Patient/urn:oid:2.999.1|{person}"
    ]
    expected = [("corrected", 5.2), ("corrected", 6.7), ("final", 4.0), ("final", 5.2)]
    assert sorted(values) == expected
    former = state[f"Patient/urn:oid:2.999.1|{person}T"]
    if "link" in patient:
        assert former["active"] is False
        assert former["link"] == [_link("replaced-by", person)]
        assert patient["link"] == [_link("replaces", f"{person}T")]


def _link(kind: str, person: str) -> Body:
    return {"type": kind, "other": {"reference": f"Patient/urn:oid:2.999.1|{person}"}}


def _bare(body: Body) -> Body:
    meta = {key: value for key, value in body.get("meta", {}).items() if key not in _OWN}
    return {
        **{key: value for key, value in body.items() if key not in ("id", "meta")},
        "meta": meta,
    }
