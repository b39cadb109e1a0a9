"""Coverage of files, and of what a channel received; what is new in it."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import structlog
import structlog.testing
from click.testing import CliRunner, Result
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from engine import log
from engine.cli.main import main
from engine.config import EngineSettings
from engine.hl7v2.message import Message
from engine.lifecycle import Outcome
from engine.mapping.explain import Explained, TracingMapping
from engine.mapping.library import load_library
from engine.mapping.result import Context
from engine.metrics import Metrics
from engine.service.survey import Survey
from engine.store.sqlite import SqliteStore
from engine.workbench import survey as surveying
from engine.workbench.coverage import Coverage
from engine.workbench.feeds import Feed
from engine.workbench.survey import survey
from tests.store.messages import NOW, received

CHANNEL = """\
channel: ward
source:
  mllp: {port: 0}
  timezone: UTC
mapping: ward
destinations:
  - file: out.ndjson
"""
FEED = "mapping: ward\nextends: standard\nignore: {ZAU: an audit trail}\n"
HEAD = "MSH|^~\\&|WARD|TEST|||2026010510||ADT^A01^ADT_A01|%d|P|2.5.1\rPID|1||T%d^^^W||Testpatient"
#: The last of them comes with a new segment, a new field and a new code.
BODIES = (
    "^Anna||1970|F\rZAU|1|x",
    "^Bo||1971|M\rZAU|1|y",
    "^Cy||1972|A|\rPV1|1|I\rZZ9|1|free text",
)


async def fill(store: SqliteStore) -> None:
    for number, body in enumerate(BODIES, 1):
        raw = (HEAD % (number, number) + body + "\r").encode()
        await store.accept(received(number, channel="ward", raw=raw))
    refused = {"outcome": Outcome.REFUSED, "lanes": (), "destinations": (), "answer": "AR"}
    await store.accept(received(4, channel="ward", raw=b"MSH|^~\\&|X\r", **refused))
    await store.accept(received(5, channel="other", raw=b"MSH|^~\\&|X\r"))


async def lay_out(tmp_path: Path) -> Path:
    feed = tmp_path / "mappings" / "ward"
    feed.mkdir(parents=True)
    (feed / "mapping.yaml").write_text(FEED)
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "ward.yaml").write_text(CHANNEL)
    (tmp_path / "engine.yaml").write_text("data: kept\n")
    settings = EngineSettings(tmp_path / "kept")
    settings.data.mkdir()
    store = SqliteStore(settings.store, clock=lambda: NOW)
    store.open()
    await fill(store)
    await store.close()
    return tmp_path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A ward that has received three messages, and something else besides."""
    made: Path = pytest_twisted.blockon(ensureDeferred(lay_out(tmp_path)))
    return made


def coverage(*arguments: object) -> Result:
    return CliRunner().invoke(main, ("coverage", *map(str, arguments)))


