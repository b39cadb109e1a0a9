"""Mapped messages made by hand: a laboratory result and an admission of synthetic people."""

from typing import Any
from uuid import UUID, uuid5

from engine.errors import Location
from engine.mapping.result import Knows, Mapped, Resource

Body = dict[str, Any]

SYSTEM = "urn:oid:2.999.7"
STAFF = "urn:oid:2.999.8"
_NAMES = UUID("5c2f0b57-7f3c-4a58-8a55-3a0c7a9f0d11")


def resource(
    kind: str,
    seed: str,
    body: Body,
    *,
    knows: Knows = Knows.WHOLE,
    criterion: str = "",
    removed: tuple[str, ...] = (),
) -> Resource:
    """One resource whose id and UUID follow from a seed."""
    uuid = str(uuid5(_NAMES, f"{kind}|{seed}"))
    named = {"resourceType": kind, "id": "m" + uuid.replace("-", ""), **body}
    return Resource(named, criterion, knows, removed, Location("PID"), uuid)


def reference(target: Resource) -> Body:
    """A reference inside the Bundle."""
    return {"reference": f"urn:uuid:{target.uuid}"}


def identified(kind: str, value: str, body: Body, *, system: str = SYSTEM, **how: Any) -> Resource:
    """A resource that is found by its identifier."""
    identifiers = [{"system": system, "value": value}]
    named = {"identifier": identifiers, **body}
    return resource(kind, value, named, criterion=f"identifier={system}|{value}", **how)


def patient(value: str, removed: tuple[str, ...] = (), **elements: Any) -> Resource:
    """A patient as one message knows it."""
    return identified("Patient", value, elements, knows=Knows.PART, removed=removed)


def practitioner(value: str, **elements: Any) -> Resource:
    """Somebody whom many patients share."""
    return identified("Practitioner", value, elements, system=STAFF, knows=Knows.SHARED)


def organization(value: str, name: str = "Laboratory North") -> Resource:
    """A laboratory."""
    return identified("Organization", value, {"name": name}, system=STAFF, knows=Knows.SHARED)


def encounter(value: str, subject: Resource, **elements: Any) -> Resource:
    """A stay."""
    body = {"status": "in-progress", "subject": reference(subject), **elements}
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    return identified("Encounter", value, {"class": coding, **body}, knows=Knows.PART)


def observation(
    seed: str, subject: Resource, performer: Resource, value: str = "5.4", status: str = "final"
) -> Resource:
    """A value; it has no identifier and is known by its own id."""
    body = {
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]},
        "subject": reference(subject),
        "performer": [reference(performer)],
        "valueString": value,
    }
    return resource("Observation", seed, body)


def result(number: str, *, doctor: str = "", **values: str) -> Mapped:
    """A laboratory result of one patient: everything linked."""
    subject = patient(f"P{number}", name=[{"family": "Testpatient", "given": ["Anna"]}])
    laboratory = organization(f"L{doctor or number}")
    orderer = practitioner(f"D{doctor or number}", name=[{"family": "Tester"}])
    value = observation(f"O{number}", subject, laboratory, **values)
    body = {
        "status": "final",
        "code": {"text": "Glucose"},
        "subject": reference(subject),
        "performer": [reference(laboratory)],
        "resultsInterpreter": [reference(orderer)],
        "result": [reference(value)],
    }
    report = resource("DiagnosticReport", f"R{number}", body)
    return mapped(subject, report, value, laboratory, orderer)


def admission(number: str, **elements: Any) -> Mapped:
    """An admission: a patient and a stay."""
    subject = patient(f"P{number}", name=[{"family": "Testpatient"}], gender="female")
    return mapped(subject, encounter(f"V{number}", subject, **elements))


def mapped(*resources: Resource) -> Mapped:
    """A message that became these."""
    return Mapped(list(resources), [])
