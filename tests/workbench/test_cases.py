"""The cases that stand beside mappings: run, compared, told."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import orjson
from click.testing import CliRunner

from engine.cli.test import test as command
from engine.mapping.cases import differences
from engine.workbench.cases import find, run

ROOT = Path(__file__).resolve().parents[2]
MAPPINGS = ROOT / "mappings"


def test_every_shipped_case_gives_its_bundle() -> None:
    results = list(run(find(MAPPINGS)))
    assert len(results) >= 6
    assert [(r.case.name, r.trouble) for r in results if r.trouble] == []


def test_a_difference_is_told_by_the_path_of_its_element(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "practice"
    shutil.copytree(MAPPINGS / "practice", folder)
    expected = folder / "cases" / "registration.bundle.json"
    bundle = orjson.loads(expected.read_bytes())
    patient = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    patient["resource"]["gender"] = "male"
    expected.write_bytes(orjson.dumps(bundle))
    result = CliRunner().invoke(command, [str(folder), "--junit", str(tmp_path / "out.xml")])
    assert result.exit_code == 1
    assert "Patient[0].gender\n    - 'male'\n    + 'female'" in result.output
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.attrib["failures"] == "1"


def test_update_writes_what_comes_out(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "practice"
    shutil.copytree(MAPPINGS / "practice", folder)
    (folder / "cases" / "registration.bundle.json").unlink()
    missing = CliRunner().invoke(command, [str(folder)])
    assert missing.exit_code == 1
    assert "--update writes it" in missing.output
    assert CliRunner().invoke(command, [str(folder), "--update"]).exit_code == 0
    assert CliRunner().invoke(command, [str(folder)]).exit_code == 0


def test_a_folder_without_cases_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path)])
    assert result.exit_code == 2
    assert "there are no cases" in result.output


def test_what_is_missing_on_one_side_is_told() -> None:
    def bundle(**fields: str) -> dict[str, object]:
        return {"entry": [{"resource": {"resourceType": "Patient", **fields}}]}

    found = [str(d) for d in differences(bundle(gender="male"), bundle(birthDate="1970-01-02"))]
    assert found == ["Patient[0].gender\n  - 'male'", "Patient[0].birthDate\n  + '1970-01-02'"]
