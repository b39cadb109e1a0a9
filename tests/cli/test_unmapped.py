"""Old systems hold years of free text: from the worklist to a code for all messages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from click.testing import CliRunner, Result
from twisted.internet.defer import ensureDeferred

from engine.cli.main import main
from engine.config import EngineSettings
from engine.hl7v2.message import Message
from engine.lifecycle import Event, State
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.result import Mapped
from engine.store.records import MissingCodes
from engine.store.sqlite import SqliteStore
from engine.workbench.feeds import Feed
from tests.store.messages import NOW, received

Run = Callable[..., Result]

HEAD = "source code,source display,target system,target code,target display,comment\n"
FEED = """\
mapping: ward
extends: standard
rules:
  AL1[AllergyIntolerance]:
    code: AL1-3 via allergens
unmapped: {allergens: %s}
"""
MESSAGE = (
    "MSH|^~\\&|WARD|TEST|||20260105||ADT^A01^ADT_A01|%d|P|2.5.1\rPID|1||T%d^^^W||Testpatient^Anna\r"
    "AL1|1|DA|%s\r"
)
#: PCN twice, and once what somebody typed
TYPED = ("PCN", "penicillin (rash)", "PCN")


def message(number: int) -> Message:
    return Message.parse(MESSAGE % (number, number, TYPED[number - 1]))


def read_library(folder: Path) -> MappingLibrary:
    """The mappings as they stand now."""
    library = load_library([folder / "mappings"])
    assert library.mapping("ward").check() == []
    return library


def mapped(library: MappingLibrary, number: int) -> Mapped:
    read = message(number)
    return library.mapping("ward").convert(read, Feed(library, "ward").context(read))


def allergies(folder: Path, *numbers: int) -> list[dict[str, Any]]:
    """What messages say somebody is allergic to, by the mappings as they stand now."""
    library = read_library(folder)
    return [
        dict(resource.body["code"])
        for number in numbers
        for resource in mapped(library, number).resources
        if resource.body["resourceType"] == "AllergyIntolerance"
    ]


async def fill(folder: Path, store: SqliteStore) -> None:
    """Three messages, settled as the mapping of the moment has it."""
    library = read_library(folder)
    for number in range(1, len(TYPED) + 1):
        raw = message(number).text.encode()
        await store.accept(received(number, channel="ward", patient=f"T{number}", raw=raw))
        (claimed,) = await store.claim("clinic", 1, NOW)
        made = mapped(library, number)
        missing = MissingCodes("ward", tuple(dict.fromkeys(made.unmapped)))
        event = Event.HELD if made.hold else Event.ACCEPTED
        await store.settle(claimed.delivery_id, event, now=NOW, missing=missing)


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A ward whose allergies are text, and an engine that has run."""
    feed = tmp_path / "mappings" / "ward"
    (feed / "conceptmaps").mkdir(parents=True)
    (feed / "conceptmaps" / "allergens.csv").write_text(HEAD)
    (feed / "mapping.yaml").write_text(FEED % getattr(request, "param", "text"))
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "ward.yaml").write_text("channel: ward\nmapping: ward\n")
    (tmp_path / "engine.yaml").write_text("data: kept\n")
    settings = EngineSettings(tmp_path / "kept")
    settings.data.mkdir()
    store = SqliteStore(settings.store, clock=lambda: NOW)
    store.open()
    pytest_twisted.blockon(ensureDeferred(fill(tmp_path, store)))
    pytest_twisted.blockon(store.close())
    return tmp_path


@pytest.fixture
def run(site: Path) -> Run:
    def run(*arguments: str) -> Result:
        command = ("unmapped", *arguments, "--config", str(site))
        return CliRunner().invoke(main, command)

    return run


def listed(run: Run, *options: str) -> dict[str, int]:
    entries = json.loads(run("list", "--json", "--table", "allergens", *options).stdout)
    return {entry["code"] or entry["text"]: entry["count"] for entry in entries}


