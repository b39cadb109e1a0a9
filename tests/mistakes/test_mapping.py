"""Mistakes in a mapping: each is told once, with its line and column and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mistakes.site import MAPPING_FILE, Mistake


def rule(wrong: str, what: str, instead: str) -> Mistake:
    """A mistake in a rule of PID[Patient]."""
    return Mistake(
        MAPPING_FILE, "    gender: PID-8 via north-lab-sex\n",
        f"    gender: PID-8 via north-lab-sex\n    {wrong}\n", what, instead,
    )  # fmt: skip


def mapping(right: str, wrong: str, what: str, instead: str) -> Mistake:
    """A mistake elsewhere in the mapping."""
    return Mistake(MAPPING_FILE, right, wrong, what, instead)


FASTING = "valueCodeableConcept: ZLB-3 via fasting-status"

VALUES = [
    rule("birthDat: §PID-7", "Patient has no element 'birthDat'", "did you mean 'birthDate'?"),
    rule("birthDate: §PID-99", "PID-99 is not known", "PID has 40 fields"),
    rule("birthDate: §QQQ-1", "QQQ-1 is not known", "no version of HL7 v2 has a segment QQQ"),
    rule("birthDate: §ZLB-2", "ZLB-2 is not known", "declare it"),
    rule("birthDate: §PID.7", "PID.7 is not known", "write it like PID-7"),
    rule("birthDate: §birthday", "'birthday' is not a path", "a constant is written =birthday"),
    rule("multipleBirthInteger: §PID-25.3", "PID-25.3 is not known", "NM has no components"),
    rule("birthDate: §PID-5.77", "PID-5.77 is not known", "XPN has 15 components"),
    rule("language: PID-15 via §PrimaryLanguages", "no table 'PrimaryLanguages'",
         "did you mean 'PrimaryLanguage'?"),
    rule("language: PID-15 via§", "'via' needs a name", "PID-8 via AdministrativeSex"),
    rule("name: §PID-7", "PID-7 is DTM: it does not convert to HumanName", "with 'as'"),
    rule("photo: §PID-5", "PID-5 is XPN: it does not convert to Attachment", "with 'as'"),
    rule("birthDate: §=yesterday", "'yesterday' is not a date", "write it like =2026-01-31"),
    rule("active: §=yes", "'yes' is not a boolean", "write =true or =false"),
    rule("multipleBirthInteger: §=one", "'one' is not a integer", "write a number"),
    rule("communication: {language: §v3-MaritalStatuss#M}", "no code system 'v3-MaritalStatuss'",
         "did you mean 'v3-MaritalStatus'?"),
    rule("contact: {gender: §=femal}", "'femal' is not a code of", "did you mean 'female'?"),
    rule("name: §namely(PID-5)", "no function 'namely'", "did you mean 'name'?"),
    rule("birthDate: §later(PID-7)", "later() takes 2 to 3 values, not 1", "later("),
    rule("birthDate: join(PID-7, §PID-98)", "PID-98 is not known", "PID has 40 fields"),
    rule("birthDate: join(PID-7§", "expected ')' at the end", ""),
    rule("birthDate: PID-7 §and more", "'and more' is left over here", ""),
    rule("managingOrganization: §-> Organisation", "no segment map makes 'Organisation'", ""),
    rule("birthDate: §-> Patient", "'-> Patient' needs a Reference", "birthDate is date"),
    rule("generalPractitioner: §PD1-4 as Practitoner", "there is no map XCN[Practitoner]",
         "did you mean 'Practitioner'?"),
    rule("multipleBirthInteger: §PID-25 read as NUM", "'NUM' is no data type of HL7 v2",
         "did you mean 'NM'?"),
    rule("identifier: PID-3[.5§]", "']' says nothing about", "is valued"),
    rule("identifier: PID-3[§.77 is MR]", ".77 is not known", "CX has 12 components"),
    rule("extension(plaseOfBirth): §PID-23",
         "the value type of extension 'plaseOfBirth' is not known", "extensions.csv"),
    rule("extension(patient-birthPlce): §PID-23",
         "the value type of extension 'patient-birthPlce' is not known",
         "did you mean 'patient-birthPlace'?"),
    rule("birthDate.extension(patient-birthTime): §PID-5", "PID-5 is XPN: it does not convert",
         "with 'as'"),
    rule("birthDate: {start: §PID-7}", "'birthDate' is a primitive", ""),
    rule("name: {from: PID-5, §use: =old}", "'use' cannot stand beside 'from'", "under with:"),
    rule("birthDate: {is: PID-7, §unless: PID-8}", "'unless' cannot stand beside 'is'", "with:"),
    rule("name:\n      each: §PID-5 or PID-9\n      text: .1", "'each' needs one path",
         "write it like each: PID-26"),
    rule("generalPractitioner: §{make: Practitoner, name: PD1-4}",
         "'make: Practitoner' needs a resource", "did you mean 'Practitioner'?"),
    rule("name:\n      text:§ ", "a value is missing here", "null removes a rule"),
    rule("§gender: PID-8", "the key 'gender' stands here a second time", "keep one"),
    rule("§name..text: PID-5.1", "'name..text' is not an element", "write it like period.start"),
]  # fmt: skip

CONDITIONS = [
    rule("active: {when: §PID.30 is Y, is: =false}", "PID.30 is not known", "PID-30"),
    rule("active: {when: PID-30 §iz Y, is: =false}", "'iz Y' says nothing about PID-30", "is X"),
    rule("active: {when: PID-30 is§, is: =false}", "a value is missing here", "two words"),
    rule("active:\n      when: PID-30 matches /[A/§\n      is: =false",
         "the pattern cannot be read", "slashes"),
    rule("active: {when: §PID-77 is Y, is: =false}", "PID-77 is not known", "PID has 40 fields"),
    rule("active: {when: §within ordre, is: =false}", "no group 'ordre'", "did you mean 'order'?"),
    rule("active: {when: §has SMP, is: =false}", "no version of HL7 v2 has a segment SMP",
         "did you mean 'SPM'?"),
    mapping("when: ZLB-3 is valued", "when: §ZLB-9 is valued", "ZLB-9 is not known",
            "declare it"),
    mapping("when: ZLB-3 is valued", "when: ZLB-3 §valued", "says nothing about ZLB-3",
            "is valued"),
    mapping("per: segment", "per: §ordr", "no group 'ordr'", "did you mean 'order'?"),
    mapping("per: segment", "into: §maybe", "'maybe' is neither yes nor no", "into: yes"),
]  # fmt: skip

BLOCKS = [
    mapping("unmapped:\n", "§unmaped:\n", "unknown key 'unmaped'", "did you mean 'unmapped'?"),
    mapping("mapping: north-lab\n", "§", "missing key 'mapping'", "mapping: north-lab"),
    mapping("extends: standard\n", "extends: §standard/ORU_R02x\n",
            "no message map 'standard/ORU_R02x'", "did you mean"),
    mapping("extends: standard\n", "extends: §standrad\n", "a feed extends standard",
            "write standard"),
    mapping("  PID[Patient]:\n", "  §PID[Pateint]:\n", "'Pateint' is no resource of FHIR R4",
            "did you mean 'Patient'?"),
    mapping("  PID[Patient]:\n", "  §PDI[Patient]:\n", "no version of HL7 v2 has a segment PDI",
            "did you mean"),
    mapping("  PID[Patient]:\n", "  §Patient:\n", "'Patient' names no segment map",
            "did you mean 'PID[Patient]'?"),
    mapping("maritalStatus: null", "§maritalState: null",
            "there is no rule PID[Patient].maritalState to remove", "'maritalStatus'"),
    mapping("maritalStatus: null", "§+deceasedDate: PID-29",
            "there is no rule PID[Patient].deceasedDate to add to", "did you mean"),
    mapping("  ZLB[Observation-Fasting]:\n    per: segment\n    when: ZLB-3 is valued\n"
            "    status: =final\n",
            "  §ZLB[Observation-Fasting]:\n    per: segment\n    when: ZLB-3 is valued\n",
            "ZLB[Observation-Fasting] has no rule for 'status', which Observation requires",
            "add status: …"),
    mapping("  ZAU: audit trail of the sender", "  §PV2: not wanted",
            "PV2 is ignored, but PV2[Encounter]", "remove the rule"),
    mapping("  PV1-31: the code of a debt agency", "  §PID-7: not wanted",
            "PID-7 is ignored, but PID[Patient].birthDate reads it", "remove the rule"),
    mapping("  PV1-31: the code of a debt agency", "  §PID-77: not wanted",
            "PID-77 is not known", "PID has 40 fields"),
    mapping("  ZAU: audit trail of the sender", "  §ZA: audit", "'ZA' is not a segment", "ZAU"),
    mapping("  fasting-status: keep", "  fasting-status: §kep", "'kep' is no policy",
            "did you mean 'keep'?"),
    mapping("  fasting-status: keep", "  §fasting-state: keep", "no table 'fasting-state'",
            "did you mean 'fasting-status'?"),
    mapping("    3: {name: fasting status, type: CWE}",
            "    3: {name: fasting status, type: §CEW}", "'CEW' is no data type of HL7 v2",
            "did you mean"),
    mapping("    3: {name: fasting status, type: CWE}", "    3: §{name: fasting status}",
            "missing key 'type'", "type: ST"),
    mapping("    3: {name: fasting status, type: CWE}", "    §three: {name: x, type: CWE}",
            "'three' is not a field number of ZLB", "write a number"),
    mapping("    knows: whole", "    knows: §hole", "'hole' is not part, whole or shared",
            "did you mean 'whole'?"),
    mapping("[patient, order, ZLB-1]", "[patient, order, §ZLB.1]", "'ZLB.1' is not a path",
            "ZLB-1"),
    mapping("[patient, order, ZLB-1]", "[patient, order, §ZLB-7]", "ZLB-7 is not known",
            "declare it"),
    mapping("  Observation-Fasting:\n", "  §Observation-Fastin:\n",
            "no map makes 'Observation-Fastin'", "did you mean 'Observation-Fasting'?"),
    mapping('{NL: "https://north-lab.example/codes"}', '{NL: §north-lab codes}',
            "'north-lab codes' is not a URI", "urn:oid:"),
    mapping('{NORTHLAB: "urn:oid:2.999.4"}', '{NORTHLAB: §2.999.4}', "'2.999.4' is not a URI",
            "urn:oid:2.999.4"),
    mapping("identity:\n", "maps: {OBX: [§Observatio]}\nidentity:\n",
            "no segment map OBX[Observatio]", "did you mean 'Observation'?"),
    mapping("rules:\n  ZLB", "rules:\n§\tZLB", "this is not YAML", ""),
]  # fmt: skip


@pytest.mark.parametrize("mistake", [*VALUES, *CONDITIONS, *BLOCKS], ids=str)
def test_a_mistake_is_told_once_with_its_place_and_what_to_write(
    tmp_path: Path, mistake: Mistake
) -> None:
    mistake.check(tmp_path)
