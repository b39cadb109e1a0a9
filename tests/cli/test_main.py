import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from engine import __version__
from engine.cli import main as module
from engine.cli.main import COMMANDS, main
from engine.errors import ConfigurationError, Place, Problem, StoreError


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) > 4


def test_help_lists_every_command_with_a_sentence() -> None:
    done = CliRunner().invoke(main, ["--help"])
    for name in COMMANDS:
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"  {name} "))
        assert len(line.split()) > 3
        assert not line.endswith("..."), "cut off: give it a short_help"


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"mllp-engine, version {__version__}\n"


def test_a_command_that_is_not_there_is_a_mistake_of_the_command_line() -> None:
    done = CliRunner().invoke(main, ["chekc"])
    assert done.exit_code == 2
    assert "did you mean 'check'?" in done.output
    assert CliRunner().invoke(main, ["xyzzy"]).exit_code == 2


def test_each_command_starts_without_the_weight_of_the_others() -> None:
    code = "import sys, engine.cli.main; print([m for m in ('twisted', 'aiohttp', 'hl7apy')"
    code += " if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            ConfigurationError([Problem(Place("a.yaml", 3, 1), "wrong", "right")]),
            2,
            "a.yaml:3:1: wrong (right)\n1 problem; nothing was done.\n",
        ),
        (StoreError("the disk is full"), 1, "mllp-engine: the disk is full\n"),
    ],
)
def test_what_we_raise_on_purpose_ends_in_a_sentence(
    error: Exception, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def check() -> None:
        raise error

    monkeypatch.setattr(module.Commands, "get_command", lambda *_: check)
    done = CliRunner().invoke(main, ["check"])
    assert (done.exit_code, done.stderr) == (status, said)
