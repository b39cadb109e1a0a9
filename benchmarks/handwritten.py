"""What a good programmer writes by hand for one laboratory feed, to be measured against.

It makes the same elements of the same resources as the standard library makes of
the 14-OBX result (the benchmark compares both as JSON before it measures), with
no rule, no dictionary, no type table and no report of what it did not read.  It
is honest work: absent values make no element, escapes are decoded, numbers keep
their digits, dates are checked, references are deterministic.
"""

from datetime import datetime
from hashlib import sha1
from re import compile as pattern
from typing import Any

import orjson

Json = dict[str, Any]

_TERMS = "http://terminology.hl7.org/CodeSystem/"
_SYSTEMS = {
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "SCT": "http://snomed.info/sct",
}
_GENDER = {"F": "female", "M": "male", "O": "other", "U": "unknown", "A": "other"}
_NAME_USE = {"L": "official", "M": "maiden", "N": "nickname", "A": "anonymous"}
_ADDRESS_USE = {"H": "home", "B": "work", "O": "work", "BA": "old", "C": "temp"}
_PHONE_USE = {"PRN": "home", "WPN": "work", "ORN": "home"}
_MARITAL = {"M": "Married", "S": "Never Married", "D": "Divorced", "W": "Widowed"}
_CLASS = {
    "O": ("AMB", "ambulatory"),
    "I": ("IMP", "inpatient encounter"),
    "E": ("EMER", "emergency"),
}
_FLAGS = {
    "N": "Normal",
    "H": "High",
    "L": "Low",
    "HH": "Critical high",
    "LL": "Critical low",
    "A": "Abnormal",
}
_OBSERVED = {
    "F": "final",
    "P": "preliminary",
    "C": "corrected",
    "R": "registered",
    "X": "cancelled",
}
_ORDERED = {"CM": "completed", "IP": "active", "CA": "revoked", "HD": "on-hold"}
_NUMBER = pattern(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_RANGE = pattern(r"(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)")
_ESCAPES = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", ".br": "\n"}
_ESCAPE = pattern(r"\\(F|S|T|R|E|\.br)\\")


def convert(raw: bytes) -> list[Json]:
    """The resources of one message."""
    segments = [line.split("|") for line in raw.decode("utf-8").split("\r") if line]
    return Conversion(segments).resources


def _text(value: str) -> str:
    return value if "\\" not in value else _ESCAPE.sub(lambda found: _ESCAPES[found[1]], value)


def _uuid(*seed: str) -> str:
    text = sha1("|".join(seed).encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def _time(value: str) -> str | None:
    """A DTM to the second with its offset."""
    day = f"{value[:4]}-{value[4:6]}-{value[6:8]}"
    time = f"{day}T{value[8:10]}:{value[10:12]}:{value[12:14]}{value[14:17]}:{value[17:19]}"
    try:
        datetime.fromisoformat(time)
    except ValueError:
        return None
    return time


def _date(value: str) -> str | None:
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}" if len(value) == 8 and value.isdigit() else None


def _decimal(value: str) -> Any:
    return orjson.Fragment(value.encode()) if _NUMBER.fullmatch(value) else None


def _part(parts: list[str], number: int) -> str:
    if len(parts) < number:
        return ""
    value = parts[number - 1]
    return value if "\\" not in value else _text(value)


def _concept(value: str) -> Json | None:
    """A CWE of one coding."""
    if not value:
        return None
    parts = value.split("^")
    coding: Json = {}
    if code := _part(parts, 1):
        coding["code"] = code
    if display := _part(parts, 2):
        coding["display"] = display
    if system := _part(parts, 3):
        coding["system"] = _SYSTEMS.get(system, system)
    concept: Json = {"coding": [coding]}
    if text := _part(parts, 9) or display:
        concept["text"] = text
    return concept


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": _TERMS + system, "code": code}]}


class Conversion:
    """One message on its way."""

    def __init__(self, segments: list[list[str]]) -> None:
        self.resources: list[Json] = []
        self.shared: dict[str, Json] = {}
        self.observations: list[Json] = []
        self.notes: list[Json] = []
        for fields in segments:
            self._field = fields
            match fields[0]:
                case "MSH":
                    self._header(fields + [""] * (13 - len(fields)))
                case "PID":
                    self._patient(fields + [""] * (31 - len(fields)))
                case "PV1":
                    self._encounter(fields + [""] * (46 - len(fields)))
                case "ORC":
                    self._order = fields + [""] * (13 - len(fields))
                case "OBR":
                    self._report(fields + [""] * (50 - len(fields)))
                case "NTE":
                    self.notes.append({"text": _text(fields[3])})
                case "OBX":
                    self._observation(fields + [""] * (20 - len(fields)))
        self._close()

    def _add(self, body: Json, *seed: str) -> Json:
        uuid = _uuid(body["resourceType"], *seed)
        body["id"] = "m" + uuid.replace("-", "")
        self.resources.append(body)
        return {"reference": "urn:uuid:" + uuid}

    def _share(self, body: Json, *seed: str) -> Json:
        uuid = _uuid(body["resourceType"], *seed)
        body["id"] = "m" + uuid.replace("-", "")
        self.shared.setdefault(uuid, body)
        return {"reference": "urn:uuid:" + uuid}

    # --- MSH

    def _header(self, msh: list[str]) -> None:
        sender = self._facility(msh[3])
        receiver = self._facility(msh[5])
        event = msh[8].split("^")
        header = self._add(
            {
                "resourceType": "MessageHeader",
                "eventCoding": {"code": event[1], "display": msh[8], "system": _TERMS + "v2-0003"},
                "source": {
                    "name": _text(msh[2]),
                    "endpoint": "urn:mllp:" + msh[2],
                    "version": msh[11],
                },
                "destination": [
                    {"name": _text(msh[4]), "endpoint": "urn:mllp:" + msh[4], "receiver": receiver}
                ],
                "sender": sender,
                "meta": {"tag": [{"code": msh[10], "system": _TERMS + "v2-0103"}]},
            },
            msh[9],
        )
        sent = _time(msh[6])
        author = _coded("provenance-participant-type", "author")
        self._add(
            {
                "resourceType": "Provenance",
                "recorded": sent,
                "occurredDateTime": sent,
                "activity": {"text": msh[8]},
                "agent": [{"who": sender, "type": author}],
                "entity": [{"what": {"identifier": {"value": msh[9]}}, "role": "source"}],
                "target": [header],
            },
            msh[9],
        )

    def _facility(self, value: str) -> Json:
        parts = value.split("^")
        name = _part(parts, 1)
        body: Json = {"resourceType": "Organization", "name": name, "identifier": [{"value": name}]}
        if universal := _part(parts, 2):
            kind = {"coding": [{"code": _part(parts, 3), "system": _TERMS + "v2-0301"}]}
            body["identifier"].append({"value": universal, "type": kind})
        return self._share(body, value)

    # --- PID

    def _patient(self, pid: list[str]) -> None:
        body: Json = {"resourceType": "Patient"}
        body["identifier"] = [_identifier(value) for value in pid[3].split("~") if value]
        body["name"] = [_name(value) for value in pid[5].split("~") if value]
        if born := _date(pid[7]):
            body["birthDate"] = born
        if gender := _GENDER.get(pid[8]):
            body["gender"] = gender
        if pid[11]:
            body["address"] = [_address(value) for value in pid[11].split("~")]
        if pid[13]:
            body["telecom"] = [_phone(value) for value in pid[13].split("~")]
        if pid[15]:
            body["communication"] = [{"language": _language(pid[15])}]
        if pid[16] in _MARITAL:
            marital = {
                "system": _TERMS + "v3-MaritalStatus",
                "code": pid[16],
                "display": _MARITAL[pid[16]],
            }
            body["maritalStatus"] = {"coding": [marital]}
        self._subject = self._add(body, pid[3])
        self._account(pid[18])

    def _account(self, number: str) -> None:
        kind = _coded("v2-0203", "AN")
        body = {
            "resourceType": "Account",
            "status": "active",
            "identifier": [{"value": _text(number), "type": kind}],
            "subject": [self._subject],
        }
        self._billed = self._add(body, self._subject["reference"], number)

    # --- PV1

    def _encounter(self, pv1: list[str]) -> None:
        code, display = _CLASS.get(pv1[2], ("AMB", "ambulatory"))
        body: Json = {
            "resourceType": "Encounter",
            "identifier": [{"value": _text(pv1[19]), "type": _coded("v2-0203", "VN")}],
            "class": {"system": _TERMS + "v3-ActCode", "code": code, "display": display},
            "status": "finished" if pv1[45] else "in-progress",
        }
        if pv1[7]:
            attending = {
                "individual": self._practitioner(pv1[7]),
                "type": [_coded("v3-ParticipationType", "ATND")],
            }
            body["participant"] = [attending]
        if pv1[3]:
            body["location"] = [{"location": self._location(pv1[3]), "status": "active"}]
        body["subject"] = self._subject
        body["account"] = [self._billed]
        self._visit = self._add(body, self._subject["reference"], pv1[19])

    def _practitioner(self, value: str) -> Json:
        parts = value.split("^")
        identifier: Json = {"value": _part(parts, 1)}
        if assigner := _part(parts, 9):
            identifier["assigner"] = {"display": assigner}
        name: Json = {"family": _part(parts, 2)}
        if given := [part for part in (_part(parts, 3), _part(parts, 4)) if part]:
            name["given"] = given
        if prefix := _part(parts, 6):
            name["prefix"] = [prefix]
        body = {"resourceType": "Practitioner", "identifier": [identifier], "name": [name]}
        return self._share(body, parts[0])

    def _role(self, value: str) -> Json:
        body = {"resourceType": "PractitionerRole", "practitioner": self._practitioner(value)}
        return self._share(body, value)

    def _location(self, value: str) -> Json:
        parts = value.split("^")
        within: Json | None = None
        path = ""
        for number, kind in ((4, "si"), (1, ""), (2, "ro")):
            name = _part(parts, number)
            if not name:
                continue
            path += "|" + name
            body: Json = {"resourceType": "Location", "name": name, "identifier": [{"value": name}]}
            if within is not None:
                body["partOf"] = within
            if kind:
                body["physicalType"] = _coded("location-physical-type", kind)
            body["mode"] = "instance"
            within = self._share(body, path)
        assert within is not None
        return within

    # --- ORC, OBR

    def _report(self, obr: list[str]) -> None:
        orc = self._order
        placer, filler = _numbered(obr[2], "PLAC"), _numbered(obr[3], "FILL")
        code = _concept(obr[4])
        self._specimen(obr)
        order: Json = {
            "resourceType": "ServiceRequest",
            "intent": "order",
            "identifier": [placer, filler],
            "status": _ORDERED.get(orc[5], "unknown"),
            "authoredOn": _time(orc[9]),
            "requester": self._role(orc[12]),
            "code": code,
            "note": self.notes,
            "subject": self._subject,
            "encounter": self._visit,
            "specimen": [self._sample],
        }
        self._ordered = self._add(order, self._subject["reference"], obr[3])
        self._report_body: Json = {
            "resourceType": "DiagnosticReport",
            "identifier": [filler, placer],
            "category": [{"coding": [{"code": obr[24]}]}],
            "code": code,
            "effectiveDateTime": _time(obr[7]),
            "status": _OBSERVED.get(obr[25], "unknown"),
            "basedOn": [self._ordered],
            "subject": self._subject,
            "encounter": self._visit,
            "specimen": [self._sample],
            "result": self.observations,
        }
        self._filler = obr[3]
        self._add(self._report_body, self._subject["reference"], obr[3])

    def _specimen(self, obr: list[str]) -> None:
        """OBR-15 as versions before 2.7 have it: the source of the specimen, an SPS."""
        parts = obr[15].split("^")
        body: Json = {"resourceType": "Specimen", "type": {"coding": [{"code": _part(parts, 1)}]}}
        if site := _part(parts, 4):
            body["collection"] = {"bodySite": {"coding": [{"code": site}]}}
        if condition := _part(parts, 6):
            body["condition"] = [{"coding": [{"code": condition}]}]
        body["note"] = self.notes
        if method := _part(parts, 3):
            body["note"] = self.sample_notes = [{"text": method}]
        if additive := _part(parts, 2):
            body["container"] = [{"additiveCodeableConcept": {"coding": [{"code": additive}]}}]
        body["subject"] = self._subject
        self._sample = self._add(body, self._subject["reference"], obr[3])

    # --- OBX

    def _observation(self, obx: list[str]) -> None:
        body: Json = {
            "resourceType": "Observation",
            "category": [_coded("observation-category", "laboratory")],
            "status": _OBSERVED.get(obx[11], "unknown"),
            "code": _concept(obx[3]),
        }
        if time := _time(obx[14]):
            body["effectiveDateTime"] = time
        match obx[2]:
            case "NM":
                body["valueQuantity"] = _quantity(obx[5], obx[6])
            case "ST" | "TX" | "FT":
                body["valueString"] = _text(obx[5])
            case "CWE" | "CE":
                body["valueCodeableConcept"] = _concept(obx[5])
        if obx[8]:
            flag = {"system": _TERMS + "v3-ObservationInterpretation", "code": obx[8]}
            if obx[8] in _FLAGS:
                flag["display"] = _FLAGS[obx[8]]
            body["interpretation"] = [{"coding": [flag]}]
        if obx[7]:
            body["referenceRange"] = [_range(obx[7])]
        body["basedOn"] = [self._ordered]
        body["subject"] = self._subject
        body["encounter"] = self._visit
        body["specimen"] = self._sample
        self.observations.append(self._add(body, self._filler, obx[3], obx[4]))

    def _close(self) -> None:
        self.sample_notes += self.notes
        self.resources += self.shared.values()


def _identifier(value: str) -> Json:
    parts = value.split("^")
    identifier: Json = {"value": _part(parts, 1)}
    if assigner := _part(parts, 4):
        identifier["assigner"] = {"display": assigner}
    if kind := _part(parts, 5):
        identifier["type"] = {"coding": [{"code": kind, "system": _TERMS + "v2-0203"}]}
    return identifier


def _numbered(value: str, kind: str) -> Json:
    parts = value.split("^")
    identifier: Json = {"value": _part(parts, 1)}
    if assigner := _part(parts, 2):
        identifier["assigner"] = {"display": assigner}
    identifier["type"] = _coded("v2-0203", kind)
    return identifier


def _name(value: str) -> Json:
    parts = value.split("^")
    name: Json = {}
    if use := _NAME_USE.get(_part(parts, 7)):
        name["use"] = use
    name["family"] = _part(parts, 1)
    if given := [part for part in (_part(parts, 2), _part(parts, 3)) if part]:
        name["given"] = given
    if prefix := _part(parts, 5):
        name["prefix"] = [prefix]
    return name


def _address(value: str) -> Json:
    parts = value.split("^")
    address: Json = {}
    if use := _ADDRESS_USE.get(_part(parts, 7)):
        address["use"] = use
    if lines := [part for part in (_part(parts, 1), _part(parts, 2)) if part]:
        address["line"] = lines
    for number, element in ((3, "city"), (4, "state"), (5, "postalCode"), (6, "country")):
        if part := _part(parts, number):
            address[element] = part
    return address


def _phone(value: str) -> Json:
    parts = value.split("^")
    country, area, local = _part(parts, 5), _part(parts, 6), _part(parts, 7)
    extensions = [
        {"url": "http://hl7.org/fhir/StructureDefinition/contactpoint-" + name, "valueString": part}
        for name, part in (("country", country), ("area", area), ("local", local))
        if part
    ]
    return {
        "use": _PHONE_USE.get(_part(parts, 2), "home"),
        "system": "phone",
        "value": f"+{country} {area} {local}",
        "extension": extensions,
    }


def _language(value: str) -> Json:
    parts = value.split("^")
    display = _part(parts, 2)
    coding = {"system": "urn:ietf:bcp:47", "code": _part(parts, 1), "display": display}
    return {"coding": [coding], "text": display}


def _quantity(value: str, units: str) -> Json:
    parts = units.split("^")
    quantity: Json = {"value": _decimal(value)}
    if unit := _part(parts, 2) or _part(parts, 1):
        quantity["unit"] = unit
        quantity["code"] = _part(parts, 1)
        if system := _part(parts, 3):
            quantity["system"] = _SYSTEMS.get(system, system)
    return quantity


def _range(value: str) -> Json:
    found = _RANGE.fullmatch(value)
    if found is None:
        return {"text": _text(value)}
    return {
        "low": {"value": _decimal(found[1])},
        "high": {"value": _decimal(found[2])},
        "text": value,
    }
