"""R4's elements, their types and what they may hold."""

import orjson
import pytest

from engine.fhir import definitions
from engine.fhir.definitions import element, is_type, names, strict_problems, valid


@pytest.mark.parametrize(
    ("type_name", "path", "wanted"),
    [
        ("Patient", "id", "id"),
        ("Patient", "gender", "code"),
        ("Patient", "birthDate", "date"),
        ("Patient", "active", "boolean"),
        ("Patient", "deceasedDateTime", "dateTime"),
        ("Patient", "multipleBirthInteger", "integer"),
        ("Patient", "contact", "PatientContact"),
        ("PatientContact", "gender", "code"),
        ("Patient", "contact.name.family", "string"),
        ("Observation", "issued", "instant"),
        ("Observation", "subject", "Reference"),
        ("Observation", "valueQuantity", "Quantity"),
        ("Observation", "valueTime", "time"),
        ("Observation", "valueSampledData", "SampledData"),
        ("Quantity", "value", "decimal"),
        ("Age", "comparator", "code"),
        ("Attachment", "data", "base64Binary"),
        ("Attachment", "url", "url"),
        ("Attachment", "size", "unsignedInt"),
        ("Annotation", "text", "markdown"),
        ("Extension", "url", "uri"),
        ("Extension", "valueId", "id"),
        ("Extension", "valueMarkdown", "markdown"),
        ("Extension", "valueReference", "Reference"),
        ("ContactPoint", "rank", "positiveInt"),
        ("Identifier", "system", "uri"),
        ("Reference", "reference", "string"),
        ("Meta", "profile", "canonical"),
        ("Narrative", "div", "xhtml"),
        ("Element", "extension", "Extension"),
        ("DomainResource", "contained", "Resource"),
    ],
)
def test_an_element_has_its_precise_type(type_name: str, path: str, wanted: str) -> None:
    found = element(type_name, path)
    assert found is not None
    assert found.type == wanted


def test_an_element_knows_its_list_choice_owner_and_whether_it_must_be_there() -> None:
    value = element("Observation", "valueQuantity")
    assert value is not None
    assert (value.is_list, value.choice_group, value.required) == (False, "value", False)
    family = element("Patient", "name.family")
    assert family is not None
    assert (family.owner, family.name) == ("HumanName", "family")
    status = element("Observation", "status")
    assert status is not None
    assert status.required
    names_of = element("Patient", "name")
    assert names_of is not None
    assert names_of.is_list


def test_choices_and_required_elements_are_listed() -> None:
    assert "valueQuantity" in definitions.choices("Observation", "value")
    assert len(definitions.choices("Observation", "value")) == 11
    assert definitions.required("Observation") == ("code", "status")
    assert "medication" in definitions.required("MedicationRequest")


def test_what_r4_does_not_have_is_none() -> None:
    assert element("Patient", "nothing") is None
    assert element("Patient", "name.nothing") is None
    assert element("Nothing", "id") is None
    assert names("Nothing") == ()
    assert not is_type("Nothing")
    assert not is_type("../patient")
    assert is_type("PatientContact")
    assert is_type("dateTime")
    assert definitions.is_primitive("dateTime")
    assert not definitions.is_primitive("Period")


def test_required_bindings_say_their_codes() -> None:
    gender = element("Patient", "gender")
    assert gender is not None
    assert gender.codes == {"male", "female", "other", "unknown"}
    status = element("DiagnosticReport", "status")
    assert status is not None
    assert "appended" in status.codes
    comparator = element("Age", "comparator")
    assert comparator is not None
    assert comparator.codes == {"<", "<=", ">=", ">"}
    code = element("Coding", "code")
    assert code is not None
    assert code.codes == frozenset()


def test_references_say_where_they_may_point() -> None:
    result = element("DiagnosticReport", "result")
    assert result is not None
    assert result.targets == ("Observation",)
    requester = element("ServiceRequest", "requester")
    assert requester is not None
    assert {"Practitioner", "Organization"} <= set(requester.targets)


