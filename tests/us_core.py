"""Which profile of US Core 6.1 a resource is meant to meet, for validation only.

The engine claims no profile: what a message lacks, no mapping can add. Here each resource claims
the one of its kind, so that the validator says what is missing.
"""

from __future__ import annotations

from typing import Any

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
