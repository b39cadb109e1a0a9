"""The alert rules are valid, do what they say, and speak of metrics that exist."""

import re
import subprocess
from pathlib import Path

from engine.metrics import Metrics
from tests.services import need

FOLDER = Path(__file__).parents[2] / "monitoring"
RULES = FOLDER / "mllp-engine.rules.yaml"
HOW = "apt-get install prometheus (or run .ci/services)"
DERIVED = ("_total", "_bucket", "_sum", "_count", "_info")


def promtool(*arguments: str) -> None:
    program = need.program("promtool", HOW)
    done = subprocess.run(
        [program, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", RULES.name)


def test_the_rules_alert_when_and_only_when_they_should() -> None:
    promtool("test", "rules", "mllp-engine.tests.yaml")


def test_every_metric_that_a_rule_names_exists() -> None:
    families = Metrics().registry.collect()
    known = {family.name for family in families}
    derived = {name + end for name in known for end in DERIVED}
    named = set(re.findall(r"\bmllp_engine_\w+", RULES.read_text()))
    assert named - known - derived == set()


def test_every_command_that_a_rule_names_says_of_which_engine() -> None:
    named = re.findall(
        r'mllp-engine (?:check|coverage|ledger|messages)\b.*?(?=\. |\.?")', RULES.read_text()
    )
    assert len(named) >= 6
    assert [command for command in named if "/etc/mllp-engine" not in command] == []