def test_every_resource_is_known_and_every_type_it_uses_exists() -> None:
    assert len(definitions.resource_types()) == 146
    for resource in definitions.resource_types():
        found = definitions.elements(resource)
        assert "id" in found
        for item in found.values():
            assert is_type(item.type), (resource, item)


def test_the_small_tables_name_elements_that_exist() -> None:
    tables = (definitions._primitives(), definitions._targets(), definitions._codes())
    for table in tables:
        for key in table:
            owner, _, name = key.partition(".")
            assert name in definitions.elements(owner) or not is_type(owner), key


@pytest.mark.parametrize(
    ("type_name", "good", "bad"),
    [
        ("boolean", ["true", "false"], ["TRUE", "1", ""]),
        ("code", ["final", "a b"], [" a", "a  b", "a ", ""]),
        ("date", ["2017", "2017-02", "2016-02-29"], ["2017-02-29", "17", "2017-2-1", "2017-13"]),
        (
            "dateTime",
            ["2017", "2017-02-01T07:30:00Z", "2017-02-01T07:30:00.123+05:30"],
            ["2017-02-01T07:30Z", "2017-02-01T07:30:00", "2017-02-30T00:00:00Z"],
        ),
        ("instant", ["2017-02-01T07:30:00-05:00"], ["2017-02-01", "2017"]),
        ("time", ["07:30:00", "07:30:00.5"], ["07:30", "24:00:00", "07:30:00Z"]),
        ("decimal", ["5.10", "-0.5", "1e5", "0"], [".5", "+5", "5.", "1,000", "007"]),
        ("integer", ["0", "-5", "2147483647"], ["2147483648", "-0", "5.0", ""]),
        ("positiveInt", ["1"], ["0", "-1"]),
        ("unsignedInt", ["0"], ["-1"]),
        ("id", ["a-1.B", "x" * 64], ["a_b", "a b", "x" * 65, ""]),
        ("uri", ["urn:oid:1.2", "http://loinc.org"], ["a b", ""]),
        ("oid", ["urn:oid:2.16.840"], ["2.16.840", "urn:oid:9.1", "urn:oid:1.02"]),
        ("uuid", ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"], ["urn:uuid:C757873D"]),
        ("base64Binary", ["QUJD", "QUI=", "QUJD\nQUJD"], ["QU=", "Q", "QUJ*", "", "===="]),
        ("string", ["a", "a\tb\n"], ["", "  ", "a\x07"]),
        ("nothing", [], ["a"]),
    ],
)
def test_primitive_values_are_told_from_what_is_none(
    type_name: str, good: list[str], bad: list[str]
) -> None:
    assert [text for text in good if not valid(type_name, text)] == []
    assert [text for text in bad if valid(type_name, text)] == []


def test_a_large_document_is_checked_in_one_pass() -> None:
    document = "QUJD" * 500_000
    assert valid("base64Binary", document)
    assert not valid("base64Binary", document[:-1] + "*")


OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "Glucose"},
    "valueQuantity": {"value": orjson.Fragment(b"5.10")},
}


def test_the_strict_models_accept_what_is_right() -> None:
    assert strict_problems(OBSERVATION) == []
    assert strict_problems({"resourceType": "Bundle", "entry": [{"resource": OBSERVATION}]}) == []


def test_the_strict_models_name_what_is_wrong() -> None:
    wrong = {"resourceType": "Patient", "name": [{"family": 5}], "birthDate": "2017-02-29"}
    problems = strict_problems(wrong)
    assert any(problem.startswith("Patient.name") for problem in problems)
    assert any("birthDate" in problem for problem in problems)
    missing = strict_problems({"resourceType": "Observation", "status": "final"})
    assert len(missing) == 1
    assert "code" in missing[0]


def test_the_strict_models_look_into_bundles_and_know_resources_only() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "HumanName"}}, {}]}
    problems = strict_problems(bundle)
    assert problems[0] == "entry[0].'HumanName' is not a resource of R4"
    assert problems[1].startswith("entry[1].")
