"""What a server claims to be: its CapabilityStatement, as far as deliveries rest on it."""

from __future__ import annotations

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Claims:
    """What the statement at ``[base]/metadata`` says."""

    fhir_version: str


def read_claims(body: bytes) -> Claims | None:
    """Read a CapabilityStatement; None when the body is none."""
    try:
        statement = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(statement, dict):
        return None
    if statement.get("resourceType") != "CapabilityStatement":
        return None
    return Claims(fhir_version=str(statement.get("fhirVersion", "")))
