"""What a good programmer writes by hand for one laboratory feed, to be measured against.

It makes the same elements of the same resources as the standard library makes of
the 14-OBX result (the benchmark compares both as JSON before it measures), with
no rule, no dictionary, no type table and no report of what it did not read.  It
is honest work: absent values make no element, escapes are decoded, numbers keep
their digits, dates are checked, references are deterministic.
"""

from base64 import b64encode
from typing import Any

from benchmarks import handwritten_values as values

Json = dict[str, Any]


def convert(raw: bytes) -> list[Json]:
    """The resources of one message."""
    segments = [line.split("|") for line in raw.decode("utf-8").split("\r") if line]
    return Conversion(raw, segments).resources


class Conversion:
    """One message on its way."""

    def __init__(self, raw: bytes, segments: list[list[str]]) -> None:
        self.resources: list[Json] = []
        self.shared: dict[str, Json] = {}
        self.observations: list[Json] = []
        self.notes: list[Json] = []
        self._raw = raw
        for fields in segments:
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
                    self.notes.append(_note(fields))
                case "OBX":
                    self._observation(fields + [""] * (20 - len(fields)))
        self._close()

    def _add(self, body: Json, *seed: str) -> Json:
        uuid = values.uuid(body["resourceType"], *seed)
        body["id"] = "m" + uuid.replace("-", "")
        self.resources.append(body)
        return {"reference": "urn:uuid:" + uuid}

    def _share(self, body: Json, *seed: str) -> Json:
        uuid = values.uuid(body["resourceType"], *seed)
        body["id"] = "m" + uuid.replace("-", "")
        self.shared.setdefault(uuid, body)
        return {"reference": "urn:uuid:" + uuid}

    # --- MSH

    def _header(self, msh: list[str]) -> None:
        sender, receiver = self._facility(msh[3]), self._facility(msh[5])
        target = self._share({"resourceType": "Device", "identifier": [{"value": msh[4]}]}, msh[4])
        destination = {
            "name": values.text(msh[4]),
            "target": target,
            "endpoint": "urn:mllp:" + msh[4],
            "receiver": receiver,
        }
        code = {
            "code": msh[8].split("^")[1],
            "display": msh[8],
            "system": values.TERMS + "v2-0003",
        }
        header = {
            "resourceType": "MessageHeader",
            "eventCoding": code,
            "source": {"name": values.text(msh[2]), "endpoint": "urn:mllp:" + msh[2]},
            "destination": [destination],
            "sender": sender,
            "meta": {"tag": [{"code": msh[10], "system": values.TERMS + "v2-0103"}]},
            "extension": [
                {"url": "urn:mllp-engine:component:version", "valueCode": msh[11]},
            ],
        }
        self._provenance(msh, sender, self._add(header, msh[9]))

    def _provenance(self, msh: list[str], sender: Json, header: Json) -> None:
        sent = values.instant(msh[6])
        attachment = {
            "creation": sent,
            "data": b64encode(self._raw).decode(),
            "contentType": "x-application/hl7-v2+er7",
        }
        self._document: Json = {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": {"text": "HL7 v2 message"},
            "masterIdentifier": {"value": msh[9]},
            "content": [{"attachment": attachment}],
        }
        document = self._add(self._document, msh[9])
        author = values.coded("provenance-participant-type", "author")
        provenance = {
            "resourceType": "Provenance",
            "recorded": sent,
            "occurredDateTime": sent,
            "activity": {"text": msh[8]},
            "agent": [{"who": sender, "type": author}],
            "entity": [{"role": "source", "what": document}],
            "target": [header],
        }
        self._add(provenance, msh[9])

    def _facility(self, value: str) -> Json:
        parts = value.split("^")
        name = values.part(parts, 1)
        body: Json = {"resourceType": "Organization", "name": name, "identifier": [{"value": name}]}
        if universal := values.part(parts, 2):
            names = {"ISO": "ISO Object Identifier"}
            kind = values.labelled("v2-0301", names, values.part(parts, 3))
            oid = {"value": "urn:oid:" + universal, "type": kind, "system": "urn:ietf:rfc:3986"}
            body["identifier"].append(oid)
        return self._share(body, value)

    def _assigner(self, name: str) -> Json:
        body = {"resourceType": "Organization", "name": name, "identifier": [{"value": name}]}
        return {**self._share(body, name), "display": name}

    def _identifier(self, value: str) -> Json:
        """A CX."""
        parts = value.split("^")
        identifier: Json = {"value": values.part(parts, 1)}
        if assigner := values.part(parts, 4):
            identifier["assigner"] = self._assigner(assigner)
        if kind := values.part(parts, 5):
            identifier["type"] = values.labelled("v2-0203", values.KINDS, kind)
        return identifier

    def _numbered(self, value: str, kind: str) -> Json:
        """An EI."""
        parts = value.split("^")
        identifier: Json = {"value": values.part(parts, 1)}
        if assigner := values.part(parts, 2):
            identifier["assigner"] = self._assigner(assigner)
        identifier["type"] = values.coded("v2-0203", kind)
        return identifier

    # --- PID

    def _patient(self, pid: list[str]) -> None:
        body: Json = {"resourceType": "Patient"}
        body["identifier"] = [self._identifier(value) for value in pid[3].split("~") if value]
        body["name"] = [values.human_name(value) for value in pid[5].split("~") if value]
        if born := values.day(pid[7]):
            body["birthDate"] = born
        if gender := values.GENDER.get(pid[8]):
            body["gender"] = gender
        if pid[11]:
            body["address"] = [values.address(value) for value in pid[11].split("~")]
        if pid[13]:
            body["telecom"] = [values.phone(value) for value in pid[13].split("~")]
        if pid[15]:
            body["communication"] = [{"language": values.language(pid[15])}]
        if pid[16] in values.MARITAL:
            marital = {
                "system": values.TERMS + "v3-MaritalStatus",
                "code": pid[16],
                "display": values.MARITAL[pid[16]],
            }
            body["maritalStatus"] = {"coding": [marital]}
        body["extension"] = _us_core(pid[10], pid[8])
        self._subject = self._add(body, pid[3])
        self._document["subject"] = self._subject
        self._account(pid[18])

    def _account(self, number: str) -> None:
        kind = values.coded("v2-0203", "AN")
        body = {
            "resourceType": "Account",
            "status": "active",
            "identifier": [{"value": values.text(number), "type": kind}],
            "subject": [self._subject],
        }
        self._billed = self._add(body, self._subject["reference"], number)

    # --- PV1

    def _encounter(self, pv1: list[str]) -> None:
        code, display = values.CLASS.get(pv1[2], ("AMB", "ambulatory"))
        body: Json = {
            "resourceType": "Encounter",
            "identifier": [{"value": values.text(pv1[19]), "type": values.coded("v2-0203", "VN")}],
            "class": {"system": values.TERMS + "v3-ActCode", "code": code, "display": display},
            "status": "finished" if pv1[45] else "in-progress",
        }
        if pv1[7]:
            attending = {
                "individual": self._practitioner(pv1[7]),
                "type": [{**values.coded("v3-ParticipationType", "ATND"), "text": "attender"}],
            }
            body["participant"] = [attending]
        if pv1[3]:
            body["location"] = [{"location": self._location(pv1[3]), "status": "active"}]
        body["subject"] = self._subject
        body["account"] = [self._billed]
        self._visit = self._add(body, self._subject["reference"], pv1[19])

    def _practitioner(self, value: str) -> Json:
        parts = value.split("^")
        identifier: Json = {"value": values.part(parts, 1)}
        if assigner := values.part(parts, 9):
            identifier["assigner"] = self._assigner(assigner)
        name: Json = {"family": values.part(parts, 2)}
        if given := [part for part in (values.part(parts, 3), values.part(parts, 4)) if part]:
            name["given"] = given
        if prefix := values.part(parts, 6):
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
            name = values.part(parts, number)
            if not name:
                continue
            path += "|" + name
            body: Json = {"resourceType": "Location", "name": name, "identifier": [{"value": name}]}
            if within is not None:
                body["partOf"] = within
            if kind:
                body["physicalType"] = values.coded("location-physical-type", kind)
            body["mode"] = "instance"
            within = self._share(body, path)
        assert within is not None
        return within

    # --- ORC, OBR

    def _report(self, obr: list[str]) -> None:
        orc = self._order
        placer, filler = self._numbered(obr[2], "PLAC"), self._numbered(obr[3], "FILL")
        code = values.concept(obr[4])
        self._category = [{"coding": [{"code": obr[24]}]}]
        self._specimen(obr)
        order: Json = {
            "resourceType": "ServiceRequest",
            "intent": "order",
            "identifier": [placer, filler],
            "status": values.ORDERED.get(orc[5], "unknown"),
            "authoredOn": values.instant(orc[9]),
            "requester": self._role(orc[12]),
            "extension": [_business_event(orc)],
            "code": code,
            "category": self._category,
            "note": self.notes,
            "subject": self._subject,
            "encounter": self._visit,
            "specimen": [self._sample],
        }
        self._ordered = self._add(order, self._subject["reference"], obr[3])
        self._report_body: Json = {
            "resourceType": "DiagnosticReport",
            "identifier": [filler, placer],
            "category": self._category,
            "code": code,
            "effectiveDateTime": values.instant(obr[7]),
            "status": values.OBSERVED.get(obr[25], "unknown"),
            "basedOn": [self._ordered],
            "subject": self._subject,
            "encounter": self._visit,
            "specimen": [self._sample],
            "result": self.observations,
        }
        self._filler = obr[3]
        report = self._add(self._report_body, self._subject["reference"], obr[3])
        if obr[23]:
            charge: Json = {
                "resourceType": "ChargeItem",
                "status": "unknown",
                "code": code,
                "service": [report],
                "note": self.notes,
                "subject": self._subject,
                "context": self._visit,
            }
            self._add(charge, self._subject["reference"], obr[3])

    def _specimen(self, obr: list[str]) -> None:
        """OBR-15 as versions before 2.7 have it: the source of the specimen, an SPS."""
        parts = obr[15].split("^")
        body: Json = {
            "resourceType": "Specimen",
            "type": {"coding": [{"code": values.part(parts, 1)}]},
        }
        if site := values.part(parts, 4):
            body["collection"] = {"bodySite": {"coding": [{"code": site}]}}
            body["collection"]["collectedDateTime"] = values.instant(obr[7])
        if condition := values.part(parts, 6):
            body["condition"] = [{"coding": [{"code": condition}]}]
        body["note"] = self.notes
        if method := values.part(parts, 3):
            body["note"] = self.sample_notes = [{"text": method}]
        if additive := values.part(parts, 2):
            body["container"] = [{"additiveCodeableConcept": {"coding": [{"code": additive}]}}]
        body["subject"] = self._subject
        self._sample = self._add(body, self._subject["reference"], obr[3])

    # --- OBX

    def _observation(self, obx: list[str]) -> None:
        body: Json = {
            "resourceType": "Observation",
            "category": self._category,
            "status": values.OBSERVED.get(obx[11], "unknown"),
            "code": values.concept(obx[3]),
        }
        if time := values.instant(obx[14]):
            body["effectiveDateTime"] = time
        match obx[2]:
            case "NM":
                body["valueQuantity"] = values.quantity(obx[5], obx[6])
            case "ST" | "TX" | "FT":
                body["valueString"] = values.text(obx[5])
            case "CWE" | "CE":
                body["valueCodeableConcept"] = values.concept(obx[5])
        if obx[8]:
            flag = {"system": values.TERMS + "v3-ObservationInterpretation", "code": obx[8]}
            if obx[8] in values.FLAGS:
                flag["display"] = values.FLAGS[obx[8]]
            body["interpretation"] = [{"coding": [flag]}]
        if obx[7]:
            body["referenceRange"] = [values.reference_range(obx[7])]
        body["basedOn"] = [self._ordered]
        body["subject"] = self._subject
        body["encounter"] = self._visit
        body["specimen"] = self._sample
        self.observations.append(self._add(body, self._filler, obx[3], obx[4]))

    def _close(self) -> None:
        self.sample_notes += self.notes
        self.resources += self.shared.values()


def _note(nte: list[str]) -> Json:
    """An Annotation, and who says it."""
    source = {"url": "urn:mllp-engine:component:commentSource", "valueCode": nte[2]}
    return {"text": values.text(nte[3]), "extension": [source]}


def _us_core(race: str, sex: str) -> list[Json]:
    """The race and birth sex of US Core."""
    base = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    extensions: list[Json] = []
    if race:
        parts = race.split("^")
        display = values.part(parts, 2)
        coding = {"system": values.RACES, "code": values.part(parts, 1), "display": display}
        named = [
            {"url": "ombCategory", "valueCoding": coding},
            {"url": "text", "valueString": display},
        ]
        extensions.append({"url": base + "race", "extension": named})
    if sex in ("F", "M"):
        extensions.append({"url": base + "birthsex", "valueCode": sex})
    return extensions


def _business_event(orc: list[str]) -> Json:
    """What the order control code says, and when."""
    event = [
        {"url": "value", "valueCodeableConcept": values.coded("v2-0119", orc[1])},
        {"url": "date", "valueDateTime": values.instant(orc[9])},
    ]
    return {"url": "http://hl7.org/fhir/StructureDefinition/businessEvent", "extension": event}
