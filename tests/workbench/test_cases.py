"""The cases that stand beside mappings: run, compared, told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from click.testing import CliRunner

from engine.cli.main import main
from engine.cli.test import test as command
from engine.mapping.cases import differences
from engine.workbench.cases import find, run
from engine.workbench.fhirpath import failures
from engine.workbench.untested import untested

ROOT = Path(__file__).resolve().parents[2]
MAPPINGS = ROOT / "mappings"


def test_every_shipped_case_gives_its_bundle() -> None:
    results = list(run(find(MAPPINGS)))
    assert len(results) >= 36
    assert [(r.case.name, r.trouble) for r in results if r.trouble] == []


def test_a_case_reaches_every_segment_map_and_every_rule_of_the_feeds() -> None:
    left = untested(find(MAPPINGS))
    assert left.keys() >= {"standard", "north-lab", "practice", "radiology", "ward-pam"}
    assert {mapping: addresses for mapping, addresses in left.items() if addresses} == {}


def test_what_no_case_reaches_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "practice"
    shutil.copytree(MAPPINGS / "practice", folder)
    file = folder / "mapping.yaml"
    text = file.read_text(encoding="utf-8")
    rule = "rules:\n  PD1[Observation-Student]:\n    note: {text: PD1-5.2}\n"
    file.write_text(text.replace("rules:\n", rule, 1), encoding="utf-8")
    result = CliRunner().invoke(command, [str(folder), "--update", "--untested"])
    assert result.exit_code == 1
    assert "practice: no case reaches PD1[Observation-Student].note" in result.output


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


def test_an_assertion_that_does_not_hold_is_told_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "practice"
    shutil.copytree(MAPPINGS / "practice", folder)
    (folder / "cases" / "registration.fhirpath").write_text(
        "// a comment, and a line that holds\n"
        "entry.resource.ofType(Patient).gender = 'female'\n\n"
        "entry.resource.ofType(Patient).gender\n"
        "entry.resource.ofType(Goal).exists()\n"
        "((\n"
        "nonsense('x')\n"
    )
    result = CliRunner().invoke(command, [str(folder)])
    assert result.exit_code == 1
    told = [line.strip() for line in result.output.splitlines()]
    assert told[1:9] == [
        "registration.fhirpath:4: entry.resource.ofType(Patient).gender", "+ female",
        "registration.fhirpath:5: entry.resource.ofType(Goal).exists()", "+ False",
        "registration.fhirpath:6: ((", "+ this is not FHIRPath",
        "registration.fhirpath:7: nonsense('x')",
        "+ this is not FHIRPath: Not implemented: nonsense",
    ]  # fmt: skip


def test_a_decimal_of_an_assertion_is_a_number_of_the_bundle(tmp_path: Path) -> None:
    file = tmp_path / "a.fhirpath"
    file.write_text("value.value = 10.2\nvalue = 10.2 'g'\n")
    assert failures(
        file, b'{"resourceType": "Observation", "valueQuantity": {"value": 10.20}}'
    ) == ["a.fhirpath:2: value = 10.2 'g'\n  + False"]


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "entry": [
            {"fullUrl": f"urn:uuid:{r.get('id', '')}", "resource": {"resourceType": "Patient", **r}}
            for r in resources
        ]
    }


def told(expected: dict[str, Any], received: dict[str, Any]) -> list[str]:
    return [str(difference) for difference in differences(expected, received)]


def test_what_is_missing_on_one_side_is_told() -> None:
    found = told(bundle({"gender": "male"}), bundle({"birthDate": "1970-01-02"}))
    assert found == ["Patient[0].gender\n  - 'male'", "Patient[0].birthDate\n  + '1970-01-02'"]


def test_a_resource_too_many_is_told_in_one_line_and_shifts_no_other() -> None:
    two = bundle({"id": "a", "gender": "male"}, {"id": "b", "gender": "other"})
    three = bundle(
        {"id": "n", "gender": "female", "birthDate": "1970-01-02"},
        {"id": "a", "gender": "male"},
        {"id": "b", "gender": "other"},
    )
    assert told(two, three) == ["Patient[0]\n  + a Patient of 'female', '1970-01-02' …"]
    assert told(three, two) == ["Patient[0]\n  - a Patient of 'female', '1970-01-02' …"]


def test_a_new_id_does_not_show_in_what_refers_to_it() -> None:
    def of(patient: str) -> dict[str, Any]:
        link = [{"other": {"reference": f"urn:uuid:{patient}"}}]
        return bundle({"id": patient}, {"id": "z", "link": link})

    assert told(of("a"), of("b")) == [
        "Patient[0].fullUrl\n  - 'urn:uuid:a'\n  + 'urn:uuid:b'",
        "Patient[0].id\n  - 'a'\n  + 'b'",
    ]


def test_a_reference_to_another_resource_is_told_by_its_name() -> None:
    def of(patient: str) -> dict[str, Any]:
        link = [{"other": {"reference": f"urn:uuid:{patient}"}}]
        return bundle({"id": "a"}, {"id": "b"}, {"id": "z", "link": link})

    assert told(of("a"), of("b")) == [
        "Patient[2].link[0].other.reference\n  - -> Patient[0]\n  + -> Patient[1]"
    ]


def test_another_order_of_the_same_entries_is_told() -> None:
    one, other = bundle({"id": "a"}, {"id": "b"}), bundle({"id": "b"}, {"id": "a"})
    assert told(one, other) == [
        "order of entries\n  - Patient[0], Patient[1]\n  + Patient[1], Patient[0]"
    ]


def practice(tmp_path: Path) -> Path:
    folder = tmp_path / "mappings" / "practice"
    shutil.copytree(MAPPINGS / "practice", folder)
    return folder


def test_a_damaged_bundle_is_named_and_stops_no_other_case(tmp_path: Path) -> None:
    folder = practice(tmp_path)
    (folder / "cases" / "aaa.hl7").write_bytes((folder / "cases" / "registration.hl7").read_bytes())
    (folder / "cases" / "aaa.bundle.json").write_text('{"resourceType": ')
    result = CliRunner().invoke(command, [str(folder)])
    assert result.exit_code == 1
    assert "aaa.bundle.json is not JSON" in result.output
    assert "practice/registration: as expected" in result.output


def test_a_report_that_cannot_be_written_is_told_by_its_name(tmp_path: Path) -> None:
    report = str(tmp_path / "nowhere" / "out.xml")
    result = CliRunner().invoke(main, ["test", str(practice(tmp_path)), "--junit", report])
    assert result.exit_code == 1
    assert f"mllp-engine: {report}: No such file or directory\n" in result.output


def test_a_case_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(practice(tmp_path)), "--only", "registratoin"])
    assert result.exit_code == 2
    assert "no case has 'registratoin' in its name (did you mean 'registration'?)" in result.output


def test_an_update_that_breaks_an_assertion_says_so_and_fails(tmp_path: Path) -> None:
    folder = practice(tmp_path)
    (folder / "cases" / "registration.bundle.json").unlink()
    (folder / "cases" / "registration.fhirpath").write_text("entry.exists().not()\n")
    result = CliRunner().invoke(command, [str(folder), "--only", "registration", "--update"])
    assert result.exit_code == 1
    assert "practice/registration: written, but it breaks its assertions" in result.output


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        ("entry.resource.ofType(Obsrvation).empty()", "no type 'Obsrvation' (did you mean 'Obs"),
        ("entry.resource.all(($this is Patiant).not())", "no type 'Patiant' (did you mean 'Pati"),
        ("entry.resource.ofType(Patient).where($this.is(Patient)).exists()", ""),
        ("entry.resource.ofType(Patient).name.family.first() is string", ""),
        ("('as is Nowhere' = 'as is Nowhere')", ""),
    ],
)
def test_a_type_that_r4_does_not_have_is_told(tmp_path: Path, assertion: str, said: str) -> None:
    file = tmp_path / "a.fhirpath"
    file.write_text(assertion + "\n")
    patient = {"resourceType": "Patient", "name": [{"family": "A"}]}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": patient}]}
    told = failures(file, orjson.dumps(bundle))
    assert [said in line for line in told] == ([True] if said else []), told


def test_a_folder_of_cases_says_how_its_channel_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "ward-feed"
    cases = folder / "cases"
    cases.mkdir(parents=True)
    (folder / "mapping.yaml").write_text("mapping: ward\nextends: standard\n")
    text = "MSH|^~\\&|A|B|||2026010510||ADT^A01^ADT_A01|1|P|2.5.1\rPID|1||7||Prüfling^A\r"
    (cases / "one.hl7").write_bytes(text.encode("latin-1"))
    (cases / "channel.yaml").write_text(
        "charset: iso-8859-1\ntimezone: Asia/Tokyo\nassigner: {PID-3: urn:oid:2.999.7}\n"
    )
    (result,) = run(find(folder), update=True)
    made = result.case.bundle.read_text(encoding="utf-8")
    assert result.trouble == ()
    for said in ("Prüfling", "+09:00", "urn:oid:2.999.7"):
        assert said in made

    (cases / "channel.yaml").write_text("timezoon: UTC\nassigner: {PID-333: urn:x}\n")
    told = CliRunner().invoke(main, ["test", str(folder)])
    assert told.exit_code == 2
    assert "channel.yaml:1:1: unknown key 'timezoon' (did you mean 'timezone'?)" in told.stderr
    assert "channel.yaml:2:12: 'PID-333' is not the path of a field" in told.stderr
