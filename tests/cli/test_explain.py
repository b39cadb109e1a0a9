"""What ``explain`` shows an integration engineer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.cli.main import main

MESSAGE = "\r".join(
    (
        "MSH|^~\\&|LAB|NORTH|CHART|CLINIC|20260105101500||ORU^R01^ORU_R01|M1|P|2.5.1",
        "PID|1||4711^^^NORTH&2.999.1&ISO^MR||Testpatient^[bold]Anna||19700102|F",
        "PV1|1|O|||||0815^Example^Erika",
        "OBR|1|P1|F1|24323-8^Panel^LN|||20260105090000|||||||||||||||||CH|F",
        "OBX|1|NM|2345-7^Glucose^LN||5.10|mmol/L^^UCUM||N|||F|||yesterday",
        "ZLB|1|x",
    )
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "message.hl7"
    path.write_text(MESSAGE)
    return path


def explain(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ("explain", *map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result


def element(told: dict[str, Any], resource: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        row for row in told["elements"] if (row["resource"], row["element"]) == (resource, path)
    )
    return found


def field(told: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in told["fields"] if row["field"] == path)
    return found


@pytest.fixture
def told(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(explain(file, "--json").stdout)
    return read


def test_an_element_tells_its_field_the_rule_of_its_segment_and_the_way_there(
    told: dict[str, Any],
) -> None:
    number = element(told, "Patient[0]", "identifier[0].value")
    assert number["value"] == "4711"
    assert number["from"] == ["PID-3.1"]
    assert number["rule"] == "PID[Patient].identifier"
    assert number["through"] == "CX[Identifier].value"
    gender = element(told, "Patient[0]", "gender")
    assert (gender["value"], gender["table"]) == ("female", "AdministrativeSex")


def test_every_element_tells_its_rule_constants_and_links_too(told: dict[str, Any]) -> None:
    intent = element(told, "ServiceRequest[0]", "intent")
    assert (intent["from"], intent["rule"]) == ([], "OBR[ServiceRequest].intent")
    subject = element(told, "Observation[0]", "subject.reference")
    assert (subject["value"], subject["rule"]) == ("-> Patient[0]", "OBX[Observation].subject")
    shared = element(told, "Practitioner[0]", "name[0].family")
    assert shared["rule"].startswith("PV1[")


def test_a_field_tells_what_it_became_or_why_it_did_not(told: dict[str, Any]) -> None:
    value = field(told, "OBX-5.1")
    assert value["elements"] == ["Observation[0].valueQuantity.value"]
    assert value["name"] == "Observation Value"
    late = field(told, "OBX-14.1")
    assert (late["fate"], late["why"]) == (
        "reported", "not a date or time (OBX[Observation].effectiveDateTime)",
    )  # fmt: skip
    assert field(told, "ZLB-2.1")["fate"] == "unmapped"


def test_what_a_feed_ignores_names_its_line(file: Path, tmp_path: Path) -> None:
    feed = tmp_path / "lab"
    feed.mkdir()
    (feed / "mapping.yaml").write_text("mapping: lab\nignore:\n  ZLB: how the sample came\n")
    told = json.loads(explain(file, "--mapping", feed, "--json").stdout)
    ignored = field(told, "ZLB-2.1")
    assert ignored["fate"] == "ignored"
    assert ignored["why"].startswith("how the sample came (")
    assert ignored["why"].endswith("/lab/mapping.yaml:3)")


def test_the_screen_shows_values_as_they_are_and_what_is_unmapped(file: Path) -> None:
    shown = explain(file).output
    assert "[bold]Anna" in shown
    assert "UNMAPPED" in shown
    left = explain(file, "--unmapped").output
    assert "ZLB-2" in left
    assert "Testpatient" not in left


def test_every_message_of_a_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_text(MESSAGE)
    (tmp_path / "two.hl7").write_text("\r".join([MESSAGE, MESSAGE.replace("5.10", "6.20")]))
    lines = [json.loads(line) for line in explain(tmp_path, "--json").stdout.splitlines()]
    assert [line["file"] for line in lines] == ["one.hl7", "two.hl7", "two.hl7.2"]
    assert [field(line, "OBX-5.1")["value"] for line in lines] == ["5.10", "5.10", "6.20"]
    shown = explain(tmp_path).stdout
    assert [shown.count(name) for name in ("one.hl7", "two.hl7")] == [1, 2]


def test_a_folder_without_a_message_is_said_to_have_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ("explain", str(tmp_path)))
    assert result.exit_code == 2
    assert f"there is no message in {tmp_path}" in " ".join(result.stderr.split())
