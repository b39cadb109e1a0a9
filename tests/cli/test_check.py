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


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("{env: NOT_SET}", "engine.yaml:5:21: the environment variable 'NOT_SET' is not set here"),
        ("{credential: token}", "engine.yaml:5:28: the credential 'token' is not set here"),
    ],
)
def test_a_secret_that_only_the_engine_is_given_is_a_warning(
    site: Site, secret: str, said: str
) -> None:
    engine = (site.folder / "engine.yaml").read_text()
    site.write("engine.yaml", engine + f"    auth:\n      bearer: {secret}\n")
    command = ["check", str(site.folder)]
    done = CliRunner().invoke(main, command, env={"CREDENTIALS_DIRECTORY": None})
    assert (done.exit_code, done.stderr) == (0, f"warning: {said}; the engine will need it\n")
    assert "nothing is wrong" in done.stdout

    strict = CliRunner().invoke(main, [*command, "--strict"], env={"CREDENTIALS_DIRECTORY": None})
    assert strict.exit_code == 2
    told = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert told["warnings"][0]["what"] in done.stderr


def test_a_secret_that_can_be_judged_is_found_before_the_start(site: Site) -> None:
    engine = (site.folder / "engine.yaml").read_text()
    site.write("engine.yaml", engine + "    auth:\n      bearer: {file: /nowhere/token}\n")
    done = CliRunner().invoke(main, ["check", str(site.folder)])
    assert done.exit_code == 2
    assert "engine.yaml:5:22: the secret's file '/nowhere/token' cannot be read" in done.stderr


def test_a_message_is_converted_without_the_engines_secrets(site: Site) -> None:
    engine = (site.folder / "engine.yaml").read_text()
    site.write("engine.yaml", engine + "    auth:\n      bearer: {env: NOT_SET_ANYWHERE}\n")
    message = site.folder / "message.hl7"
    message.write_text("MSH|^~\\&|A|B|||20260105||ADT^A01|1|P|2.5.1\rPID|1||7\r")
    for command in ("convert", "explain", "coverage"):
        asked = [command, str(message), "--config", str(site.folder), "--channel", "north-lab"]
        done = CliRunner().invoke(main, asked)
        assert done.exit_code == 0, done.output


def test_the_shipped_channels_have_no_fault() -> None:
    done = CliRunner().invoke(main, ["check", str(Path(__file__).parents[2])])
    assert done.exit_code == 0, done.stderr
