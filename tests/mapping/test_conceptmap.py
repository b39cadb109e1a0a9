"""Code tables: how they are read, how they answer, and what the standard's own hold."""

import csv
import io
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.fhir import definitions
from engine.mapping.conceptmap import (
    ConceptMap,
    Target,
    dump_concept_map,
    folded,
    load_concept_map,
)
from engine.mapping.terminology import from_fhir, to_fhir

STANDARD = Path(__file__).parents[2] / "mappings" / "standard"
GENDER = "http://hl7.org/fhir/administrative-gender"
HEAD = "source code,source display,target system,target code,target display,comment\n"


def table(rows: str, head: str = HEAD) -> ConceptMap:
    return load_concept_map("sex", head + rows, "sex.csv")


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load_concept_map("sex", text, "sex.csv")
    return [str(problem) for problem in raised.value.problems]


SEX = table(
    f"M,Male,{GENDER},male,Male,\nW,Weiblich (f),{GENDER},female,Female,\n,Máñana x,,other,,\n"
)


@pytest.mark.parametrize(
    ("code", "text", "wanted"),
    [
        ("M", "", "male"),
        ("m", "", "male"),
        (" m ", "", "male"),
        ("1", "MALE", "male"),
        ("", "male", "male"),
        ("Male", "", "male"),
        ("weiblich(f)", "", "female"),
        ("9", "Manana X", "other"),
        ("M", "Weiblich (f)", "male"),
    ],
)
def test_a_code_is_found_by_code_then_folded_then_by_text(
    code: str, text: str, wanted: str
) -> None:
    found = SEX.find(code, text)
    assert found is not None
    assert found.code == wanted


def test_what_is_not_there_is_not_found() -> None:
    assert SEX.find("9") is None
    assert SEX.find("", "") is None
    assert SEX.find("9", "Nobody") is None


def test_a_target_is_a_coding_without_what_is_empty() -> None:
    assert Target(GENDER, "male", "Male").coding == {
        "system": GENDER,
        "code": "male",
        "display": "Male",
    }
    assert Target("", "male", "").coding == {"code": "male"}


def test_codes_that_differ_by_case_alone_keep_apart() -> None:
    case = table("a,,,one,,\nA,,,two,,\n")
    assert [case.find(code) for code in ("a", "A")] == [
        Target("", "one", ""),
        Target("", "two", ""),
    ]
    assert table("aa,,,one,,\nAA,,,two,,\n").find("aA") is None  # which of the two nobody can say


def test_signs_are_codes_and_never_folded_away() -> None:
    signs = table("+,,,plus,,\n-,,,minus,,\nA-,,,negative,,\nA,,,plain,,\n")
    assert [signs.find(code).code for code in ("+", "-", "A-", "a-", "A")] == [  # type: ignore[union-attr]
        "plus", "minus", "negative", "negative", "plain",
    ]  # fmt: skip


def test_folding_takes_case_accents_and_blanks_only() -> None:
    assert folded("Médico  General") == folded("medico general")
    assert folded("A-") != folded("A")


# ---------------------------------------------------------------- a feed's table


def test_a_feed_overrides_and_extends_row_by_row() -> None:
    feed = table("M,,,other,,\nX9,Divers,,other,,\n")
    both = SEX.extended(feed)
    assert both.find("M") == Target("", "other", "")
    assert both.find("x9") == Target("", "other", "")
    assert both.find("W").code == "female"  # type: ignore[union-attr]
    assert SEX.find("X9") is None


def test_what_a_feed_says_of_a_text_counts() -> None:
    both = SEX.extended(table("7,Male,,unknown,,\n"))
    assert both.find("", "male") == Target("", "unknown", "")


# ---------------------------------------------------------------- reading


def test_columns_go_by_name_in_any_order_with_semicolons_and_a_byte_order_mark() -> None:
    text = "\ufefftarget code;source code;target_system;\nmale;M;" + GENDER + ";\n;;;\n"
    read = load_concept_map("sex", text, "sex.csv")
    assert read.find("M") == Target(GENDER, "male", "")