def of_channel(site: Path, *arguments: object) -> dict[str, Any]:
    result = coverage("--channel", "ward", "--config", site, "--json", *arguments)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def since(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_what_a_channel_accepted_is_counted_as_the_channel_maps_it(site: Path) -> None:
    told = of_channel(site)
    assert told["messages"] == 3
    assert told["segments"]["ZAU"] == {"ignored": 4}
    assert told["unmapped"]["ZZ9-2"] == 1
    assert told["new"] is None


def test_new_is_what_no_message_before_had(site: Path) -> None:
    told = of_channel(site, "--since", since(NOW + 2.5))
    assert told["messages"] == 1
    assert told["new"] == {
        "before": 2, "segments": ["PV1", "ZZ9"], "fields": [], "codes": {"PID-8": ["A"]},
    }  # fmt: skip


def test_without_messages_before_nothing_is_called_new(site: Path) -> None:
    told = of_channel(site, "--since", since(NOW))
    assert (told["messages"], told["new"]["before"]) == (3, 0)
    shown = coverage("--channel", "ward", "--config", site, "--since", since(NOW))
    assert "new: there are no messages before to compare with" in shown.output


def test_a_baseline_of_an_earlier_run_says_what_is_new(site: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.hl7", tmp_path / "other.hl7"
    one.write_text(HEAD % (1, 1) + BODIES[0])
    other.write_text(HEAD % (3, 3) + BODIES[2] + "|2\r")
    baseline = tmp_path / "baseline.json"
    baseline.write_text(coverage(one, "--json").stdout)
    shown = coverage(other, "--baseline", baseline)
    assert "new segments: PV1, ZZ9\nnew fields: none\nnew codes: PID-8 A\n" in shown.output


def test_a_baseline_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]")
    refused = coverage(file, "--baseline", file)
    assert refused.exit_code == 2
    assert "is not what coverage --json wrote" in refused.output


def test_since_needs_a_channel_and_a_time(tmp_path: Path) -> None:
    file = tmp_path / "m.hl7"
    file.write_text(HEAD % (1, 1))
    assert "--since is for what a channel received" in coverage(file, "--since", "6h").output
    assert "an age like 6h or 7d, or a day" in coverage(file, "--since", "lately").output


def test_the_page_needs_nothing_else_and_shows_no_value(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = coverage(
        "--channel", "ward", "--config", site, "--since", since(NOW + 2.5), "--html", file
    )
    assert result.exit_code == 0, result.output
    page = file.read_text()
    assert "<h1>Coverage: channel ward</h1>" in page
    assert "<code>ZZ9-2</code>" in page
    assert "<code>PID-8 A</code>" in page
    assert "free text" not in page
    assert not any(word in page for word in ("<script", "<link", "src=", "url("))


def test_a_share_below_the_least_fails(site: Path) -> None:
    arguments = ("--channel", "ward", "--config", site, "--at-least")
    assert coverage(*arguments, "99.9").exit_code == 1
    assert coverage(*arguments, "20").exit_code == 0


def test_a_survey_counts_what_came_since_the_last_one(site: Path) -> None:
    told = survey(site, {})
    assert told["ward"]["last"] == 3
    assert told["ward"]["values"]["ignored"] >= 4
    assert told["ward"]["unmapped"]["ZZ9-2"] == 1
    later = survey(site, {"ward": 2})
    assert sum(later["ward"]["values"].values()) < sum(told["ward"]["values"].values())
    assert survey(site, {"ward": 3}) == {}


@pytest_twisted.ensureDeferred
async def test_a_look_of_the_engine_becomes_a_metric(tmp_path: Path) -> None:
    site, metrics = await lay_out(tmp_path), Metrics()
    looking = Survey(metrics, log.get(), reactor)
    for _ in range(2):
        await looking.look(site)
    shown = metrics.render().decode()
    assert 'mllp_engine_coverage_unmapped_total{channel="ward",field="ZZ9-2"} 1.0' in shown
    assert 'mllp_engine_coverage_values_total{channel="ward",outcome="ignored"}' in shown


@pytest_twisted.ensureDeferred
async def test_a_look_that_fails_leaves_the_engine_alone(tmp_path: Path) -> None:
    metrics = Metrics()
    await Survey(metrics, log.get(), reactor).look(tmp_path / "nowhere")
    assert "coverage_values_total{" not in metrics.render().decode()


def test_a_survey_goes_on_where_the_processor_cannot_be_left_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_: int) -> int:
        raise PermissionError(1, "Operation not permitted")  # as the systemd unit's filter has it

    monkeypatch.setattr(os, "nice", refused)
    surveying.give_way()


def test_a_survey_goes_on_after_a_message_that_cannot_be_explained(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain = TracingMapping.explain

    def broken(self: TracingMapping, message: Message, context: Context) -> Explained:
        if message.control_id == "2":
            raise RecursionError(message.text)
        return explain(self, message, context)

    monkeypatch.setattr(TracingMapping, "explain", broken)
    told = survey(site, {})
    assert told["ward"]["last"] == 3
    assert told["ward"]["unmapped"]["ZZ9-2"] == 1


def test_a_survey_that_fails_says_where_and_quotes_nothing() -> None:
    with pytest.raises(ValueError, match="Testpatient") as raised:
        raise ValueError("Testpatient")
    told = surveying.where(raised.value)
    assert re.fullmatch(r"ValueError at \S+test_coverage\.py:\d+", told)


def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let the engine start this script for its survey."""
    file = tmp_path / "child"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr("engine.service.survey.sys.executable", str(file))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'ValueError: Testpatient, Anna' >&2; exit 1", ""),
        (
            "echo 'KeyError at /opt/x/coverage.py:12' >&2; exit 1",
            "KeyError at /opt/x/coverage.py:12",
        ),
        ("echo Testpatient", "JSONDecodeError"),
        ('echo \'{"ward": {"last": 1}}\'', "KeyError"),
        ("echo '[1]'", "AttributeError"),
        ("echo '{\"ward\": 7}'", "TypeError"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_a_survey_says_of_its_failure_is_logged_only_as_a_place_in_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    child(tmp_path, monkeypatch, script)
    with structlog.testing.capture_logs() as told:
        await Survey(Metrics(), structlog.get_logger(), reactor).look(tmp_path)
    assert [(line["event"], line["reason"]) for line in told] == [("coverage.not-surveyed", reason)]


def test_what_cannot_be_read_is_told_with_its_reason_and_fails(tmp_path: Path) -> None:
    (tmp_path / "good.hl7").write_text(HEAD % (1, 1) + BODIES[0])
    (tmp_path / "odd.hl7").write_bytes(b"no message")
    result = coverage(tmp_path)
    assert result.exit_code == 1
    assert "1 messages" in result.stdout
    assert "coverage: odd.hl7 cannot be read as HL7 v2: " in result.stderr
    told = json.loads(coverage(tmp_path, "--json").stdout)
    assert told["unreadable"][0].startswith("odd.hl7 cannot be read as HL7 v2: ")


def test_nothing_at_all_is_no_message() -> None:
    result = CliRunner().invoke(main, ("coverage", "-"), input=b"")
    assert result.exit_code == 1
    assert "stdin cannot be read as HL7 v2" in result.stderr


def test_a_page_that_cannot_be_written_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_text(HEAD % (1, 1) + BODIES[0])
    result = coverage(tmp_path, "--html", tmp_path / "nowhere" / "x.html")
    assert result.exit_code == 1
    assert result.stderr.endswith("nowhere/x.html: No such file or directory\n")


def test_messages_are_those_in_which_the_field_is_unmapped(tmp_path: Path) -> None:
    for number, body in enumerate(BODIES, 1):
        (tmp_path / f"{number}.hl7").write_text(
            HEAD % (number, number) + body.replace("1972", "197X") + "\rZZ9|1|text\r"
        )
    counts, library = Coverage(), load_library()
    tracing = library.tracing("standard")
    for file in sorted(tmp_path.glob("*.hl7")):
        read = Message.read(file.read_bytes())
        counts.add(tracing.explain(read, Feed(library, "standard").context(read)), "")
    assert counts.fields["ZZ9-2"].messages["unmapped"] == 3
    assert counts.fields["PID-7"].messages == {"mapped": 2, "reported": 1}


@pytest.mark.parametrize("option", [("--top", "-1"), ("--top", "0"), ("--at-least", "101")])
def test_an_option_out_of_its_range_is_refused(option: tuple[str, str]) -> None:
    assert coverage(*option).exit_code == 2


@pytest.mark.parametrize("command", ["coverage", "explain"])
def test_files_are_read_as_the_options_say(tmp_path: Path, command: str) -> None:
    file = tmp_path / "one.hl7"
    text = (HEAD % (1, 1) + BODIES[0]).replace("Testpatient", "Prüfling").replace("^^^W", "")
    file.write_bytes(text.encode("latin-1"))
    options = ("--charset", "iso-8859-1", "--timezone", "Asia/Tokyo")
    done = CliRunner().invoke(main, (command, str(file), "--json", *options,
                                     "--assigner", "PID-3=urn:oid:2.999.1"))  # fmt: skip
    assert done.exit_code == 0, done.output
    if command == "explain":
        for said in ("Prüfling", "+09:00", "urn:oid:2.999.1"):
            assert said in done.stdout
    odd = CliRunner().invoke(main, (command, str(file), "--assigner", "PID-3=foo"))
    assert odd.exit_code == 2
    assert "write it like urn:oid:" in odd.stderr


def test_a_channel_that_is_not_there_is_told_with_the_nearest(site: Path) -> None:
    result = coverage("--channel", "wart", "--config", site)
    assert result.exit_code == 2
    assert "no channel 'wart' (did you mean 'ward'?)" in result.stderr
