import errno
import os
from pathlib import Path
from typing import Any

import pytest

from engine.config import load_installation
from engine.errors import ConfigurationError
from tests.config.site import Site

STANDARD = Path(__file__).parents[2] / "mappings" / "standard"
MAPPING = "mapping: north-lab\nextends: standard\n"


def problems(site: Site) -> list[str]:
    try:
        load_installation(site.folder, environment={})
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_an_installation_has_the_mappings_that_its_channels_name(site: Site) -> None:
    site.channel("mapping: north-lab\n")
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    installation = load_installation(site.folder, environment={})
    (channel,) = installation.configuration.channels
    assert installation.mappings.mapping(channel.mapping).name == "north-lab"


@pytest.mark.parametrize(
    ("name", "advice"),
    [("nort-lab", "did you mean 'north-lab'?"), ("x", "there are: standard, north-lab")],
)
def test_a_mapping_that_is_not_there_is_told(site: Site, name: str, advice: str) -> None:
    site.channel(f"mapping: {name}\n")
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    (problem,) = problems(site)
    assert problem == f"channels/north-lab.yaml:8:1: there is no mapping '{name}' ({advice})"


def test_problems_of_channels_and_of_mappings_are_told_together(site: Site) -> None:
    site.channel("destinaton: x\n")
    site.write("mappings/north-lab/mapping.yaml", MAPPING + "ruels: {}\n")
    found = problems(site)
    assert found[0].startswith("channels/north-lab.yaml:8:1: unknown key 'destinaton'")
    assert found[1].startswith("mappings/north-lab/mapping.yaml:3:1: ")


def test_a_rule_that_cannot_be_compiled_is_told(site: Site) -> None:
    rule = "rules:\n  PID[Patient]:\n    birthDat: PID-7\n"
    site.write("mappings/north-lab/mapping.yaml", MAPPING + rule)
    (problem,) = [found for found in problems(site) if found.startswith("mappings/north-lab/")]
    assert problem == (
        "mappings/north-lab/mapping.yaml:5:15: PID[Patient].birthDat: Patient has no element"
        " 'birthDat' (did you mean 'birthDate'?)"
    )


def test_a_mapping_that_is_not_yaml_does_not_hide_the_problems_of_channels(site: Site) -> None:
    site.channel("destinaton: x\n")
    site.write("mappings/north-lab/mapping.yaml", "mapping: [\n")
    files = [problem.split(":")[0] for problem in problems(site)]
    assert files == ["channels/north-lab.yaml", "mappings/north-lab/mapping.yaml"]


FUNCTIONS = """\
from engine.mapping.site import function


@function
def ward(code: str) -> str:
    return code
"""


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize(
    "name",
    [
        "engine.yaml",
        "channels/north-lab.yaml",
        "mappings/north-lab/mapping.yaml",
        "mappings/north-lab/functions.py",
        "mappings/north-lab/conceptmaps/AdministrativeSex.csv",
        "mappings/north-lab/cases.csv",
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_at_its_place(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    site.write("mappings/north-lab/functions.py", FUNCTIONS)
    table = (STANDARD / "conceptmaps/AdministrativeSex.csv").read_text(encoding="utf-8")
    site.write("mappings/north-lab/conceptmaps/AdministrativeSex.csv", table)
    site.write("mappings/north-lab/cases.csv", "nobody reads it, but it counts\n")
    assert problems(site) == []
    opened = Path.open

    def open_(path: Path, *how: Any, **more: Any) -> Any:
        if path == site.folder / name:
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *how, **more)

    monkeypatch.setattr(Path, "open", open_)
    found = [problem for problem in problems(site) if problem.startswith(f"{name}:1:1: ")]
    assert found == [f"{name}:1:1: the file cannot be read: {os.strerror(number)}"]


@pytest.mark.parametrize("name", ["mappings", "mappings/north-lab/conceptmaps"])
def test_a_folder_that_cannot_be_read_is_a_problem_too(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    site.write("mappings/north-lab/conceptmaps/AdministrativeSex.csv", "")
    listed = Path.iterdir

    def iterdir(path: Path) -> Any:
        if path == site.folder / name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert f"{name}:1:1: the folder cannot be read: Permission denied" in problems(site)
    rule = "rules:\n  PID[Patient]:\n    language: PID-15 via languages\n"
    site.write("mappings/north-lab/mapping.yaml", MAPPING + rule)
    site.channel("mapping: north-lab\n")
    assert problems(site) == [f"{name}:1:1: the folder cannot be read: Permission denied"]


def test_functions_that_end_the_process_are_a_problem_of_their_file(site: Site) -> None:
    site.write("mappings/north-lab/mapping.yaml", MAPPING)
    site.write("mappings/north-lab/functions.py", "import sys\nsys.exit(3)\n")
    (problem,) = problems(site)
    assert problem.startswith("mappings/north-lab/functions.py:2:1: this file cannot be run")
