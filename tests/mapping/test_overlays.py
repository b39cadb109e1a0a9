"""A feed's own file: what it replaces, removes, adds and declares, and what is wrong in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigurationError
from engine.hl7v2.message import Message
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.result import Context, Mapped

CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test")
MESSAGE = (
    "MSH|^~\\&|LAB|NORTH|||20260105101500||ORU^R01^ORU_R01|M1|P|2.5.1\r"
    "PID|1||4711^^^NORTH^MR||Testpatient^Anna||19700102|F|||||555-0100|||M\r"
    "ORC|RE|P1|F1\r"
    "OBR|1|P1|F1|24323-8^Panel^LN\r"
    "OBX|1|ST|1234-5^Remark^LN||clear||||||F\r"
    "ZLB|1||Y^fasting|||44\r"
    "ZAU|anything\r"
)


def library(folder: Path, text: str, **tables: str) -> MappingLibrary:
    feed = folder / "mappings" / "feed"
    (feed / "conceptmaps").mkdir(parents=True, exist_ok=True)
    (feed / "mapping.yaml").write_text(text, encoding="utf-8")
    for name, rows in tables.items():
        (feed / "conceptmaps" / f"{name}.csv").write_text(rows, encoding="utf-8")
    return load_library([folder / "mappings"])


def mapped(found: MappingLibrary, message: str = MESSAGE) -> Mapped:
    return found.mapping("feed").convert(Message.parse(message), CONTEXT)


def bodies(result: Mapped, kind: str) -> list[dict[str, Any]]:
    return [r.body for r in result.resources if r.body["resourceType"] == kind]


def test_a_rule_is_replaced_removed_and_extended_by_its_name(tmp_path: Path) -> None:
    found = library(
        tmp_path,
        "mapping: feed\n"
        "rules:\n"
        "  PID[Patient]:\n"
        "    gender: =other\n"
        "    maritalStatus: null\n"
        "    +telecom: PID-8\n",
    )
    standard = bodies(found.mapping().convert(Message.parse(MESSAGE), CONTEXT), "Patient")[0]
    assert standard["gender"] == "female"
    assert "maritalStatus" in standard
    problems = [str(problem) for problem in found.check()]
    assert any("PID[Patient].telecom: PID-8 is IS" in text or "PID-8" in text for text in problems)


def test_a_z_segment_becomes_a_resource_in_the_order_where_it_stands(tmp_path: Path) -> None:
    found = library(
        tmp_path,
        "mapping: feed\n"
        "extends: standard/ORU_R01\n"
        "segments:\n"
        "  ZLB:\n"
        "    3: {name: fasting status, type: CWE}\n"
        "    6: {name: volume, type: NM}\n"
        "rules:\n"
        "  ZLB[Observation]:\n"
        "    status: =final\n"
        "    code: loinc#49541-6\n"
        "    subject: -> Patient\n"
        "    valueCodeableConcept: ZLB-3 via fasting\n",
        fasting="source code,source display,target system,target code,target display\n"
        "Y,,http://loinc.org,LA33-6,Yes\n",
    )
    assert found.check() == []
    result = mapped(found)
    observation = bodies(result, "Observation")[1]
    assert observation["valueCodeableConcept"]["coding"][0]["code"] == "LA33-6"
    report = bodies(result, "DiagnosticReport")[0]
    assert len(report["result"]) == 2


def test_a_key_of_a_declared_field_that_would_have_no_effect_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        library(
            tmp_path,
            "mapping: feed\nsegments:\n  ZLB:\n    3: {name: fasting, type: IS, table: 0136}\n",
        )
    assert str(raised.value) == "mappings/feed/mapping.yaml:4:34: unknown key 'table'"


def test_a_second_mapping_of_one_name_is_refused_and_the_other_named(tmp_path: Path) -> None:
    other = tmp_path / "mappings" / "again"
    other.mkdir(parents=True)
    (other / "mapping.yaml").write_text("about: a copy\nmapping: feed\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        library(tmp_path, "mapping: feed\n")
    where = "the other is mappings/again/mapping.yaml:2:1: write another name"
    assert str(raised.value) == (
        f"mappings/feed/mapping.yaml:1:1: a second mapping 'feed' ({where})"
    )


def test_no_feed_takes_the_name_of_the_standard_library(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        library(tmp_path, "mapping: standard\n")
    assert "a second mapping 'standard' (the other is the standard library" in str(raised.value)


def test_a_folder_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    library(tmp_path, "mapping: feed\n")
    found = load_library([tmp_path / "mappings", tmp_path / "x" / ".." / "mappings"])
    assert found.names == ("standard", "feed")


def test_what_a_feed_ignores_is_ignored_and_not_unmapped(tmp_path: Path) -> None:
    found = library(tmp_path, "mapping: feed\nignore:\n  ZAU: audit trail of the sender\n")
    leaves = found.tracing("feed").explain(Message.parse(MESSAGE), CONTEXT).leaves
    fates = {(leaf.segment, leaf.fate, leaf.why) for leaf in leaves if leaf.segment == "ZAU"}
    where = "mappings/feed/mapping.yaml:3"
    assert fates == {("ZAU", "ignored", f"audit trail of the sender ({where})")}


@pytest.mark.parametrize(
    ("policy", "kept", "held"),
    [("keep", "code", None), ("text", "text", None), ("hold", "code", "table")],
)
def test_an_unmapped_code_is_kept_told_or_held(
    tmp_path: Path, policy: str, kept: str, held: str | None
) -> None:
    found = library(
        tmp_path,
        "mapping: feed\n"
        "segments:\n  ZLB:\n    3: {name: fasting status, type: CWE}\n"
        "rules:\n"
        "  ZLB[Observation]:\n"
        "    status: =final\n"
        "    code: loinc#49541-6\n"
        "    valueCodeableConcept: ZLB-3 via fasting\n"
        f"unmapped: {{fasting: {policy}}}\n",
        fasting="source code,source display,target system,target code,target display\n"
        "N,,http://loinc.org,LA32-8,No\n",
    )
    result = mapped(found)
    value = bodies(result, "Observation")[1]["valueCodeableConcept"]
    assert ("coding" in value) is (kept == "code")
    assert value["text"] == "fasting"
    assert (held in (result.hold or "")) if held else result.hold is None


SEX = (
    "source code,source display,target system,target code,target display\n"
    "W,weiblich,http://hl7.org/fhir/administrative-gender,female,Female\n"
)


@pytest.mark.parametrize(
    ("unmapped", "held", "rejected"),
    [
        ("{sex: hold}", True, False),
        ("{sex: reject}", False, True),
        ("{sex: text}", False, False),
        ("{default: hold}", True, False),
    ],
)
def test_a_policy_counts_for_elements_that_take_one_code_only(
    tmp_path: Path, unmapped: str, held: bool, rejected: bool
) -> None:
    rule = "rules:\n  PID[Patient]:\n    gender: PID-8 via sex\n"
    text = f"mapping: feed\n{rule}unmapped: {unmapped}\n"
    result = mapped(library(tmp_path, text, sex=SEX), MESSAGE)
    assert "gender" not in bodies(result, "Patient")[0]
    assert (result.hold is not None, result.reject is not None) == (held, rejected)
    assert ("sex", "F", "") in result.unmapped


def test_a_second_message_with_the_same_unknown_code_is_held_too(tmp_path: Path) -> None:
    """What a datatype's map makes of a text is remembered, and so is that it holds."""
    found = library(tmp_path, "mapping: feed\nunmapped: {NameType: hold}\n")
    text = MESSAGE.replace("Testpatient^Anna", "Testpatient^Anna^^^^^?")
    assert [bool(mapped(found, text).hold) for _ in range(3)] == [True, True, True]
    assert mapped(found, MESSAGE).hold is None


