"""What a run does without is said loudly; in CI it is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest
from tests.services import need

def test_with_strace():
    need.leave_out("strace", "apt-get install strace")

def test_with_the_corpus():
    need.leave_out("the corpus of messages", "HL7_CORPUS names its folder", in_ci_too=True)

def test_that_only_skips():
    pytest.skip("no reason")

def test_that_runs():
    pass
"""


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_services.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    kept = {key: value for key, value in os.environ.items() if key != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("--numprocesses", "2")], ids=["one", "two"])
def test_a_missing_service_is_one_loud_line_that_says_which_and_how_to_get_it(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, *options)
    loud = [line for line in done.stdout.splitlines() if "LEFT OUT" in line]
    assert done.returncode == 0
    assert loud == [
        "2 TESTS LEFT OUT, for want of: strace (apt-get install strace). "
        "All of it at once: .ci/services",
        "TESTS LEFT OUT, for want of the corpus of messages: HL7_CORPUS names its folder",
    ]


@pytest.mark.parametrize("test", ["test_with_strace", "test_that_only_skips"])
def test_in_ci_nothing_but_the_corpus_may_be_left_out(tmp_path: Path, test: str) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert f"FAILED test_services.py::{test}" in done.stdout
    assert "2 failed, 1 passed, 1 skipped" in done.stdout