def test_every_problem_is_named_with_its_place() -> None:
    text = (
        "source code,sorce display,target system,target code\n"
        "M,Male,foo,male\n"
        'M,"a,b",http://x,\n'
        ",,,x\n"
    )
    found = problems(text)
    assert found[0] == ("sex.csv:1:13: no column 'sorce display' (did you mean 'source display'?)")
    assert "sex.csv:2:8: 'foo' is not a URI (such as http://loinc.org)" in found
    assert "sex.csv:3:18: a row without a target code (fill it in, or take the row away)" in found
    assert any(
        text.startswith("sex.csv:4:1: a row without a source code or display") for text in found
    )
    assert "sex.csv:3:1: 'M' stands in line 2 already (keep one of them)" in found
    assert len(found) == 5


def test_a_file_that_is_no_table_is_refused() -> None:
    assert problems("")[0].startswith("sex.csv:1:1: an empty table (begin with: source code,")
    assert problems("source code\nM\n")[0].startswith(
        "sex.csv:1:1: the column 'target code' is missing (begin with: source code,"
    )
    assert "not CSV" in problems(HEAD + '"M,Male\n')[0]


def test_a_table_written_reads_back_the_same() -> None:
    text = dump_concept_map(SEX)
    assert dump_concept_map(load_concept_map("sex", text, "again.csv")) == text


# ---------------------------------------------------------------- FHIR ConceptMap


def test_a_table_goes_to_a_fhir_concept_map_and_back() -> None:
    resource = to_fhir(SEX, url="http://example.org/ConceptMap/sex")
    assert definitions.strict_problems(resource) == []
    assert [group.get("target") for group in resource["group"]] == [GENDER, None]
    back = from_fhir(resource)
    assert [row[:3] for row in back.rows] == [row[:3] for row in SEX.rows]
    assert back.name == "sex"


def test_a_comment_travels_with_its_row() -> None:
    resource = to_fhir(table("M,Male,,male,,ours\n"))
    assert resource["group"][0]["element"][0]["target"][0]["comment"] == "ours"
    assert from_fhir(resource).rows[0].comment == "ours"


def test_a_name_is_made_fit_for_fhir() -> None:
    assert to_fhir(ConceptMap("Event[EncounterStatus]", ()))["name"] == "Event_EncounterStatus"
    assert to_fhir(ConceptMap("9", ()))["name"] == "Map_9"


def test_a_concept_map_with_two_targets_for_a_code_is_refused() -> None:
    def element(code: str, *targets: tuple[str, str]) -> dict[str, object]:
        return {"code": code, "target": [{"code": c, "equivalence": e} for c, e in targets]}

    good = [element("A", ("a", "equivalent")), element("B", ("b", "wider"), ("c", "disjoint"))]
    resource = {"resourceType": "ConceptMap", "name": "n", "group": [{"element": good}]}
    assert [row.target.code for row in from_fhir(resource).rows] == ["a", "b"]
    twice = {"element": [element("A", ("a", "equal")), element("A", ("a", "equal"))]}
    assert len(from_fhir({**resource, "group": [twice]}).rows) == 1
    resource["group"] = [{"element": [element("A", ("a", "equal"), ("b", "equal"))]}]
    with pytest.raises(ConfigurationError, match="'A' has two targets, a and b"):
        from_fhir(resource)
    with pytest.raises(ConfigurationError, match="not a FHIR ConceptMap"):
        from_fhir({"resourceType": "Patient"})


# ---------------------------------------------------------------- the standard's tables

FILES = sorted((STANDARD / "conceptmaps").glob("*.csv"))