def test_an_allergy_typed_as_text_becomes_a_code_for_all_messages_after_one_row(
    run: Run, site: Path
) -> None:
    assert allergies(site, 1, 2) == [{"text": "PCN"}, {"text": "penicillin (rash)"}]
    assert listed(run) == {"PCN": 2, "penicillin (rash)": 1}
    to = ("--to", "http://snomed.info/sct#91936005", "--display", "Allergy to penicillin")
    result = run("resolve", "allergens", "PCN", *to)
    assert result.exit_code == 0, result.output
    assert "+PCN,,http://snomed.info/sct,91936005,Allergy to penicillin,\n" in result.stdout
    assert listed(run) == {"penicillin (rash)": 1}
    assert run("resolve", "allergens", "Penicillin  (RASH)", *to).exit_code == 0
    assert listed(run) == {}
    found = [code["coding"][0] for code in allergies(site, 1, 2, 3)]
    systems = {(coding["system"], coding["code"]) for coding in found}
    assert (len(found), systems) == (3, {("http://snomed.info/sct", "91936005")})


def states(site: Path) -> list[State]:
    with SqliteStore.reader(site / "kept" / "engine.db") as reader:
        found = [reader.message(number) for number in (1, 2, 3)]
    return [one.deliveries[0].state for one in found if one is not None]


@pytest.mark.parametrize("site", ["hold"], indirect=True)
def test_what_was_held_for_a_code_is_sent_again_when_it_is_resolved(run: Run, site: Path) -> None:
    assert states(site) == [State.HELD, State.HELD, State.HELD]
    result = run("resolve", "allergens", "PCN", "--to", "SCT#91936005")
    assert "message 1: queued to clinic\nmessage 3: queued to clinic\n" in result.stdout
    assert states(site) == [State.QUEUED, State.HELD, State.QUEUED]


async def resolved_beside_an_engine(run: Run, site: Path) -> Result:
    """Resolve a code while something has the store, as a running engine does."""
    store = SqliteStore(EngineSettings(site / "kept").store)
    store.open()
    result = run("resolve", "allergens", "PCN", "--to", "SCT#91936005")
    await store.close()
    return result


@pytest.mark.parametrize("site", ["hold"], indirect=True)
@pytest_twisted.ensureDeferred
async def test_an_engine_that_runs_must_know_the_row_before_it_sends_again(
    run: Run, site: Path
) -> None:
    result = await resolved_beside_an_engine(run, site)
    assert "mllp-engine messages replay 1 3" in result.stdout
    assert states(site) == [State.HELD, State.HELD, State.HELD]
    assert listed(run) == {"penicillin (rash)": 1}


def test_a_list_is_for_people_too(run: Run) -> None:
    shown = run("list").stdout
    assert "penicillin (rash)" in shown
    assert "allergens" in shown


def test_the_list_goes_out_as_csv_and_as_a_conceptmap(run: Run, tmp_path: Path) -> None:
    out = run("export", "--table", "allergens").stdout.splitlines()
    assert out[0] == "table,channel," + HEAD.strip()
    assert out[1] == 'allergens,ward,PCN,,,,,"in 2 messages of ward, such as 1"'
    file = tmp_path / "out.json"
    assert run("export", "--table", "allergens", "--conceptmap", str(file)).exit_code == 0
    made = json.loads(file.read_bytes())
    (group,) = made["group"]
    assert [element["code"] for element in group["element"]] == ["PCN", "penicillin (rash)"]
    assert group["element"][0]["target"][0]["equivalence"] == "unmatched"


