"""The unit that operators install is well-formed, tight, and starts the command that exists."""

import subprocess
import sys
from pathlib import Path

from tests.services import need

UNIT = Path(__file__).parents[2] / "systemd" / "mllp-engine.service"
INSTALLED = "/opt/mllp-engine/venv/bin/mllp-engine"
HOW = "apt-get install systemd (or run .ci/services)"


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = need.program("systemd-analyze", HOW)
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_the_unit_exposes_at_most_fifteen_of_a_hundred() -> None:
    done = analyze("security", "--offline=true", "--threshold=15", str(UNIT))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("mllp-engine")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(INSTALLED, str(command)))
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_a_command_that_exists() -> None:
    command = Path(sys.executable).with_name("mllp-engine")
    for line in UNIT.read_text().splitlines():
        if line.startswith(("ExecStart=", "ExecStartPre=")):
            installed, subcommand, _folder = line.partition("=")[2].split()
            assert installed == INSTALLED
            subprocess.run([command, subcommand, "--help"], check=True, capture_output=True)
