"""Mistakes in a code table: each is told once, with its line and column and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mistakes.site import FILES, SEX, SEX_FILE, Mistake, lay_out, problems

FOLDER = "mappings/north-lab/conceptmaps"
MALE = "M,maennlich,http://hl7.org/fhir/administrative-gender,male,Male\n"


def table(right: str, wrong: str, what: str, instead: str) -> Mistake:
    """A mistake in the table of sexes."""
    return Mistake(SEX_FILE, right, wrong, what, instead)


MISTAKES = [
    table("source display", "§source displai", "no column 'source displai'",
          "did you mean 'source display'?"),
    table("source code,source display,target system,target code",
          "§source code,source display,target system", "the column 'target code' is missing",
          "begin with"),
    table("", "§", "an empty table", "begin with: source code"),
    table("gender,male,Male", "gender,§,Male", "a row without a target code", "fill it in"),
    table("M,maennlich", "§,", "a row without a source code", "the text it is found by"),
    table("M,maennlich", "§W,maennlich", "'W' stands in line 2 already", "keep one of them"),
    table("M,maennlich,http://hl7.org/fhir/administrative-gender",
          "M,maennlich,§administrative gender", "'administrative gender' is not a URI",
          "such as http://loinc.org"),
    table(MALE, MALE.replace("Male", "Male,§a man"), "6 cells in a table of 5 columns",
          "in quotes"),
    table(MALE, '§M,"maennlich,x\n', "not CSV", "doubled"),
    table("W,weiblich", '§W,"weiblich', "a quote that opens here is never closed", "doubled"),
    table("M,maennlich", '§M,"maennlich"x', "not CSV", "doubled"),
    table("gender,male,Male", "gender,§mail,Male", "'mail' is not a code of Patient.gender",
          "did you mean 'male'?"),
    Mistake(f"{FOLDER}/spare.csv", "", "§" + SEX, "no rule asks the table 'spare'", "via spare"),
    Mistake(f"{FOLDER}/MaritalStatu.csv", "", "§" + SEX, "no rule asks the table 'MaritalStatu'",
            "did you mean 'MaritalStatus'?"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_told_once_with_its_place_and_what_to_write(
    tmp_path: Path, mistake: Mistake
) -> None:
    mistake.check(tmp_path)


@pytest.mark.parametrize("file", ["mapping.yaml", "conceptmaps/north-lab-sex.csv"])
def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path, file: str) -> None:
    lay_out(tmp_path, FILES)
    path = tmp_path / "mappings/north-lab" / file
    path.write_bytes(path.read_bytes() + "# müde\n".encode("latin-1"))
    line = path.read_bytes().count(b"\n")
    assert [str(problem) for problem in problems(tmp_path)] == [
        f"mappings/north-lab/{file}:{line}:1: the file is not UTF-8 (save it as UTF-8)"
    ]
