import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.main import main
from tests.config.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_configuration_without_fault_says_what_it_is(site: Site) -> None:
    done = CliRunner().invoke(main, ["check", str(site.folder)])
    assert done.exit_code == 0, done.output
    assert "north-lab: 127.0.0.1:2575, mapping standard, to clinic" in done.stdout
    assert "nothing is wrong" in done.stdout


def test_each_problem_is_a_line_with_its_place_and_the_status_is_2(site: Site) -> None:
    site.channel("destinaton: x\nstrict: maybe\n")
    done = CliRunner().invoke(main, ["check", str(site.folder)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "channels/north-lab.yaml:8:1: unknown key 'destinaton' (did you mean 'destinations'?)",
        "channels/north-lab.yaml:9:9: 'maybe' is not true or false (write true or false)",
        "2 problems; nothing was done.",
    ]


def test_a_script_gets_json(site: Site) -> None:
    good = CliRunner().invoke(main, ["check", "--json", str(site.folder)])
    told = json.loads(good.stdout)
    assert (good.exit_code, told["problems"], told["channels"]) == (0, [], ["north-lab"])
    assert len(told["configuration"]) == 16

    site.channel("destinaton: x\n")
    bad = CliRunner().invoke(main, ["check", "--json", str(site.folder)])
    assert bad.exit_code == 2
    assert json.loads(bad.stdout)["problems"] == [
        {
            "file": "channels/north-lab.yaml",
            "line": 8,
            "column": 1,
            "what": "unknown key 'destinaton'",
            "instead": "did you mean 'destinations'?",
        }
    ]


def test_a_secret_that_is_not_there_is_found_before_the_start(site: Site) -> None:
    engine = (site.folder / "engine.yaml").read_text()
    site.write("engine.yaml", engine + "    auth:\n      bearer: {env: NOT_SET_ANYWHERE}\n")
    done = CliRunner().invoke(main, ["check", str(site.folder)])
    assert done.exit_code == 2
    assert "engine.yaml:5:21: the environment has no variable 'NOT_SET_ANYWHERE'" in done.stderr


def test_the_shipped_channels_have_no_fault() -> None:
    done = CliRunner().invoke(main, ["check", str(Path(__file__).parents[2])])
    assert done.exit_code == 0, done.stderr
