import json

import pytest
from click.testing import CliRunner

from engine.cli.main import main
from engine.config import schema


@pytest.mark.parametrize("what", ["channel", "engine"])
def test_the_schema_is_json_for_editors(what: str) -> None:
    done = CliRunner().invoke(main, ["schema", what])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == schema(what)


def test_the_schema_is_a_channels_unless_told_otherwise() -> None:
    assert json.loads(CliRunner().invoke(main, ["schema"]).stdout) == schema("channel")


@pytest.mark.parametrize(("what", "key"), [("channel", "ack.when"), ("engine", "log.level")])
def test_people_get_a_table(what: str, key: str) -> None:
    done = CliRunner().invoke(main, ["schema", what, "--reference"])
    assert f"| `{key}` |" in done.stdout