def test_a_conceptmap_that_comes_back_resolves_what_it_holds(run: Run, site: Path) -> None:
    file = site / "in.json"
    target = {"code": "91936005", "equivalence": "equivalent"}
    element = {"code": "PCN", "target": [target]}
    group = {"target": "http://snomed.info/sct", "element": [element]}
    file.write_text(json.dumps({"resourceType": "ConceptMap", "group": [group]}))
    result = run("import", str(file), "--table", "allergens", "--mapping", "ward")
    assert result.exit_code == 0, result.output
    assert listed(run) == {"penicillin (rash)": 1}
    (code,) = allergies(site, 1)
    assert code["coding"][0]["code"] == "91936005"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("allergens", "PCN", "--to", "http://loinc.org#"), "a row without a target code"),
        (("allergens", "PCN", "--to", "snomedd#1"), "no coding system 'snomedd'"),
        (("allergenes", "PCN", "--to", "SCT#1", "--mapping", "ward"), "did you mean 'allergens'"),
        (("allergens", "XYZ", "--to", "SCT#1"), "name a feed with --mapping"),
        (("allergens", "PCN", "--to", "SCT#1", "--mapping", "standard"), "is not edited"),
        (("allergens", "PCN", "--to", "SCT#1", "--mapping", "wood"), "there are: ward"),
    ],
)
def test_what_cannot_be_a_row_changes_nothing(
    run: Run, site: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("resolve", *arguments)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert (site / "mappings/ward/conceptmaps/allergens.csv").read_text() == HEAD
    assert listed(run) == {"PCN": 2, "penicillin (rash)": 1}


def test_a_row_that_breaks_the_check_is_taken_back(run: Run, site: Path) -> None:
    other = site / "mappings" / "other"
    other.mkdir()
    (other / "mapping.yaml").write_text(
        "mapping: other\nextends: standard\nrules:\n  PID[Patient]:\n    gendre: PID-8\n"
    )
    result = run("resolve", "allergens", "PCN", "--to", "SCT#1")
    assert result.exit_code == 2
    assert "gendre" in result.stderr
    assert (site / "mappings/ward/conceptmaps/allergens.csv").read_text() == HEAD


def test_a_file_keeps_its_columns_its_separator_and_its_line_ends(run: Run, site: Path) -> None:
    file = site / "mappings/ward/conceptmaps/allergens.csv"
    before = b"\xef\xbb\xbftarget code;Source Code;target_system\r\n1;A;urn:x"
    file.write_bytes(before)
    assert run("resolve", "allergens", "PCN", "--to", "urn:x#2").exit_code == 0
    assert file.read_bytes() == before + b"\r\n2;PCN;urn:x\r\n"


def test_a_table_of_the_standard_gets_a_file_of_the_feed(run: Run, site: Path) -> None:
    to = ("--to", "http://hl7.org/fhir/administrative-gender#other", "--mapping", "ward")
    result = run("resolve", "AdministrativeSex", "W", *to)
    assert result.exit_code == 0, result.output
    file = site / "mappings/ward/conceptmaps/AdministrativeSex.csv"
    assert "--- /dev/null" in result.stdout
    assert file.read_text() == HEAD + "W,,http://hl7.org/fhir/administrative-gender,other,,\n"


def test_a_store_of_an_older_engine_is_left_to_the_newer_one(run: Run, site: Path) -> None:
    with sqlite3.connect(site / "kept" / "engine.db") as store:
        store.execute("PRAGMA user_version = 1")
    store.close()
    assert "let this version of the engine run first" in run("list").stderr


def filled(text: str, **meanings: str) -> str:
    """An export with targets, as somebody fills them in: ``SYSTEM#CODE`` by code."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        code = line.split(",")[2]
        if code in meanings:
            system, _, target = meanings[code].partition("#")
            lines[number] = line.replace(f"{code},,,,,", f"{code},,{system},{target},,")
    return "\n".join(lines) + "\n"


def test_the_csv_that_went_out_comes_back_with_targets(run: Run, site: Path) -> None:
    file = site / "out.csv"
    file.write_text(filled(run("export").stdout, PCN="SCT#91936005"))
    result = run("import", str(file))
    assert result.exit_code == 0, result.output
    assert "+PCN,,http://snomed.info/sct,91936005,,\n" in result.stdout
    assert "1 rows added, 1 left open" in result.stdout
    assert listed(run) == {"penicillin (rash)": 1}


def test_a_bundle_of_several_tables_that_went_out_comes_back(run: Run, site: Path) -> None:
    feed = site / "mappings" / "ward"
    with sqlite3.connect(site / "kept" / "engine.db") as store:
        store.row_factory = sqlite3.Row
        row = dict(store.execute("SELECT * FROM unmapped WHERE code = 'PCN'").fetchone())
        row |= {"id": None, "table_name": "AdministrativeSex"}
        marks = ", ".join("?" * len(row))
        store.execute(f"INSERT INTO unmapped ({', '.join(row)}) VALUES ({marks})", [*row.values()])
    store.close()
    file = site / "out.json"
    assert run("export", "--conceptmap", str(file)).exit_code == 0
    made = json.loads(file.read_bytes())
    assert made["resourceType"] == "Bundle"
    systems = {
        "allergens": ("http://snomed.info/sct", "91936005"),
        "AdministrativeSex": ("http://hl7.org/fhir/administrative-gender", "other"),
    }
    for entry in made["entry"]:
        group = entry["resource"]["group"][0]
        group["target"], code = systems[entry["resource"]["title"]]
        for element in group["element"]:
            if element["code"] == "PCN":
                element["target"] = [{"code": code, "equivalence": "equivalent"}]
    file.write_text(json.dumps(made))
    result = run("import", str(file))
    assert result.exit_code == 0, result.output
    assert "2 rows added" in result.stdout
    assert (feed / "conceptmaps" / "AdministrativeSex.csv").is_file()
    assert listed(run) == {"penicillin (rash)": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code;x\n", ":1:1: no column 'code'"),
        ('{"resourceType": \n', ":2:1: this is not JSON"),
        ('{"resourceType": "Patient"}', ":1:1: this is neither a FHIR ConceptMap nor a Bundle"),
        ("source code,target code\nPCN,1\n", ":1:1: no column says which table each row is for"),
        ("table,source code,target code\nallergens,,1\n", ":2:1: a row without a source code"),
        ("table,source code,target code\nallergens,PCN,1\n", "'1' needs its system"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_told_with_its_place(
    run: Run, site: Path, text: str, said: str
) -> None:
    file = site / "in.txt"
    file.write_text(text)
    result = run("import", str(file))
    assert result.exit_code == 2, result.output
    assert (f"{file}{said}" if said.startswith(":") else said) in result.stderr
    assert listed(run) == {"PCN": 2, "penicillin (rash)": 1}


def test_rows_of_which_one_is_not_right_change_nothing(run: Run, site: Path) -> None:
    file = site / "in.csv"
    head = "table,channel,source code,target system,target code\n"
    wrong = "AdministrativeSex,ward,X,http://hl7.org/fhir/administrative-gender,femal\n"
    file.write_text(head + "allergens,ward,PCN,SCT,91936005\n" + wrong)
    result = run("import", str(file))
    assert result.exit_code == 2
    assert "femal" in result.stderr
    assert (site / "mappings/ward/conceptmaps/allergens.csv").read_text() == HEAD
    assert not (site / "mappings/ward/conceptmaps/AdministrativeSex.csv").exists()


def test_a_code_without_its_system_is_refused_where_it_needs_one(run: Run, site: Path) -> None:
    result = run("resolve", "allergens", "PCN", "--to", "L")
    assert result.exit_code == 2
    assert "rules make CodeableConcept through 'allergens'" in result.stderr
    assert "write --to SYSTEM#L" in result.stderr
    assert (site / "mappings/ward/conceptmaps/allergens.csv").read_text() == HEAD
    plain = run("resolve", "AdministrativeSex", "W", "--to", "other", "--mapping", "ward")
    assert plain.exit_code == 0, plain.output


def test_a_channel_or_table_that_is_not_there_is_told_with_the_nearest(run: Run) -> None:
    for command in (("list",), ("export",)):
        result = run(*command, "--channel", "wart")
        assert result.exit_code == 2
        assert "no channel 'wart' (did you mean 'ward'?)" in result.stderr
        result = run(*command, "--table", "allergen")
        assert result.exit_code == 2
        assert "no table 'allergen' (did you mean 'allergens'?)" in result.stderr
    assert "every code was found" in run("list", "--table", "AdministrativeSex").stdout


def test_a_file_that_cannot_be_written_is_told_by_its_name(run: Run) -> None:
    result = run("export", "--conceptmap", "/nonexistent/a.json")
    assert result.exit_code == 1
    assert "/nonexistent/a.json: No such file or directory" in result.stderr


@pytest_twisted.ensureDeferred
async def test_an_engine_that_runs_needs_a_reload_when_nothing_was_held_too(
    run: Run, site: Path
) -> None:
    result = await resolved_beside_an_engine(run, site)
    assert "reload it (SIGHUP, or systemctl\nreload)\n" in result.stdout
    assert "unless it is sent again:\n  mllp-engine messages replay 1\n" in result.stdout
