"""The unit that operators install is well-formed, tight, and starts the command that exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from engine.cli.main import main
from engine.config import FileDestination, load_configuration
from tests.services import need

UNIT = Path(__file__).parents[2] / "systemd" / "mllp-engine.service"
README = UNIT.with_name("README.md").read_text()
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


def settings(key: str) -> list[str]:
    """The words that the unit gives a key."""
    lines = re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)
    return [word for line in lines for word in line.split()]


def test_what_the_readme_lays_out_is_written_where_the_unit_lets_it(tmp_path: Path) -> None:
    (line,) = re.findall(r"^sudo mllp-engine (init .*)$", README, re.MULTILINE)
    *arguments, folder = shlex.split(line)
    assert folder in settings("ReadOnlyPaths")
    done = CliRunner().invoke(main, [*arguments, str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = load_configuration(tmp_path)
    (state,) = settings("StateDirectory")
    written = [found.engine.data / "any"]
    for channel in found.channels:
        written += [one.path for one in channel.destinations if isinstance(one, FileDestination)]
    assert [path.parent for path in written] == [Path("/var/lib") / state] * 2


def test_what_the_unit_names_as_its_documentation_is_installed() -> None:
    for url in settings("Documentation"):
        assert re.search(rf"^sudo install .* {url.removeprefix('file:')}$", README, re.MULTILINE)
