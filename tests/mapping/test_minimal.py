"""Small messages: what one field says stands in its place, whatever else is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from engine.hl7v2.message import Message
from engine.mapping.library import Mapping, load_library
from engine.mapping.result import Context

Body = dict[str, Any]
MSH = "MSH|^~\\&|APP|FAC|RAPP|RFAC|20240102030405||{}|C1|P|2.8"
PID = "PID|1||PAT1^^^HOSP&2.999.1&ISO^MR||Testpatient^Anna"
EVN = "EVN||20240102030405"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_library().mapping()


class Bundle:
    """What a message became, by type, with references followed."""

    def __init__(self, mapping: Mapping, kind: str, *segments: str, more: str = "") -> None:
        text = "\r".join((MSH.format(kind) + more, *segments)) + "\r"
        context = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "minimal")
        self._by_reference = {
            "urn:uuid:" + resource.uuid: orjson.loads(orjson.dumps(resource.body))
            for resource in mapping.convert(Message.parse(text), context).resources
        }

    def of(self, kind: str) -> list[Body]:
        return [body for body in self._by_reference.values() if body["resourceType"] == kind]

    def one(self, kind: str) -> Body:
        [body] = self.of(kind)
        return body

    def at(self, reference: Body) -> Body:
        return self._by_reference[reference["reference"]]


def at(number: int, segment: str, text: str) -> str:
    """A segment with one field."""
    return segment + "|" * number + text


# ---------------------------------------------------------------- relatives and insured


def test_a_relative_of_unknown_name_is_a_contact_all_the_same(mapping: Mapping) -> None:
    patient = Bundle(mapping, "ADT^A08", EVN, PID, at(3, "NK1", "MTH")).one("Patient")
    [contact] = patient["contact"]
    assert contact["relationship"][0]["coding"][0]["code"] == "MTH"
    assert contact["name"] == {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}


@pytest.mark.parametrize("number", [30, 31, 32])
def test_whom_to_reach_at_an_organization_without_a_name(mapping: Mapping, number: int) -> None:
    bundle = Bundle(mapping, "ADT^A08", EVN, PID, at(number, "NK1", "Zq"))
    [contact] = bundle.one("Patient")["contact"]
    assert "name" not in contact
    assert len(bundle.at(contact["organization"])["contact"]) == 1


def test_the_insured_makes_a_coverage_and_is_named_in_it(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ADT^A08", EVN, PID, at(16, "IN1", "Zq^Ada"))
    subscriber = bundle.one("Coverage")["subscriber"]
    assert subscriber["display"] == "Ada Zq"
    assert bundle.at(subscriber)["resourceType"] == "RelatedPerson"


def test_a_patient_insured_himself_is_named_as_the_policy_names_him(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ADT^A08", EVN, PID, at(16, "IN1", "Zq^Ada|SEL"))
    subscriber = bundle.one("Coverage")["subscriber"]
    assert subscriber["display"] == "Ada Zq"
    assert bundle.at(subscriber)["resourceType"] == "Patient"


def test_an_insurer_has_the_number_beside_its_name(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ADT^A08", EVN, PID, at(4, "IN1", "Insurer^^^^^^XX^^^N7"))
    payor = bundle.at(bundle.one("Coverage")["payor"][0])
    assert [item["value"] for item in payor["identifier"]] == ["N7"]


# ---------------------------------------------------------------- allergies


def test_who_reports_an_allergy_is_its_recorder_though_nothing_else_is_said(
    mapping: Mapping,
) -> None:
    bundle = Bundle(mapping, "ADT^A60", EVN, PID, at(14, "IAM", "Zq^Ada|MTH^Mother^HL70063"))
    recorder = bundle.one("AllergyIntolerance")["recorder"]
    assert bundle.at(recorder)["name"] == [{"family": "Zq", "given": ["Ada"]}]
    bundle = Bundle(mapping, "ADT^A60", EVN, PID, at(15, "IAM", "MTH^Mother^HL70063"))
    recorder = bundle.one("AllergyIntolerance")["recorder"]
    assert bundle.at(recorder)["relationship"][0]["coding"][0]["code"] == "MTH"


def test_who_reports_an_allergy_of_their_own_is_the_patient_by_that_name(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ADT^A60", EVN, PID, at(14, "IAM", "Zq^Ada|SEL"))
    patient = bundle.at(bundle.one("AllergyIntolerance")["recorder"])
    assert [name["family"] for name in patient["name"]] == ["Testpatient", "Zq"]
    bundle = Bundle(mapping, "ADT^A60", EVN, PID, at(14, "IAM", "Testpatient^Anna|SEL"))
    assert len(bundle.one("Patient")["name"]) == 1


def test_a_clinicians_code_is_another_coding_of_the_allergen(mapping: Mapping) -> None:
    iam = "IAM|1||A1^Agent^L" + "|" * 24 + "C1^Clinical^L"
    code = Bundle(mapping, "ADT^A60", EVN, PID, iam).one("AllergyIntolerance")["code"]
    assert [item["code"] for item in code["coding"]] == ["A1", "C1"]
    assert code["text"] == "Agent"


# ---------------------------------------------------------------- participants


@pytest.mark.parametrize(
    "segment", ["PRT||AD||AT^Attending^HL70443|1^Zq", "ROL||AD|AT^Attending^HL70443|1^Zq"]
)
def test_who_takes_part_in_a_visit_is_of_the_team_as_well(mapping: Mapping, segment: str) -> None:
    bundle = Bundle(mapping, "ADT^A01", EVN, PID, "PV1|1|I", segment)
    [participant] = bundle.one("Encounter")["participant"]
    role = bundle.at(participant["individual"])
    [member] = bundle.one("CareTeam")["participant"]
    assert bundle.at(member["member"]) == bundle.at(role["practitioner"])


def test_who_takes_part_in_a_procedure_is_not_of_the_team(mapping: Mapping) -> None:
    rol = "ROL||AD|PRI^Primary surgeon^HL70443|1^Zq"
    assert not Bundle(mapping, "ADT^A01", EVN, PID, "PV1|1|I", "PR1|1||P1", rol).of("CareTeam")


@pytest.mark.parametrize(("kind", "type_name"), [("ADT^A08", "Practitioner")] + [
    (kind, "PractitionerRole") for kind in ("ADT^A28", "ORU^R01", "OML^O21")
])  # fmt: skip
def test_a_primary_provider_is_a_role_except_in_most_adt(
    mapping: Mapping, kind: str, type_name: str
) -> None:
    bundle = Bundle(mapping, kind, PID, "PRT||AD||PP^^HL70443|1^Zq")
    [provider] = bundle.one("Patient")["generalPractitioner"]
    assert bundle.at(provider)["resourceType"] == type_name


def test_who_collects_a_specimen_that_nothing_else_describes(mapping: Mapping) -> None:
    bundle = Bundle(
        mapping, "OML^O21", PID, "ORC|NW", "OBR|1|||T1", "PRT||AD||SC^Collector^HL70443|1^Zq"
    )
    collector = bundle.at(bundle.one("Specimen")["collection"]["collector"])
    assert bundle.at(collector["practitioner"])["name"] == [{"family": "Zq"}]


def test_who_collects_a_specimen_that_stands_further_on_performs_the_order(
    mapping: Mapping,
) -> None:
    prt = "PRT||AD||SC^Collector^HL70443|1^Zq"
    bundle = Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1", prt, "OBX|1|ST|C1||x", "SPM|1|S1||BLD")
    [performer] = bundle.one("ServiceRequest")["performer"]
    assert bundle.at(performer)["code"][0]["coding"][0]["code"] == "SC"


# ---------------------------------------------------------------- places and organizations


def test_an_address_of_a_place_of_vaccination_stands_with_its_name(mapping: Mapping) -> None:
    rxa = "RXA|0|1|20240102||140^Flu^CVX" + "|" * 22 + "CLINIC|Zq 1^^Town"
    bundle = Bundle(mapping, "VXU^V04", PID, "ORC|RE", rxa)
    place = bundle.at(bundle.one("Immunization")["location"])
    assert (place["name"], place["address"]["line"]) == ("CLINIC", ["Zq 1"])


def test_an_address_of_a_laboratory_without_a_name(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1", "OBX|1|ST|C1||x" + "|" * 19 + "Zq 1")
    [performer] = bundle.one("Observation")["performer"]
    assert bundle.at(performer)["address"] == [{"line": ["Zq 1"]}]


@pytest.mark.parametrize("number", [22, 23])
def test_how_to_reach_who_orders_without_a_name(mapping: Mapping, number: int) -> None:
    bundle = Bundle(mapping, "ORM^O01", PID, at(number, "ORC", "Zq"), "OBR|1|||T1")
    requester = bundle.at(bundle.one("ServiceRequest")["requester"])
    assert {"address", "telecom"} & bundle.at(requester["organization"]).keys()


def test_for_whom_an_order_was_entered_by_nobody_named(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ORM^O01", PID, at(17, "ORC", "D1^Zq^L"), "OBR|1|||T1")
    [agent] = [
        item
        for provenance in bundle.of("Provenance")
        for item in provenance["agent"]
        if "onBehalfOf" in item
    ]
    assert bundle.at(agent["onBehalfOf"])["name"] == "Zq"
    assert agent["who"]["extension"][0]["url"] == ABSENT


# ---------------------------------------------------------------- visits


@pytest.mark.parametrize("number", [53, 54])
def test_an_episode_alone_makes_a_visit_that_is_part_of_it(mapping: Mapping, number: int) -> None:
    bundle = Bundle(mapping, "ADT^A01", EVN, PID, at(number, "PV1", "Zq"))
    [episode] = bundle.one("Encounter")["episodeOfCare"]
    assert episode["display"] == "Zq"
    assert bundle.at(episode)["resourceType"] == "EpisodeOfCare"


# ---------------------------------------------------------------- specimens


def test_a_laboratory_order_tells_when_its_specimen_was_collected(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "OML^O21", PID, "ORC|NW", "OBR|1|||T1|||20240102")
    assert bundle.one("Specimen")["collection"] == {"collectedDateTime": "2024-01-02"}
    assert not Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1|||20240102").of("Specimen")


def test_what_a_specimen_leaves_to_its_order(mapping: Mapping) -> None:
    obr = "OBR|1|||T1|||20240102||5^mL||||F^Fasting^HL70916|202401020304"
    specimen = Bundle(mapping, "OML^O21", PID, "ORC|NW", obr, "SPM|1|S1||BLD").one("Specimen")
    collection = specimen["collection"]
    assert specimen["receivedTime"] == "2024-01-02T03:04:00+00:00"
    assert collection["collectedDateTime"] == "2024-01-02"
    assert collection["quantity"]["value"] == 5
    assert collection["fastingStatusCodeableConcept"]["coding"][0]["code"] == "F"


@pytest.mark.parametrize("kind", ["OML^O33^OML_O33", "OUL^R22^OUL_R22"])
def test_an_order_is_about_the_specimen_that_leads_it(mapping: Mapping, kind: str) -> None:
    bundle = Bundle(
        mapping, kind, PID,
        "SPM|1|S1||BLD", "ORC|NW|P1", "OBR|1|P1||T1|||20240102",
        "SPM|2|S2||UR", "ORC|NW|P2", "OBR|2|P2||T2|||20240102",
    )  # fmt: skip
    assert len(bundle.of("Specimen")) == 2
    for order in bundle.of("ServiceRequest"):
        [specimen] = order["specimen"]
        number = order["identifier"][0]["value"][1:]
        assert bundle.at(specimen)["identifier"][0]["value"] == "S" + number


# ---------------------------------------------------------------- values and documents


def test_ranges_that_repeat_are_components_as_they_are_written(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1", "OBX|1|VR|C1||1^2~3^4")
    components = bundle.one("Observation")["component"]
    assert [item["valueString"] for item in components] == ["1-2", "3-4"]


def test_a_ratio_in_a_local_unit_keeps_its_code(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1", "OBX|1|SN|C1||^1^:^2|U1^Zq^L")
    numerator = bundle.one("Observation")["valueRatio"]["numerator"]
    assert numerator == {
        "value": 1, "unit": "Zq", "code": "U1", "system": "urn:mllp-engine:minimal:L",
    }  # fmt: skip


def test_a_document_that_no_txa_describes(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "MDM^T02", EVN, PID, "PV1|1|I", "OBX|1|TX|N1^Note^L||Zq")
    attachments = [body["content"][0]["attachment"] for body in bundle.of("DocumentReference")]
    assert [item["data"] for item in attachments if item["contentType"] == "text/plain"] == ["WnE="]
    [document] = [body for body in bundle.of("DocumentReference") if "context" in body]
    assert document["context"]["encounter"]


def test_why_a_document_was_changed_when_nobody_says_when(mapping: Mapping) -> None:
    txa = at(21, "TXA", "Zq")
    bundle = Bundle(mapping, "MDM^T02", EVN, PID, "PV1|1|I", txa, "OBX|1|TX|N1||x")
    reasons = [body["reason"] for body in bundle.of("Provenance") if "reason" in body]
    assert reasons == [[{"text": "Zq"}]]


@pytest.mark.parametrize(("pattern", "said"), [
    ("BID^^^^^^^HS", {"frequency": 2, "period": 1, "periodUnit": "d", "when": ["HS"]}),
    ("^^^^^^^C", {"when": ["C"]}),
    ("^^^^^^^ACM", {"when": ["ACM"]}),
])  # fmt: skip
def test_a_dose_is_related_to_an_event(mapping: Mapping, pattern: str, said: Body) -> None:
    bundle = Bundle(mapping, "OML^O21", PID, "ORC|NW", at(3, "TQ1", pattern), "OBR|1|||T1")
    assert bundle.one("ServiceRequest")["occurrenceTiming"]["repeat"] == said


def test_a_code_that_identifies_keeps_its_alternates(mapping: Mapping) -> None:
    ids = "C1^One^A^C2^Two^B" + "^" * 4 + "C3^Three^C"
    bundle = Bundle(mapping, "ADT^A08", EVN, PID, at(2, "IN1", ids))
    values = [item["value"] for item in bundle.one("Coverage")["identifier"]]
    assert values == ["C1", "C2", "C3"]
    bundle = Bundle(mapping, "SIU^S12", "SCH|A1", "RGS|1", at(3, "AIG", ids))
    assert [item["value"] for item in bundle.one("Location")["identifier"]] == ["C1", "C2", "C3"]


def test_a_state_of_a_document_that_r4_has_not_stands_beside_its_own(mapping: Mapping) -> None:
    txa = at(17, "TXA", "LA")
    bundle = Bundle(mapping, "MDM^T01", EVN, PID, "PV1|1|I", txa)
    [document] = [body for body in bundle.of("DocumentReference") if "docStatus" in body]
    assert document["docStatus"] == "final"
    [extension] = document["_docStatus"]["extension"]
    assert extension["valueCodeableConcept"]["coding"][0]["code"] == "LA"


def test_the_code_system_of_a_producer_is_its_identifiers(mapping: Mapping) -> None:
    obx = "OBX|1|ST|C1||x" + "|" * 10 + "P1^Producer^PRODUCERS"
    bundle = Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1", obx)
    [performer] = bundle.one("Observation")["performer"]
    assert bundle.at(performer)["identifier"] == [
        {"value": "P1", "system": "urn:mllp-engine:minimal:PRODUCERS"}
    ]


def test_the_country_of_a_sender_in_two_letters(mapping: Mapping) -> None:
    bundle = Bundle(mapping, "ADT^A08", PID, more="|||||FR")
    addresses = [body["address"] for body in bundle.of("Organization") if "address" in body]
    assert addresses == [[{"country": "FR"}]]


def test_the_other_name_of_a_producer_is_its_alias(mapping: Mapping) -> None:
    obx = "OBX|1|ST|C1||x" + "|" * 10 + "P1^Laboratory^L^P2^Mycology^L"
    bundle = Bundle(mapping, "ORU^R01", PID, "OBR|1|||T1", obx)
    [performer] = bundle.one("Observation")["performer"]
    assert bundle.at(performer)["alias"] == ["Mycology"]
