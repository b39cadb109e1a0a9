"""Fields of the administrative segments for which the guide has no row, and where they go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mapping.feeds import PID, extensions, resources

Body = dict[str, Any]
VISIT = ("PV1", {2: "I", 19: "V1"})
COVERAGE = {2: "PLAN1", 3: "C1", 4: "Payor", 16: "Insured^Ivy", 17: "SPO", 36: "POL1"}


def of(kind: str, *segments: tuple[str, dict[int, str]]) -> list[Body]:
    """The resources of one type that an admission with these segments makes."""
    return resources("ADT^A01^ADT_A01", ("PID", PID), *segments).get(kind, [])


def coded(concept: Body) -> str:
    return concept["coding"][0]["code"] if "coding" in concept else concept["text"]


# ---------------------------------------------------------------- patient


def test_a_note_belongs_to_the_segment_before_it_and_to_no_other() -> None:
    found = resources(
        "ADT^A01^ADT_A01",
        ("PID", PID),
        ("NTE", {3: "of the patient"}),
        ("NK1", {2: "Kin^Karl", 3: "MTH"}),
        ("NTE", {3: "of the kin"}),
        VISIT,
        ("NTE", {3: "of the visit"}),
        ("PR1", {3: "P1^Procedure"}),
        ("NTE", {3: "of the procedure"}),
        ("IN1", COVERAGE),
        ("NTE", {3: "of the coverage"}),
    )
    for kind, text in (
        ("Patient", "of the patient"),
        ("Encounter", "of the visit"),
        ("Coverage", "of the coverage"),
    ):
        (note,) = extensions(found[kind][0], "/note")
        assert note["valueAnnotation"]["text"] == text
    kin = next(body for body in found["RelatedPerson"] if body["name"][0]["family"] == "Kin")
    assert [note["valueAnnotation"]["text"] for note in extensions(kin, "/note")] == ["of the kin"]
    assert found["Procedure"][0]["note"] == [{"text": "of the procedure"}]


def test_the_name_of_a_mother_who_is_known_by_a_number_is_her_maiden_name() -> None:
    (mother,) = resources("ADT^A01", ("PID", {**PID, 6: "Born^Maria", 21: "M1"}))["RelatedPerson"]
    assert mother["name"] == [{"use": "maiden", "family": "Born", "given": ["Maria"]}]


def test_an_advance_directive_keeps_the_day_on_which_it_was_verified() -> None:
    (directive,) = of("Observation", ("PD1", {15: "DNR^Do not resuscitate", 22: "20230101"}))
    assert directive["effectiveDateTime"] == "2023-01-01"


@pytest.mark.parametrize(
    ("segment", "race", "ethnicity", "fields"),
    [
        ("NK1", 35, 28, {2: "Kin^Karl"}),
        ("GT1", 55, 44, {3: "Gua^Gus"}),
    ],
)
def test_us_core_race_and_ethnicity_of_related_persons(
    segment: str, race: int, ethnicity: int, fields: dict[int, str]
) -> None:
    (person,) = of(
        "RelatedPerson", (segment, {**fields, race: "2106-3^White", ethnicity: "2186-5^Not"})
    )
    for url, code in (("us-core-race", "2106-3"), ("us-core-ethnicity", "2186-5")):
        (extension,) = extensions(person, url)
        category = next(item for item in extension["extension"] if item["url"] == "ombCategory")
        assert category["valueCoding"]["code"] == code


def test_an_occupation_is_that_of_us_core_with_its_industry_as_a_component() -> None:
    (job,) = of("Observation", ("OH2", {4: "11^Nurse", 5: "22^Care", 7: "2020", 10: "8"}))
    assert coded(job["code"]) == "11341-5"
    assert coded(job["valueCodeableConcept"]) == "11"
    assert job["effectivePeriod"] == {"start": "2020"}
    industry, hours = job["component"]
    assert (coded(industry["code"]), coded(industry["valueCodeableConcept"])) == ("86188-0", "22")
    assert (coded(hours["code"]), hours["valueQuantity"]["value"]) == ("87512-0", 8)


@pytest.mark.parametrize(
    ("segment", "fields", "code"),
    [
        ("OH1", {3: "E^Employed"}, "74165-2"),
        ("OH3", {3: "11^Nurse", 5: "12"}, "21843-8"),
        ("OH4", {3: "2001", 4: "2002"}, "87511-2"),
    ],
)
def test_employment_usual_work_and_combat_zones_are_observations(
    segment: str, fields: dict[int, str], code: str
) -> None:
    (observation,) = of("Observation", (segment, fields))
    assert coded(observation["code"]) == code
    assert any(name.startswith("value") for name in observation)


# ---------------------------------------------------------------- visit


def test_the_billing_state_and_balance_of_an_account() -> None:
    (account,) = of("Account", ("PV1", {2: "I", 41: "OPEN", 46: "55.10"}))
    assert account["status"] == "active"
    (state,) = extensions(account, "Account.billingStatus")
    assert coded(state["valueCodeableConcept"]) == "OPEN"
    (balance,) = extensions(account, "Account.balance")
    amount = next(part for part in balance["extension"] if part["url"] == "amount")
    assert amount["valueMoney"] == {"value": 55.10}


def test_an_account_that_was_deleted_is_inactive() -> None:
    found = resources("ADT^A01", ("PID", {**PID, 18: "ACC1"}), ("PV1", {2: "I", 34: "D"}))
    (account,) = found["Account"]
    assert (account["status"], account["identifier"][0]["value"]) == ("inactive", "ACC1")


def test_a_contract_about_the_balance() -> None:
    (contract,) = of("Contract", ("PV1", {2: "I", 24: "C1", 25: "20230101", 26: "500"}))
    assert coded(contract["type"]) == "C1"
    assert contract["applies"] == {"start": "2023-01-01"}
    assert contract["term"][0]["asset"][0]["valuedItem"][0]["net"] == {"value": 500}


def test_the_clinic_of_a_visit_is_a_part_of_the_servicing_facility() -> None:
    found = resources(
        "ADT^A01", ("PID", PID), ("PV1", {2: "I", 39: "FAC"}), ("PV2", {23: "Clinic"})
    )
    clinic = next(body for body in found["Organization"] if body["name"] == "Clinic")
    facility = next(body for body in found["Organization"] if body["name"] == "FAC")
    assert clinic["partOf"]["reference"].replace("-", "").endswith(facility["id"][1:])
    provider = found["Encounter"][0]["serviceProvider"]["reference"]
    assert provider.replace("-", "").endswith(clinic["id"][1:])


def test_a_precaution_is_a_flag() -> None:
    (flag,) = of("Flag", VISIT, ("PV2", {41: "CON^Contact"}))
    assert (flag["status"], coded(flag["code"])) == ("active", "CON")
    assert "encounter" in flag


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (15, "Employment illness related"),
        (39, "Recreational drug use"),
        (42, "Patient condition"),
        (44, "Organ donor"),
        (45, "Advance directive"),
    ],
)
def test_what_a_visit_says_of_the_patient_is_an_observation_of_it(number: int, text: str) -> None:
    (observation,) = of("Observation", VISIT, ("PV2", {number: "Y"}))
    assert observation["code"]["text"] == text
    assert "encounter" in observation


def test_accommodation_is_a_special_arrangement() -> None:
    (visit,) = of("Encounter", VISIT, ("PV2", {2: "PRIV^Private room"}))
    assert [coded(item) for item in visit["hospitalization"]["specialArrangement"]] == ["PRIV"]


def test_what_was_charged_and_paid_is_an_invoice_of_the_account() -> None:
    found = resources(
        "ADT^A03", ("PID", {**PID, 18: "ACC1"}), ("PV1", {2: "I", 47: "100", 48: "none", 49: "40"})
    )
    (invoice,) = found["Invoice"]
    assert "account" in invoice
    assert [
        (item["type"], item["code"]["text"], item["amount"]["value"])
        for item in invoice["totalPriceComponent"]
    ] == [("base", "Total charges", 100), ("informational", "Total payments", 40)]


def test_an_indicator_that_is_none_keeps_its_text() -> None:
    (observation,) = of("Observation", VISIT, ("PV2", {15: "perhaps"}))
    assert observation["valueString"] == "perhaps"


def test_the_identifier_of_a_place_is_known_under_both_authorities() -> None:
    place = "W^R^B^^^^^^^E1&NS&2.16.840.1.113883.19.7&ISO^AUTH&2.16.840.1.113883.19.8&ISO"
    beds = [body for body in of("Location", ("PV1", {2: "I", 3: place})) if body["name"] == "B"]
    systems = {item.get("system") for item in beds[0]["identifier"] if item["value"] == "E1"}
    assert systems == {"urn:oid:2.16.840.1.113883.19.7", "urn:oid:2.16.840.1.113883.19.8"}


@pytest.mark.parametrize(
    ("event", "ending"), [("A05", "plannedStartDate"), ("A16", "plannedEndDate")]
)
def test_a_planned_event_is_the_planned_time_of_its_visit(event: str, ending: str) -> None:
    found = resources(f"ADT^{event}", ("EVN", {2: "2024", 3: "20250101"}), ("PID", PID), VISIT)
    (planned,) = extensions(found["Encounter"][0], ending)
    assert planned["valueDateTime"] == "2025-01-01"


def test_one_organization_that_two_fields_call_differently_keeps_both_names() -> None:
    facility = "^^^^^NPI&2.16.840.1.113883.4.6&ISO^^^^1234567893"
    found = of(
        "Organization", ("PD1", {3: f"North Clinic{facility}~Clinic of the North{facility}"})
    )
    (clinic,) = [body for body in found if body["name"] == "North Clinic"]
    assert clinic["alias"] == ["Clinic of the North"]


def test_an_account_that_is_bad_debt_is_in_that_state() -> None:
    (account,) = of("Account", ("PV1", {2: "I", 29: "COLL^With a collector"}))
    (state,) = extensions(account, "Account.billingStatus")
    assert coded(state["valueCodeableConcept"]) == "COLL"


# ---------------------------------------------------------------- insurance


def test_the_plans_days_and_order_of_a_coverage() -> None:
    (coverage,) = of(
        "Coverage",
        ("IN1", {**COVERAGE, 22: "2", 31: "S^Standard", 35: "CP1", 39: "30", 54: "X1~X2"}),
    )
    assert coverage["order"] == 2
    assert [item["value"] for item in coverage["class"]] == ["PLAN1", "CP1", "X1", "X2", "S"]
    (limit,) = coverage["costToBeneficiary"]
    assert (limit["valueQuantity"]["value"], limit["valueQuantity"]["code"]) == (30, "d")


def test_a_coverage_that_was_deleted_is_cancelled() -> None:
    (coverage,) = of("Coverage", ("IN1", {**COVERAGE, 55: "D"}))
    assert coverage["status"] == "cancelled"


def test_an_authorization_is_the_payors_response_to_a_preauthorization() -> None:
    (response,) = of("ClaimResponse", ("IN1", {**COVERAGE, 14: "A1^20230202^Board", 28: "PAC1"}))
    assert (response["use"], response["preAuthRef"]) == ("preauthorization", "A1")
    assert response["created"] == "2023-02-02"
    assert [item["value"] for item in response["identifier"]] == ["A1", "PAC1"]
    assert "coverage" in response["insurance"][0]


def test_a_certification_has_its_days() -> None:
    (response,) = of(
        "ClaimResponse", ("IN1", COVERAGE), ("IN3", {2: "C9", 6: "2023", 9: "2023", 10: "2024"})
    )
    assert response["preAuthRef"] == "C9"
    assert response["preAuthPeriod"] == {"start": "2023", "end": "2024"}


def test_what_a_payor_authorized_of_a_referral() -> None:
    found = resources(
        "REF^I12^REF_I12",
        ("RF1", {6: "R1"}),
        ("AUT", {2: "INS1", 3: "Payor", 4: "2023", 5: "2024", 6: "A77", 14: "A^Approved"}),
        ("PID", PID),
    )
    (response,) = found["ClaimResponse"]
    assert (response["preAuthRef"], response["disposition"]) == ("A77", "Approved")
    assert response["preAuthPeriod"] == {"start": "2023", "end": "2024"}


def test_the_services_and_the_race_of_a_member_of_the_staff() -> None:
    found = resources(
        "MFN^M02^MFN_M02",
        ("MFI", {1: "PRA"}),
        ("MFE", {1: "MAD", 4: "S1"}),
        ("STF", {1: "S1", 3: "Nurse^Nora", 9: "SUR^Surgery", 27: "2106-3^White"}),
    )
    assert extensions(found["Practitioner"][0], "us-core-race")
    assert [coded(item) for item in found["PractitionerRole"][0]["specialty"]] == ["SUR"]


def test_who_verified_a_coverage_is_its_provenance() -> None:
    found = of("Provenance", ("IN1", {**COVERAGE, 29: "20230303", 30: "V1^Verifier^Vera"}))
    (verification,) = [body for body in found if body["activity"].get("text") == "Verification"]
    assert verification["occurredDateTime"] == "2023-03-03"
    assert coded(verification["agent"][0]["type"]) == "verifier"


def test_the_insured_has_the_numbers_and_telephone_of_in2() -> None:
    (insured,) = of(
        "RelatedPerson",
        ("IN1", COVERAGE),
        ("IN2", {1: "E1", 2: "111223333", 10: "M1", 63: "^PRN^PH^^^555^1234", 55: "2020"}),
    )
    kinds = {coded(item["type"]): item["value"] for item in insured["identifier"]}
    assert kinds == {"EI": "E1", "SS": "111223333", "MI": "M1"}
    assert insured["telecom"][0]["use"] == "home"
    assert insured["period"] == {"start": "2020"}


def test_the_numbers_of_a_patient_who_is_insured_himself_are_the_patients() -> None:
    found = resources(
        "ADT^A01",
        ("PID", PID),
        ("IN1", {**COVERAGE, 17: "SEL"}),
        ("IN2", {1: "E1", 2: "111223333"}),
    )
    assert [item["value"] for item in found["Patient"][0]["identifier"]] == [
        "PAT1",
        "E1",
        "111223333",
    ]
    assert "RelatedPerson" not in found


def test_an_institution_may_answer_for_the_bill() -> None:
    found = resources(
        "ADT^A01", ("PID", {**PID, 18: "ACC1"}), ("GT1", {2: "G1", 21: "Guarantors Ltd", 22: "Y"})
    )
    (guarantor,) = found["Account"][0]["guarantor"]
    assert guarantor["onHold"] is True
    assert "party" in guarantor


# ---------------------------------------------------------------- clinical


@pytest.mark.parametrize(("segment", "kind"), [("DG1", "Condition"), ("PR1", "Procedure")])
def test_before_2_5_the_coding_system_has_a_field_of_its_own(segment: str, kind: str) -> None:
    (body,) = of(kind, (segment, {2: "I9", 3: "250.0^Diabetes"}))
    assert body["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-9-cm"
    (body,) = of(kind, (segment, {2: "I9", 3: "E11^Diabetes^I10"}))
    assert body["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10"


def test_a_confidential_diagnosis_is_labelled_so() -> None:
    (condition,) = of("Condition", ("DG1", {3: "D1^Diagnosis", 17: "D", 18: "Y"}))
    assert condition["meta"]["security"][0]["code"] == "R"
    assert [coded(item) for item in condition["category"]] == ["encounter-diagnosis", "D"]


def test_an_anesthesia_is_part_of_its_procedure() -> None:
    procedure, anesthesia = of("Procedure", ("PR1", {3: "P1", 8: "A1^Anaes^Ann", 9: "GEN"}))
    assert coded(anesthesia["code"]) == "GEN"
    assert anesthesia["partOf"][0]["reference"].replace("-", "").endswith(procedure["id"][1:])


def test_a_deleted_allergy_was_never_true_and_has_no_clinical_state() -> None:
    (allergy,) = of("AllergyIntolerance", ("IAM", {3: "PCN^Penicillin", 6: "D", 9: "AL"}))
    assert coded(allergy["verificationStatus"]) == "entered-in-error"
    assert allergy["type"] == "allergy"
    assert "clinicalStatus" not in allergy


def test_reactions_of_2_8_stand_in_a_segment_of_their_own() -> None:
    (allergy,) = of(
        "AllergyIntolerance",
        ("IAM", {3: "PCN^Penicillin"}),
        ("IAR", {1: "HIV^Hives", 2: "SV", 4: "epinephrine"}),
        ("IAR", {1: "ANA^Anaphylaxis"}),
    )
    hives, anaphylaxis = allergy["reaction"]
    assert (hives["severity"], hives["note"]) == ("severe", [{"text": "epinephrine"}])
    assert coded(anaphylaxis["manifestation"][0]) == "ANA"


def test_a_charge_has_both_codes_and_the_price_of_the_whole() -> None:
    (charge,) = of(
        "ChargeItem",
        ("FT1", {4: "2020", 7: "CDM1", 11: "100&USD", 12: "50&USD", 25: "99213^^C4", 26: "25"}),
    )
    assert [item["code"] for item in charge["code"]["coding"]] == ["CDM1", "99213:25"]
    assert charge["priceOverride"] == {"value": 100, "currency": "USD"}
    assert charge["occurrenceDateTime"] == "2020"


def test_a_variance_a_pathway_and_a_study() -> None:
    found = resources(
        "PPP^PCB",
        ("PID", PID),
        ("PTH", {2: "PW1^Hip", 3: "PI1", 4: "2020"}),
        ("VAR", {1: "VAR1", 2: "2020", 5: "L^Late", 6: "one~two"}),
        ("CSR", {1: "ST1", 4: "S1", 6: "2020", 12: "ARM^Arm A"}),
    )
    assert coded(found["CarePlan"][0]["category"][0]) == "PW1"
    assert found["DetectedIssue"][0]["detail"] == "one\ntwo"
    (subject,) = found["ResearchSubject"]
    assert (subject["status"], subject["assignedArm"]) == ("on-study", "Arm A")


# ---------------------------------------------------------------- acknowledgements


def test_what_an_acknowledgement_says_is_an_outcome() -> None:
    found = resources("ACK", ("MSA", {1: "AE", 2: "M1", 3: "Patient not found"}))
    (issue,) = found["OperationOutcome"][0]["issue"]
    assert (issue["severity"], issue["diagnostics"]) == ("error", "Patient not found")


def test_an_error_of_the_old_shape_has_its_place_and_its_code() -> None:
    found = resources("ACK", ("MSA", {1: "AE"}), ("ERR", {1: "PID^1^3^101&Missing&HL70357"}))
    (issue,) = found["OperationOutcome"][0]["issue"]
    assert issue["location"] == ["PID-1-3"]
    assert issue["details"]["coding"][0]["code"] == "101"
    assert issue["code"] == "required"
