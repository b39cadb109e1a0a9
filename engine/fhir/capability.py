"""What a server claims to be: its CapabilityStatement, as far as deliveries rest on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

#: R4 and its technical corrections.
R4 = "4.0"


@dataclass(frozen=True, slots=True)
class Claims:
    """What the statement at ``[base]/metadata`` says."""

    fhir_version: str
    software: str
    #: system-level interactions: transaction, batch ...
    interactions: frozenset[str]

    @property
    def is_r4(self) -> bool:
        """Whether it speaks the version that we write."""
        return self.fhir_version.startswith(R4)


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
    rest = [part for part in _list(statement, "rest") if isinstance(part, dict)]
    codes = (
        interaction.get("code", "")
        for part in rest
        for interaction in _list(part, "interaction")
        if isinstance(interaction, dict)
    )
    software = statement.get("software")
    named = software if isinstance(software, dict) else {}
    return Claims(
        fhir_version=str(statement.get("fhirVersion", "")),
        software=f"{named.get('name', '')} {named.get('version', '')}".strip(),
        interactions=frozenset(map(str, codes)),
    )


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []
