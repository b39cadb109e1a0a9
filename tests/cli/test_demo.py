"""``demo`` as a real process: what a newcomer sees first."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.hl7v2.message import Message
from engine.workbench import demonstration
from engine.workbench.demonstration import lay_out, samples

# Two demonstrations that begin in one moment would look for the same free ports.
pytestmark = pytest.mark.xdist_group("demo")

DEMO = [sys.executable, "-m", "engine.cli.main", "demo"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "site"


@pytest.fixture(scope="module")
def tour(folder: Path) -> subprocess.CompletedProcess[str]:
    """The samples once, with everything left behind in a folder."""
    command = [*DEMO, "--once", "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_once_shows_every_sample_its_answer_and_its_fhir(
    tour: subprocess.CompletedProcess[str],
) -> None:
    assert tour.returncode == 0, tour.stderr
    for sample in samples():
        control_id = Message.read(sample.raw).control_id
        assert sample.name in tour.stdout
        assert re.search(rf"MSA\|[AC]A\|{control_id}", tour.stdout)
    for kind in ("Patient", "Encounter", "DiagnosticReport", "Observation", "Specimen"):
        assert re.search(rf"PUT {kind}[?/]", tour.stdout)


def test_each_line_of_fhir_is_whole_where_there_is_no_terminal(
    tour: subprocess.CompletedProcess[str],
) -> None:
    lines = [line for line in tour.stdout.splitlines() if line.startswith('  "')]
    assert max(map(len, lines)) > 100
    for line in lines:
        json.loads("{" + line + "}")


def test_each_sample_leaves_one_bundle_and_a_resend_leaves_none(
    tour: subprocess.CompletedProcess[str], folder: Path
) -> None:
    lines = (folder / "data/fhir.ndjson").read_text().splitlines()
    bundles = [json.loads(line) for line in lines]
    assert tour.returncode == 0
    assert [bundle["type"] for bundle in bundles] == ["transaction"] * len(samples())


def test_the_z_segment_of_the_laboratory_became_an_observation(
    tour: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert tour.returncode == 0
    assert '"code":"49541-6"' in (folder / "data/fhir.ndjson").read_text()


def test_a_folder_in_use_is_not_written_over(
    tour: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert tour.returncode == 0
    again = subprocess.run(
        [*DEMO, "--folder", str(folder)], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert f"mllp-engine run {folder}" in again.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for port in sorted(_announced(process.stdout)):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(60) == 0


def _announced(lines: Iterator[str]) -> set[int]:
    """The ports and pages that it says it serves."""
    found: set[int] = set()
    for line in lines:
        found.update(map(int, re.findall(r"(?:mllp|http)://127\.0\.0\.1:(\d+)", line)))
        if "in another terminal" in line:
            return found
    raise AssertionError("it never said where it listens")


def test_a_port_that_is_taken_becomes_another(tmp_path: Path) -> None:
    site = lay_out(tmp_path, lambda wanted: wanted + 10_000)
    assert site.page == "http://127.0.0.1:18099"
    assert set(site.ports.values()) == {12575, 12576}
    for name, port in site.ports.items():
        assert f"port: {port}" in (tmp_path / "channels" / f"{name}.yaml").read_text()


def test_a_free_port_is_the_wanted_one_unless_somebody_listens_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert demonstration.free_port(port) != port
    assert demonstration.free_port(port) == port


def test_every_sample_belongs_to_a_shipped_channel(tmp_path: Path) -> None:
    site = lay_out(tmp_path)
    assert {sample.channel for sample in site.samples} == set(site.ports)
