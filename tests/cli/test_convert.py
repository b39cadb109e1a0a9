"""``convert`` on real files, through the command line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from engine.cli.convert import convert
from engine.cli.main import main
from engine.mapping.library import MappingLibrary, load_library
from engine.workbench import feeds

pytestmark = pytest.mark.xdist_group("convert")  # the standard library is read once

ADMISSION = (
    "MSH|^~\\&|WARDBOOK|CITY HOSPITAL|||20260303101500-0500||ADT^A01^ADT_A01|C{number}|P|2.5.1\r"
    "EVN||20260303101500\r"
    "PID|1||70012{number}||Testpatient^Anna||19780423|F\r"
    "PV1|1|I|WARD 5\r"
)
BROKEN = "MSH|^~\\&|WARDBOOK|CITY HOSPITAL|||20260303||ADT^A01|C9|P|2.5.1||||||KLINGON\rPID|1\r"


def admission(number: int = 1) -> bytes:
    return ADMISSION.format(number=number).encode()


@dataclass
class Done:
    returncode: int
    stdout: bytes
    stderr: bytes


def run(*arguments: object, given: bytes = b"") -> Done:
    result = CliRunner().invoke(main, ["convert", *map(str, arguments)], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


@pytest.fixture(scope="module")
def standard() -> MappingLibrary:
    return load_library()


@pytest.fixture(autouse=True)
def read_once(standard: MappingLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of a short command is reading the standard library: read it once."""
    monkeypatch.setattr(
        feeds, "load_library", lambda folders: load_library(folders) if folders else standard
    )


