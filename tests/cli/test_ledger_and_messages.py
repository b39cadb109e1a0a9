import io
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted
from click.testing import CliRunner, Result
from rich.console import Console
from twisted.internet.defer import ensureDeferred

from engine.cli import listing
from engine.cli.main import main
from engine.config import EngineSettings
from engine.lifecycle import Event, Outcome
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW, received

Run = Callable[..., Result]


async def fill(store: SqliteStore) -> None:
    """Message 1 dead, 2 delivered, 3 and 4 queued, 5 quarantined, 6 repeats 3."""
    for number in (1, 2, 3):
        await store.accept(received(number, patient=f"T{number}"))
    await store.accept(received(4, patient="T3"))
    await store.quarantine("2575", "10.0.0.9:4711", b"\x00rubbish", "no MSH", NOW)
    await store.accept(received(3, patient="T3"))
    dead, delivered, _ = await store.claim("clinic", 3, NOW)
    await store.settle(dead.delivery_id, Event.REFUSED, now=NOW, detail="422: no subject")
    await store.settle(delivered.delivery_id, Event.ACCEPTED, now=NOW)
    await store.release()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration whose engine has run; its secrets and mappings are of no interest."""
    (tmp_path / "engine.yaml").write_text("data: kept\nservers:\n  clinic:\n    url: x\n")
    settings = EngineSettings(tmp_path / "kept")
    settings.data.mkdir()
    store = SqliteStore(settings.store, clock=lambda: NOW)
    store.open()
    pytest_twisted.blockon(ensureDeferred(fill(store)))
    pytest_twisted.blockon(store.close())
    return tmp_path


@pytest.fixture
def run(site: Path) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env={"COLUMNS": None})

    return run


def test_the_ledger_is_shown_and_balances(run: Run, site: Path) -> None:
    result = run("ledger", str(site))
    assert result.exit_code == 0
    assert "the ledger balances" in result.stdout
    assert "clinic" in result.stdout


def test_the_ledger_as_json(run: Run, site: Path) -> None:
    for arguments in ([str(site)], ["--config", str(site)]):
        ledger = json.loads(run("ledger", "--json", *arguments).stdout)
        assert ledger["balanced"] is True
        assert ledger["messages"][1]["received"] == 5
        assert ledger["deliveries"][0]["dead"] == 1


def test_a_ledger_that_does_not_balance_has_exit_status_1(run: Run, site: Path) -> None:
    with sqlite3.connect(site / "kept" / "engine.db") as store:
        store.execute("DELETE FROM delivery WHERE state = 'dead'")
    store.close()
    result = run("ledger", str(site))
    assert result.exit_code == 1
    assert "does not balance" in result.stdout
    assert "deliveries to clinic: 1 dead" in result.stdout
    assert run("ledger", "--quick", str(site)).exit_code == 0


def test_a_list_shows_why_and_neither_content_nor_patient(run: Run, site: Path) -> None:
    result = run("messages", "list", str(site))
    assert result.exit_code == 0
    assert "422: no subject" in result.stdout
    assert "repeats message 3" in result.stdout
    for private in ("PID", "rubbish", "T1"):
        assert private not in result.stdout


def test_what_goes_into_a_pipe_is_not_cut_off(run: Run, site: Path) -> None:
    assert "…" not in run("messages", "list", str(site)).stdout
    assert "…" not in run("ledger", str(site)).stdout


def test_a_list_as_json_does_not_name_the_patient(run: Run, site: Path) -> None:
    listed = json.loads(run("messages", "list", "--json", str(site)).stdout)
    assert [message["id"] for message in listed] == [6, 5, 4, 3, 2, 1]
    assert listed[5]["deliveries"][0]["state"] == "dead"
    assert listed[5]["received_at"] == "2026-01-05T08:00:01.000Z"
    assert not {"patient", "order", "raw"} & set(listed[0])


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--state", "dead"], [1]),
        (["--state", "quarantined"], [5]),
        (["--state", "queued", "--type", "ORU"], [4, 3]),
        (["--control-id", "3"], [6, 3]),
        (["--patient", "T3", "--limit", "2"], [6, 4]),
        (["--sender", "LAB", "--channel", "lab", "--order", "F2"], [2]),
        (["--since", "7d"], []),
        (["--since", "2026-01-05"], [6, 5, 4, 3, 2, 1]),
        (["--since", "2026-01-06"], []),
    ],
)
def test_a_list_is_narrowed(run: Run, site: Path, options: list[str], found: list[int]) -> None:
    result = run("messages", "list", "--json", *options, "--config", str(site))
    assert [message["id"] for message in json.loads(result.stdout)] == found


def test_an_age_that_is_none_is_explained(run: Run, site: Path) -> None:
    result = run("messages", "list", "--since", "yesterday", str(site))
    assert result.exit_code == 2
    assert "write an age like 6h or 7d, or a day like 2026-01-31" in result.stderr


def test_one_message_is_shown_without_its_content(run: Run, site: Path) -> None:
    result = run("messages", "show", "1", "--config", str(site))
    assert "T1" in result.stdout
    assert "422: no subject" in result.stdout
    assert "MSH" not in result.stdout
    told = json.loads(run("messages", "show", "4", "--json", "--config", str(site)).stdout)
    assert (told["patient"], told["deliveries"][0]["blocked"]) == ("T3", 1)
    waits = run("messages", "show", "4", "--config", str(site))
    assert "waits behind another message" in waits.stdout


def test_the_folder_is_named_as_in_the_other_commands(run: Run, site: Path) -> None:
    assert run("messages", "show", "1", str(site)).stdout == (
        run("messages", "show", "1", "--config", str(site)).stdout
    )


def test_the_bytes_are_shown_when_asked_for_as_they_were_received(run: Run, site: Path) -> None:
    for number, raw in ((1, received(1).raw), (5, b"\x00rubbish"), (6, received(3).raw)):
        result = run("messages", "show", str(number), "--raw", "--config", str(site))
        assert result.stdout_bytes == raw


def test_a_message_that_is_not_there_is_an_error(run: Run, site: Path) -> None:
    result = run("messages", "show", "99", "--config", str(site))
    assert (result.exit_code, result.stderr) == (1, "mllp-engine: there is no message 99\n")


def test_replays_are_told_one_by_one(run: Run, site: Path) -> None:
    result = run("messages", "replay", "1", "5", "2", "--config", str(site))
    assert result.exit_code == 1
    assert result.stdout == "message 1: 1 queued\nmessage 2: 1 queued\n"
    assert "it was quarantined" in result.stderr
    again = run("messages", "replay", "1", "--json", "--config", str(site))
    assert again.exit_code == 1
    assert "on its way" in json.loads(again.stdout)[0]["refused"]
    assert run("ledger", str(site)).exit_code == 0


def test_all_dead_letters_are_replayed_at_once(run: Run, site: Path) -> None:
    result = run("messages", "replay", "--all", "dead", "--config", str(site))
    assert (result.exit_code, result.stdout) == (0, "message 1: 1 queued\n")
    none = run("messages", "replay", "--all", "held", "--config", str(site), "--json")
    assert json.loads(none.stdout) == []


@pytest.mark.parametrize("which", [[], ["1", "--all", "dead"]])
def test_a_replay_wants_to_know_of_what(run: Run, site: Path, which: list[str]) -> None:
    result = run("messages", "replay", *which, "--config", str(site))
    assert result.exit_code == 2
    assert "by NUMBER, or all of a state by --all" in result.stderr


def test_a_dead_letter_can_be_given_up(run: Run, site: Path) -> None:
    result = run("messages", "give-up", "1", "--config", str(site))
    assert (result.exit_code, result.stdout) == (0, "message 1: 1 dead\n")
    assert run("messages", "give-up", "2", "--config", str(site)).exit_code == 1


def test_a_folder_where_no_engine_has_run_is_said(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "new"
    (folder / "channels").mkdir(parents=True)
    result = run("ledger", str(folder))
    assert result.exit_code == 1
    assert "no engine has run" in result.stderr
    assert run("ledger", str(folder / "channels")).exit_code == 2


def test_outcomes_and_states_are_the_words_of_the_list(run: Run) -> None:
    shown = run("messages", "list", "--help").stdout
    assert all(word in shown for word in (Outcome.QUARANTINED, "held", "dead"))


def test_a_channel_that_is_not_there_is_told_with_the_nearest(run: Run, site: Path) -> None:
    result = run("messages", "list", "--channel", "lap", str(site))
    assert result.exit_code == 2
    assert "no channel 'lap' (did you mean 'lab'?)" in result.stderr
    none = run("messages", "list", "--channel", "lab", "--type", "XYZ", str(site))
    assert (none.exit_code, none.stdout) == (0, "no message fits\n")


@pytest.mark.parametrize("limit", ["0", "-5"])
def test_a_limit_is_at_least_one(run: Run, site: Path, limit: str) -> None:
    assert run("messages", "list", "--limit", limit, str(site)).exit_code == 2


@pytest.mark.parametrize(("width", "narrow"), [(200, False), (80, True), (60, True)])
def test_a_terminal_shows_why_whatever_its_width(
    run: Run, site: Path, monkeypatch: pytest.MonkeyPatch, width: int, narrow: bool
) -> None:
    out = io.StringIO()
    terminal = Console(file=out, width=width, force_terminal=True, no_color=True, highlight=False)
    monkeypatch.setattr(listing, "console", lambda: terminal)
    assert run("messages", "list", str(site)).exit_code == 0
    shown = re.sub("\x1b\\[[0-9;]*m", "", out.getvalue())
    assert "422: no subject" in shown
    assert "ORU^R01" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    assert ("too narrow for: " in shown) is narrow


def test_no_line_of_a_pipe_is_folded(run: Run, site: Path) -> None:
    file = site / "one.hl7"
    file.write_text("MSH|^~\\&|A|B|||20260105||ADT^A01|1|P|2.5.1\rPID|1||7||" + "X" * 300 + "\r")
    done = CliRunner().invoke(main, ("explain", str(file)), env={"COLUMNS": "80"})
    assert max(map(len, done.stdout.splitlines())) > 100
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("PID-5")]
    assert "Patient[0].name[0].family" in row
