"""Which profile of US Core 6.1 a resource is meant to meet, for validation only.

The engine claims no profile: what a message lacks, no mapping can add. Here each resource claims
the one of its kind, so that the validator says what is missing. What no mapping can mend is told by
``mapping/us_core.tsv``: the place and the words of the error, how many the corpus has, a message
without it where there is one, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tests.mapping.guide import table
from tests.services.r4 import Finding

#: The few value sets of VSAC that required bindings of US Core name and its definitions lack.
VALUE_SETS = Path(__file__).parent / "services" / "validator" / "us-core.ndjson"

PROFILE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"

#: Resource types of which US Core has one profile.
_ONE = {
    "AllergyIntolerance": "allergyintolerance",
    "CareTeam": "careteam",
    "Coverage": "coverage",
    "DocumentReference": "documentreference",
    "Encounter": "encounter",
    "Goal": "goal",
    "Immunization": "immunization",
    "Location": "location",
    "Medication": "medication",
    "MedicationDispense": "medicationdispense",
    "MedicationRequest": "medicationrequest",
    "Organization": "organization",
    "Patient": "patient",
    "Practitioner": "practitioner",
    "PractitionerRole": "practitionerrole",
    "Procedure": "procedure",
    "Provenance": "provenance",
    "RelatedPerson": "relatedperson",
    "ServiceRequest": "servicerequest",
    "Specimen": "specimen",
}

#: Of the others it is told by the first category that stands here.
_BY_CATEGORY = {
    "Condition": {
        "encounter-diagnosis": "condition-encounter-diagnosis",
        "problem-list-item": "condition-problems-health-concerns",
    },
    "DiagnosticReport": {"LAB": "diagnosticreport-lab", "": "diagnosticreport-note"},
    "Observation": {"laboratory": "observation-lab", "vital-signs": "vital-signs"},
}


def claim(bundle: dict[str, Any]) -> None:
    """Let every resource of a Bundle claim the profile that it is meant to meet."""
    for entry in bundle["entry"]:
        resource = entry["resource"]
        name = profile(resource)
        if name:
            resource.setdefault("meta", {})["profile"] = [PROFILE + name]


def profile(resource: dict[str, Any]) -> str:
    """The name of the profile of a resource, or ""."""
    kind = resource["resourceType"]
    if kind == "DocumentReference" and not resource.get("category"):
        return ""  # the message as it was received: no clinical note
    choices = _BY_CATEGORY.get(kind)
    if choices is None:
        return _ONE.get(kind, "")
    codes = [
        coding.get("code", "")
        for category in resource.get("category", ())
        for coding in category.get("coding", ())
    ]
    return next((choices[code] for code in [*codes, ""] if code in choices), "")


@cache
def reasons() -> list[dict[str, str]]:
    """What a message of the corpus does not say, or says wrongly, by the place of the error."""
    return table("us_core.tsv")


def reason(found: Finding) -> str:
    """Why an error cannot be mended by a mapping, or ""."""
    for row in reasons():
        if found.cause.startswith(row["place"] + ": ") and row["rule"] in found.message:
            return f"{row['place']}, {row['rule']}: {row['why']}"
    return ""


def tally(known: Iterable[Finding]) -> list[str]:
    """How many errors each reason explains, the most frequent first."""
    counts = Counter(map(reason, known))
    lines = [f"{count:6}  {why}" for why, count in counts.most_common()]
    return (
        [*lines, f"{counts.total()} errors of {len(counts)} causes are explained"] if lines else []
    )