def test_a_policy_of_the_standard_counts_until_a_feed_says_otherwise(tmp_path: Path) -> None:
    policies = library(tmp_path, "mapping: feed\nunmapped: {Race: hold}\n").library("feed").policies
    assert policies["default"] == "keep"
    assert policies["Race"] == "hold"


def test_a_policies_file_of_a_feed_is_not_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "feed" / "conceptmaps"
    folder.mkdir(parents=True)
    (folder / "policies.yaml").write_text("default: hold\n")
    with pytest.raises(ConfigurationError) as raised:
        library(tmp_path, "mapping: feed\n")
    assert "write unmapped: in mapping.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            "PID[Patient]:\n    gendre: PID-8",
            "Patient has no element 'gendre' (did you mean 'gender'?)",
        ),
        ("PID[Patient]:\n    gender: PID-99", "PID-99 is not known (PID has"),
        (
            "PID[Patient]:\n    gender: PID-8 via AdministrativeSecks",
            "no table 'AdministrativeSecks'",
        ),
        ("PID[Patient]:\n    birthDate: =yesterday", "'yesterday' is not a date"),
        ("PID[Patient]:\n    name: PID-7", "PID-7 is DTM: it does not convert to HumanName"),
        ("PID[Patient]:\n    managingOrganization: -> Organisation", "no segment map makes"),
        ("ZXX[Patient]:\n    gender: ZXX-1", "ZXX-1 is not known (declare it"),
        ("PID[Patient]:\n    language: frob(PID-15)", "no function 'frob'"),
    ],
)
def test_check_finds_a_planted_mistake_with_its_line(tmp_path: Path, rules: str, said: str) -> None:
    found = library(tmp_path, f"mapping: feed\nrules:\n  {rules}\n")
    problems = [str(problem) for problem in found.check()]
    assert any(said in problem for problem in problems), problems
    if "no table" not in said:
        assert any(problem.startswith("mappings/feed/mapping.yaml:4:") for problem in problems)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mapping: feed\nrulez: {}\n", "unknown key 'rulez' (did you mean 'rules'?)"),
        ("mapping: feed\nextends: standard/ORU_R02x\n", "no message map 'standard/ORU_R02x'"),
        ("mapping: feed\nrules:\n  PID[Patient]:\n    nope: null\n", "there is no rule"),
        ("mapping: feed\nrules:\n  Patient:\n    gender: PID-8\n", "names no segment map"),
        ("mapping: feed\nrules:\n  PID[Patient]:\n    gender: PID.8 via X via Y\n", "left over"),
        ("mapping: feed\nignore: [P]\n", "is not a segment or a path"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        library(tmp_path, text)
    assert said in str(raised.value)


def test_an_identifier_without_a_system_takes_the_channels_and_only_there(tmp_path: Path) -> None:
    found = library(tmp_path, "mapping: feed\n")
    bare = MESSAGE.replace("4711^^^NORTH^MR", "4711")
    context = Context(UTC, CONTEXT.received_at, "test", {"PID-3": "urn:oid:2.999.1"})
    known = found.mapping("feed").convert(Message.parse(bare), context)
    patient = next(r for r in known.resources if r.body["resourceType"] == "Patient")
    assert patient.criterion == "identifier=urn:oid:2.999.1|4711"
    unknown = found.mapping("feed").convert(Message.parse(bare), CONTEXT)
    patient = next(r for r in unknown.resources if r.body["resourceType"] == "Patient")
    assert patient.criterion == ""
    assert "system" not in patient.body["identifier"][0]


def test_a_bare_number_never_makes_one_patient_of_two_messages(tmp_path: Path) -> None:
    found = library(tmp_path, "mapping: feed\n")
    bare = MESSAGE.replace("4711^^^NORTH^MR", "4711")
    first = found.mapping("feed").convert(Message.parse(bare), CONTEXT)
    second = found.mapping("feed").convert(Message.parse(bare.replace("|M1|", "|M2|")), CONTEXT)
    uuids = [
        next(r.uuid for r in result.resources if r.body["resourceType"] == "Patient")
        for result in (first, second)
    ]
    assert uuids[0] != uuids[1]


def test_an_identifier_of_a_named_authority_does_not_take_the_channels_system(
    tmp_path: Path,
) -> None:
    found = library(tmp_path, "mapping: feed\n")
    both = MESSAGE.replace("4711^^^NORTH^MR", "4711~999^^^SSA^SS")
    context = Context(UTC, CONTEXT.received_at, "test", {"PID-3": "urn:oid:2.999.1"})
    result = found.mapping("feed").convert(Message.parse(both), context)
    identifiers = bodies(result, "Patient")[0]["identifier"]
    assert [item.get("system") for item in identifiers] == ["urn:oid:2.999.1", None]


def test_of_several_constants_each_stands_in_a_list(tmp_path: Path) -> None:
    found = library(
        tmp_path,
        "mapping: feed\n"
        "extends: standard/ORU_R01\n"
        "segments:\n"
        "  ZLB: {3: {name: fasting, type: CWE}}\n"
        "rules:\n"
        "  ZLB[Observation]:\n"
        "    status: =final\n"
        "    category: [obscat#laboratory, obscat#exam]\n"
        "    code: {coding: [loinc#49541-6, loinc#1234-5], text: =fasting}\n"
        "    valueCodeableConcept: ZLB-3\n",
    )
    [fasting] = (
        body
        for body in bodies(mapped(found), "Observation")
        if body["code"].get("text") == "fasting"
    )
    categories = [concept["coding"][0]["code"] for concept in fasting["category"]]
    assert categories == ["laboratory", "exam"]
    assert [coding["code"] for coding in fasting["code"]["coding"]] == ["49541-6", "1234-5"]
