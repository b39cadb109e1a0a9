"""What a server claims to be."""

import orjson
import pytest

from engine.fhir.capability import Claims, read_claims


def test_a_statement_tells_the_version_of_fhir() -> None:
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [None]}
    assert read_claims(orjson.dumps(statement)) == Claims("4.0.1")


def test_a_bare_statement_claims_no_version() -> None:
    assert read_claims(b'{"resourceType": "CapabilityStatement"}') == Claims("")


@pytest.mark.parametrize("body", [b"", b"<html/>", b"[]", b'{"resourceType": "Patient"}'])
def test_anything_else_claims_not_to_be_fhir(body: bytes) -> None:
    assert read_claims(body) is None
