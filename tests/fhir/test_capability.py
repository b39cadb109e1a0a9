"""What a server claims to be."""

import orjson
import pytest

from engine.fhir.capability import Claims, read_claims


def test_a_statement_tells_version_software_and_interactions() -> None:
    statement = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "software": {"name": "Testserver", "version": "1"},
        "rest": [{"interaction": [{"code": "transaction"}, {"code": "batch"}, None]}, None],
    }
    claims = read_claims(orjson.dumps(statement))
    assert claims == Claims("4.0.1", "Testserver 1", frozenset({"transaction", "batch"}))
    assert claims.is_r4


def test_a_bare_statement_claims_nothing() -> None:
    claims = read_claims(b'{"resourceType": "CapabilityStatement", "software": 1, "rest": {}}')
    assert claims == Claims("", "", frozenset())
    assert not claims.is_r4


@pytest.mark.parametrize("body", [b"", b"<html/>", b"[]", b'{"resourceType": "Patient"}'])
def test_anything_else_claims_not_to_be_fhir(body: bytes) -> None:
    assert read_claims(body) is None
