"""Mistakes of every kind in one feed: all are told at once, and nothing that follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mistakes.site import CHANNEL, FILES, MARK, SEX, lay_out, problems

MAPPING = """\
mapping: north-lab
extends: §standrad
systems: {NL: §north-lab codes}
authorities: {NORTHLAB: §2.999.4}
segments:
  §zlb: {1: {name: x, type: ST}}
  ZLB:
    §3rd: {name: fasting status, type: CWE}
    4: {name: other, type: §CEW}
rules:
  ZLB[Observation-Fasting]:
    per: §ordr
    status: §=final =now
    code: loinc#49541-6
    subject: §-> Pateint
    performer: §-> Observation-Fastin
    valueCodeableConcept: ZLB-3 via §hemolyss
  PID[Patient]:
    §maritalState: null
    gender: PID-8 via north-lab-sex
    §gender: PID-8
    birthDat: §PID-7
    name: §namely(PID-5)
    multipleBirthInteger: §PID-99
    active: {when: PID-30 §iz Y, is: =true}
    managingOrganization: site.known(PID-3.4)
    language: PID-15 §and more via spare
  §ZZB[Obsrvation]:
    status: §final
    code: ZZB-1 via unread
unmapped:
  hemolysis: §kep
  §fasting: keep
  unread: keep
ignore:
  §foo: nobody
  §QQQ: nobody
  §PID-77: nobody
  §PV2: not wanted
"""

TABLES = "mappings/north-lab/conceptmaps"
MISTAKES = {
    "mappings/north-lab/mapping.yaml": MAPPING,
    "mappings/north-lab/functions.py": "def known(:§\n",
    f"{TABLES}/hemolysis.csv": SEX.replace("http://hl7.org/fhir/administrative-gender", ""),
    f"{TABLES}/north-lab-sex.csv": SEX,
    f"{TABLES}/spare.csv": SEX,
    f"{TABLES}/unread.csv": SEX.replace(",female", ",§"),
    f"{TABLES}/nobodys.csv": "§" + SEX,
}


def marks(files: dict[str, str]) -> list[str]:
    """Where something is wrong."""
    found = []
    for name, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            while MARK in line:
                found.append(f"{name}:{number}:{line.index(MARK) + 1}")
                line = line.replace(MARK, "", 1)
    return sorted(found)


def unmarked(files: dict[str, str]) -> dict[str, str]:
    """The files as somebody would write them."""
    return {name: text.replace(MARK, "") for name, text in files.items()}


def test_every_mistake_is_told_at_once_and_nothing_that_follows_from_one(tmp_path: Path) -> None:
    files = {**FILES, **MISTAKES}
    del files[f"{TABLES}/fasting-status.csv"]
    lay_out(tmp_path, unmarked(files))
    found = problems(tmp_path)
    # where a syntax error of Python stands is Python's to say
    told = sorted(str(p.place) for p in found if "functions.py" not in str(p.place))
    wanted = [place for place in marks(MISTAKES) if "functions.py" not in place]
    assert told == wanted, "\n".join(map(str, found))
    assert sum("functions.py" in str(problem.place) for problem in found) == 1


def test_a_mapping_that_is_not_yaml_hides_no_table_and_blames_no_channel(tmp_path: Path) -> None:
    broken = {"mappings/north-lab/mapping.yaml": "mapping: [\n"}
    lay_out(tmp_path, {**FILES, **broken})
    (problem,) = problems(tmp_path)
    assert "this is not YAML" in problem.what


CONDITIONS = {
    "MSH-9.1 in (ORU, OML)": {
        "§MSH-99 is B": "MSH-99 is not known (MSH has 28 fields)",
        "§QQQ-1 is B": "no version of HL7 v2 has a segment QQQ",
        "§PDI-3 is B": "no version of HL7 v2 has a segment PDI (did you mean 'PID'?)",
        "§PID-5.99 is B": "PID-5.99 is not known (XPN has 15 components)",
        "PV1-2 is I and §PV1-77 is B": "PV1-77 is not known",
    },
    "PID-3: urn": {
        "§PID-333: urn": "'PID-333' is not the path of a field (PID-333 is not known",
        "§QQQ-1: urn": "'QQQ-1' is not the path of a field (no version of HL7 v2 has a segment QQQ",
    },
}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [(right, wrong, said) for right, all_ in CONDITIONS.items() for wrong, said in all_.items()],
)
def test_a_channel_names_only_fields_that_there_are(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    channel = CHANNEL.replace(right, wrong).replace("mapping: north-lab", "mapping: standard")
    files = {"channels/north-lab.yaml": channel, "engine.yaml": FILES["engine.yaml"]}
    lay_out(tmp_path, unmarked(files))
    (problem,) = problems(tmp_path)
    assert str(problem).startswith(f"{marks(files)[0]}: {said}")


def test_a_channel_may_ask_a_segment_of_the_senders_own(tmp_path: Path) -> None:
    channel = CHANNEL.replace("MSH-9.1 in (ORU, OML)", "ZLB-99.9 is valued")
    lay_out(tmp_path, {**FILES, "channels/north-lab.yaml": channel})
    assert problems(tmp_path) == ()


def test_a_mapping_that_is_called_like_no_folder_is_told_by_its_folder(tmp_path: Path) -> None:
    mapping = FILES["mappings/north-lab/mapping.yaml"]
    named = mapping.replace("mapping: north-lab", "mapping: laboratory")
    lay_out(tmp_path, {**FILES, "mappings/north-lab/mapping.yaml": named})
    (problem,) = problems(tmp_path)
    assert problem.what == "there is no mapping 'north-lab'"
    assert problem.instead == "the folder mappings/north-lab holds the mapping 'laboratory'"


def test_a_folder_of_data_is_one(tmp_path: Path) -> None:
    lay_out(tmp_path, {**FILES, "data": "a file\n"})
    (problem,) = problems(tmp_path)
    assert str(problem) == (
        f"engine.yaml:1:7: '{tmp_path / 'data'}' is a file, not a folder"
        " (write another folder for data:)"
    )


@pytest.mark.parametrize("data", ["data/below/it", "/proc/engine"])
def test_a_folder_of_data_can_be_made(tmp_path: Path, data: str) -> None:
    engine = FILES["engine.yaml"].replace("data: data", f"data: {data}")
    lay_out(tmp_path, {**FILES, "engine.yaml": engine, "data": "a file\n"})
    (problem,) = problems(tmp_path)
    assert str(problem.place) == "engine.yaml:1:7"


def test_a_segment_of_the_senders_own_may_be_ignored_once_it_is_declared(tmp_path: Path) -> None:
    mapping = FILES["mappings/north-lab/mapping.yaml"]
    ignoring = mapping.replace("  ZAU: audit", "  QQQ: not wanted\n  ZAU: audit")
    lay_out(tmp_path, {**FILES, "mappings/north-lab/mapping.yaml": ignoring})
    (problem,) = problems(tmp_path)
    assert problem.what == "no version of HL7 v2 has a segment QQQ"
    assert problem.instead == "if it is the sender's own, declare it: segments: {QQQ: {}}"
    declared = ignoring.replace("segments:\n", "segments:\n  QQQ: {}\n")
    lay_out(tmp_path, {"mappings/north-lab/mapping.yaml": declared})
    assert problems(tmp_path) == ()
