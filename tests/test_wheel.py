"""The wheel is whole: installed elsewhere, the demonstration runs from it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

# Two demonstrations that begin in one moment would look for the same free ports.
pytestmark = pytest.mark.xdist_group("demo")

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("engine", "mappings", "channels", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout and nothing old gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, source / part, ignore=ignore)
        else:
            shutil.copy(ROOT / part, source)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    subprocess.run([*PIP, *build, str(source)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the installed wheel and nothing of the checkout."""
    target = wheel.parent / "installed"
    install = ["install", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run([*PIP, *install], check=True, capture_output=True)
    return target


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the installed wheel first, from a folder that holds nothing."""
    empty = installed.parent / "empty"
    empty.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(
        command, cwd=empty, env=environment, capture_output=True, text=True, check=False
    )


def files(folder: Path, *patterns: str) -> set[str]:
    return {
        str(path.relative_to(folder))
        for pattern in patterns
        for path in folder.glob(pattern)
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("inside", "folder", "patterns"),
    [
        ("engine", "engine", ["**/*.py", "**/*.sql"]),
        ("engine/standard", "mappings/standard", ["**/*.yaml", "**/*.csv"]),
        ("engine/demonstration", "channels", ["*.yaml", "samples/**/*.hl7"]),
        ("engine/feeds/north-lab", "mappings/north-lab", ["mapping.yaml", "conceptmaps/*.csv"]),
    ],
)
def test_everything_that_is_read_at_run_time_travels_in_the_wheel(
    wheel: Path, inside: str, folder: str, patterns: list[str]
) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"{inside}/{name}" for name in files(ROOT / folder, *patterns)}
    assert wanted
    assert wanted - carried == set()


def test_the_standard_library_travels_once(wheel: Path) -> None:
    carried = zipfile.ZipFile(wheel).namelist()
    assert [name for name in carried if name.startswith("engine/feeds/standard")] == []


def test_the_demonstration_runs_outside_of_the_checkout(installed: Path) -> None:
    where = run(installed, "-c", "import engine; print(engine.__file__)")
    assert where.stdout.startswith(str(installed))
    done = run(installed, "-m", "engine.cli.main", "demo", "--once")
    assert done.returncode == 0, done.stderr
    assert "MSA|AA|NORTH000001" in done.stdout
    assert "PUT DiagnosticReport" in done.stdout


def test_a_message_is_converted_outside_of_the_checkout(installed: Path) -> None:
    sample = next((ROOT / "channels" / "samples").rglob("*.hl7"))
    done = run(installed, "-m", "engine.cli.main", "convert", str(sample))
    assert done.returncode == 0, done.stderr
    assert '"resourceType":"Patient"' in done.stdout