#: table -> the element with a required binding that it fills
BOUND = {
    "AddressType[Type]": "Address.type",
    "AddressType[Use]": "Address.use",
    "AdministrativeSex": "Patient.gender",
    "AllergenType[AllergyIntoleranceCategory]": "AllergyIntolerance.category",
    "AllergySeverity[AllergyIntolerance.criticality]": "AllergyIntolerance.criticality",
    "AllergySeverity[AllergyIntolerance.reaction.severity]": "AllergyIntoleranceReaction.severity",
    "AllergyType": "AllergyIntolerance.type",
    "CompletionStatus": "Immunization.status",
    "EventRelatedPeriod": "TimingRepeat.when",
    "Event[EncounterStatus]": "Encounter.status",
    "ExtendedPriorityCodes": "ServiceRequest.priority",
    "FillerStatusCodes[Appointment]": "Appointment.status",
    "NameType": "HumanName.use",
    "ObservationResultStatusCodesInterpretation": "Observation.status",
    "OrderControlCode[ServiceRequest.status]": "ServiceRequest.status",
    "OrderStatus": "ServiceRequest.status",
    "PatientClass[EncounterStatus]": "Encounter.status",
    "ResultStatus[Non-Queries]": "DiagnosticReport.status",
    "SegmentActionCode": "BundleEntryRequest.method",
    "TelecommunicationEquipmentType": "ContactPoint.system",
    "TelecommunicationUseCode": "ContactPoint.use",
    "YesNoIndicator[AvailabilityStatus]": "Specimen.status",
}


def standard(name: str) -> ConceptMap:
    file = STANDARD / "conceptmaps" / f"{name}.csv"
    return load_concept_map(name, file.read_text(encoding="utf-8"), file.name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_table_reads_and_every_row_says_where_it_comes_from(file: Path) -> None:
    read = standard(file.stem)
    assert read.rows
    for row in read.rows:
        assert definitions.valid("code", row.target.code), row
        assert definitions.valid("uri", row.target.system), row
        assert row.comment.partition(":")[0] in ("guide", "ours"), row


@pytest.mark.parametrize(("name", "path"), BOUND.items())
def test_targets_are_codes_that_the_element_allows(name: str, path: str) -> None:
    bound = definitions.element(*path.split("."))
    assert bound is not None
    assert bound.codes
    assert {row.target.code for row in standard(name).rows} - bound.codes == set()


@pytest.mark.parametrize("code", "ABCDFINOPRSUVWX")
def test_every_result_status_of_table_0085_has_an_observation_status(code: str) -> None:
    assert standard("ObservationResultStatusCodesInterpretation").find(code)


@pytest.mark.parametrize("code", "OISAPCRFXYZMN")
def test_every_result_status_of_table_0123_has_a_report_status(code: str) -> None:
    assert standard("ResultStatus[Non-Queries]").find(code)


def test_a_mobile_phone_is_a_phone() -> None:
    assert standard("TelecommunicationEquipmentType").find("CP").code == "phone"  # type: ignore[union-attr]


def rows_of(name: str) -> list[list[str]]:
    text = (STANDARD / name).read_text(encoding="utf-8")
    return list(csv.reader(io.StringIO(text)))[1:]


def test_systems_are_named_once_and_by_uris() -> None:
    rows = rows_of("systems.csv")
    assert len({name for name, _ in rows}) == len(rows)
    assert [uri for _, uri in rows if not definitions.valid("uri", uri) or ":" not in uri] == []
    known = dict(rows)
    assert known["LN"] == known["2.16.840.1.113883.6.1"] == "http://loinc.org"
    assert known["v2-0203"] == "http://terminology.hl7.org/CodeSystem/v2-0203"
    assert "L" not in known  # a local system is its feed's to name


def test_extensions_have_value_types_that_r4_allows() -> None:
    for alias, url, kind in rows_of("extensions.csv"):
        assert url.startswith(("http://hl7.org/fhir/", "urn:mllp-engine:")), alias
        value = f"value{kind[0].upper()}{kind[1:]}"
        assert kind == "complex" or definitions.element("Extension", value), alias