def resources(bundle: bytes | str, kind: str) -> list[dict[str, Any]]:
    entries = json.loads(bundle)["entry"]
    return [e["resource"] for e in entries if e["resource"]["resourceType"] == kind]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two origins with a message each, one of them broken, and a file that is no message."""
    for name, raw in {
        "in/ward/a.hl7": admission(1),
        "in/ward/broken.hl7": BROKEN.encode(),
        "in/desk/b.txt": admission(2),
        "in/desk/notes.md": b"# nothing of HL7\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return tmp_path / "in"


def test_standard_input_becomes_one_bundle_per_line() -> None:
    done = run(given=admission(1) + admission(2))
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert [resources(line, "Patient")[0]["name"][0]["family"] for line in lines] == [
        "Testpatient",
        "Testpatient",
    ]


def test_a_folder_keeps_its_shape_under_out(folder: Path, tmp_path: Path) -> None:
    run(folder, "--out", tmp_path / "out")
    made = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert made == ["desk/b.txt.json", "ward/a.hl7.json"]


def test_a_message_that_fails_stops_no_other_and_decides_the_exit_status(
    folder: Path, tmp_path: Path
) -> None:
    done = run(folder, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert b"ward/broken.hl7: MSH-18: " in done.stderr
    assert b"2 converted, 1 failed" in done.stderr


@pytest.mark.parametrize("jobs", [1, 3])
def test_several_processes_give_the_same_bytes_in_the_same_order(
    folder: Path, tmp_path: Path, jobs: int
) -> None:
    done = run(folder, "--jobs", jobs)
    alone = [run(folder / name).stdout for name in ("desk/b.txt", "ward/a.hl7")]
    assert done.stdout == b"".join(alone)


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (admission(1), 1),
        (admission(1) + admission(2), 2),
        (
            b"FHS|^~\\&\rBHS|^~\\&\r" + admission(1) + admission(2) + b"BTS|2\rFTS|1\r",
            2,
        ),
        (
            b"\x0b" + admission(1) + b"\x1c\r\x0b" + admission(2) + b"\x1c\r",
            2,
        ),
        (b"\xef\xbb\xbf" + admission(1).replace(b"\r", b"\r\n"), 1),
    ],
    ids=["one message", "two in a row", "a batch", "a capture in frames", "BOM and CRLF"],
)
def test_the_messages_of_a_file_become_one_file_with_each_resource_once(
    tmp_path: Path, raw: bytes, count: int
) -> None:
    (tmp_path / "x.hl7").write_bytes(raw)
    assert run(tmp_path / "x.hl7", "--out", tmp_path / "out").returncode == 0
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == "x.hl7.json"
    made = json.loads(written.read_bytes())
    assert made["type"] == ("transaction" if count == 1 else "collection")
    urls = [entry["fullUrl"] for entry in made["entry"]]
    assert len(set(urls)) == len(urls)
    headers = [e for e in made["entry"] if e["resource"]["resourceType"] == "MessageHeader"]
    assert len(headers) == count


def test_utc_is_said_once_and_a_time_zone_changes_the_times(folder: Path) -> None:
    in_utc = run(folder / "ward/a.hl7", folder / "desk/b.txt")
    berlin = run(folder / "ward/a.hl7", "--timezone", "Europe/Berlin")
    assert in_utc.stderr.count(b"are read as UTC") == 1
    assert b"2026-03-03T10:15:00+00:00" in in_utc.stdout
    assert b"UTC" not in berlin.stderr
    assert b"2026-03-03T10:15:00+01:00" in berlin.stdout


def test_recorded_is_the_time_that_the_message_says_it_was_made(folder: Path) -> None:
    made = run(folder / "ward/a.hl7").stdout
    recorded = {each["recorded"] for each in resources(made, "Provenance")}
    assert "2026-03-03T10:15:00-05:00" in recorded


def test_the_same_input_gives_the_same_bytes(folder: Path) -> None:
    first, second = (run(folder).stdout for _ in range(2))
    assert first == second != b""


def test_a_charset_is_for_messages_that_name_none() -> None:
    raw = admission().replace(b"Testpatient", "Prüfling".encode("iso8859-1"))
    refused = run(given=raw)
    read = run("--charset", "8859/1", given=raw)
    assert refused.returncode == 1
    assert resources(read.stdout, "Patient")[0]["name"][0]["family"] == "Prüfling"


def test_an_assigner_gives_identifiers_their_system() -> None:
    made = run("--assigner", "PID-3=urn:oid:2.999.1", given=admission()).stdout
    assert resources(made, "Patient")[0]["identifier"][0]["system"] == "urn:oid:2.999.1"


def test_a_channel_brings_its_own_reading(tmp_path: Path) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "engine.yaml").write_text("data: data\n")
    (tmp_path / "channels/ward.yaml").write_text(
        "channel: ward\nsource:\n  mllp: {port: 2575}\n  timezone: Asia/Tokyo\n"
        "  charset: iso-8859-1\nassigner:\n  PID-3: urn:oid:2.999.7\n"
        "destinations:\n  - file: out.ndjson\n"
    )
    raw = admission().replace(b"Testpatient", "Prüfling".encode("iso8859-1"))
    done = run("--config", tmp_path, "--channel", "ward", given=raw)
    patient = resources(done.stdout, "Patient")[0]
    assert patient["name"][0]["family"] == "Prüfling"
    assert patient["identifier"][0]["system"] == "urn:oid:2.999.7"
    assert b"+09:00" in done.stdout
    assert b"UTC" not in done.stderr


def test_a_feed_is_named_by_its_folder(tmp_path: Path) -> None:
    feed = tmp_path / "ward-feed"
    feed.mkdir()
    (feed / "mapping.yaml").write_text(
        "mapping: ward-feed\nextends: standard\nrules:\n  PID[Patient]:\n    birthDate: null\n"
    )
    made = run("--mapping", feed, given=admission()).stdout
    assert "birthDate" not in resources(made, "Patient")[0]
    assert made == run("--mappings", tmp_path, "--mapping", "ward-feed", given=admission()).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.hl7"], "there is no nowhere.hl7"),
        (["--mapping", "north"], "no mapping 'north'; there are: standard"),
        (["--timezone", "Berlin"], "no time zone 'Berlin'"),
        (["--charset", "klingon"], "no character set 'klingon'"),
        (["--assigner", "PID.3=urn:x"], "PID-3"),
        (["--assigner", "PID-3"], "write it like PID-3=urn:oid"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_read(
    arguments: list[str], words: str
) -> None:
    done = run(*arguments, given=admission())
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_two_inputs_of_one_name_do_not_overwrite_each_other(folder: Path, tmp_path: Path) -> None:
    (folder / "desk/a.hl7").write_bytes(admission(3))
    done = run(folder / "ward/a.hl7", folder / "desk/a.hl7", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


def test_issues_are_shown_when_asked_for() -> None:
    raw = admission().replace(b"|F\r", b"|Q\r")
    assert b"PID-8" not in run(given=raw).stderr
    assert b"PID-8" in run("--issues", given=raw).stderr


def test_every_option_is_explained() -> None:
    undocumented = [
        option.name
        for option in convert.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert undocumented == []
