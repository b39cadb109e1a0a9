import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.main import main
from engine.config import FileDestination, load_configuration


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_what_init_writes_has_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    assert run("init", folder).exit_code == 0
    done = run("check", folder)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize("data", ["data", "/var/lib/mllp-engine", "../state"])
def test_what_is_written_while_it_runs_stands_in_one_folder(tmp_path: Path, data: str) -> None:
    assert run("init", "--data", data, tmp_path / "clinic").exit_code == 0
    found = load_configuration(tmp_path / "clinic")
    assert found.engine.data == tmp_path / "clinic" / data
    ((destination,),) = [channel.destinations for channel in found.channels]
    assert isinstance(destination, FileDestination)
    assert destination.path == found.engine.data / "fhir.ndjson"


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text("data: mine\n")
    done = run("init", tmp_path)
    assert done.exit_code == 1
    assert "engine.yaml" in done.stderr
    assert (tmp_path / "engine.yaml").read_text() == "data: mine\n"
    assert not (tmp_path / "channels").exists()


def test_init_says_what_to_do_next(tmp_path: Path) -> None:
    done = run("init", tmp_path / "clinic")
    assert f"mllp-engine check {tmp_path}/clinic" in done.stdout
    assert f"mllp-engine run {tmp_path}/clinic" in done.stdout


def uncommented(file: Path, start: str) -> str:
    """The file with the comment lines from ``start`` to the next empty one made real."""
    lines = file.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"# {start}"))
    for number in range(first, len(lines)):
        if not lines[number].startswith("# "):
            break
        lines[number] = re.sub("^# ?", "", lines[number])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("engine.yaml", "servers:"),
        ("channels/first.yaml", "accept:"),
        ("mappings/first/mapping.yaml", "rules:"),
    ],
)
def test_what_stands_there_as_a_comment_may_be_used_as_it_is(
    tmp_path: Path, name: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIC_TOKEN", "secret")
    run("init", tmp_path)
    file = tmp_path / name
    file.write_text(uncommented(file, start))
    done = run("check", tmp_path)
    assert done.exit_code == 0, done.stderr


def test_an_editor_finds_the_schema_that_the_channel_names(tmp_path: Path) -> None:
    run("init", tmp_path)
    channel = tmp_path / "channels" / "first.yaml"
    named = re.search(r"\$schema=(\S+)", channel.read_text())
    assert named is not None
    schema = json.loads((channel.parent / named[1]).read_text())
    assert "destinations" in schema["properties"]


def test_the_store_stays_out_of_repositories(tmp_path: Path) -> None:
    run("init", tmp_path)
    assert "data/" in (tmp_path / ".gitignore").read_text().splitlines()


def test_the_sample_case_of_init_passes_and_is_read_as_its_channel_reads(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    assert "admission.bundle.json" in run("init", folder).stdout
    done = run("test", folder / "mappings")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed")
    bundle = (folder / "mappings/first/cases/admission.bundle.json").read_text()
    assert "urn:oid:2.999.1" in bundle


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("init", tmp_path / "file" / "clinic")
    assert done.exit_code == 1
    assert done.stderr == f"mllp-engine: {tmp_path}/file/clinic: Not a directory\n"
