"""Functions that a site writes: called by rules, told with their place when they are wrong."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.hl7v2.message import Message
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.result import Context

CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test")
MESSAGE = Message.parse(
    "MSH|^~\\&|WARD|TEST|||20260105||ADT^A01^ADT_A01|1|P|2.5.1\r"
    "PID|1||4711^^^W^MR||Testpatient^Anna||19700102|F\r"
)
FUNCTIONS = """\
from engine.mapping.site import function

@function
def initials(family: str, given: str = "") -> str | None:
    if family == "Testpatient" and given == "stop":
        raise ValueError("no initials here")
    return "".join(part[:1] for part in (given, family) if part) or None

@function
def number(text: str) -> int:
    return int(text)

@function
def talkative(text: str) -> str:
    raise ValueError(f"nothing is known of {text}")

@function
def broken(text: str) -> str:
    return text[99]

def hidden(text: str) -> str:
    return text
"""
MAPPING = "mapping: feed\nrules:\n  PID[Patient]:\n    name:\n      text: %s\n"


def library(folder: Path, value: str, functions: str = FUNCTIONS) -> MappingLibrary:
    feed = folder / "mappings" / "feed"
    feed.mkdir(parents=True)
    (feed / "mapping.yaml").write_text(MAPPING % value)
    (feed / "functions.py").write_text(functions)
    return load_library([folder / "mappings"])


def test_a_rule_calls_a_function_of_the_site_and_explain_shows_it(tmp_path: Path) -> None:
    found = library(tmp_path, "site.initials(PID-5.1, PID-5.2)")
    assert found.check() == []
    explained = found.tracing("feed").explain(MESSAGE, CONTEXT)
    patient = next(r for r in explained.mapped.resources if r.body["resourceType"] == "Patient")
    assert patient.body["name"] == [{"text": "AT"}]
    origin = next(o for o in explained.origins if o.path == "name[0].text")
    assert origin.rule == "PID[Patient].name"
    assert [source[:2] for source in origin.sources] == [(1, 5), (1, 5)]
    fast = found.mapping("feed").convert(MESSAGE, CONTEXT)
    assert [r.body for r in fast.resources] == [r.body for r in explained.mapped.resources]


def test_a_mapping_with_functions_goes_to_another_process(tmp_path: Path) -> None:
    found = pickle.loads(pickle.dumps(library(tmp_path, "site.initials(PID-5.1)")))
    result = found.mapping("feed").convert(MESSAGE, CONTEXT)
    patient = next(r for r in result.resources if r.body["resourceType"] == "Patient")
    assert patient.body["name"] == [{"text": "T"}]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ('site.initials(PID-5.1, "stop")', "no initials here"),
        ("site.broken(PID-5.1)", "site.broken() failed: IndexError"),
        ("site.number(PID-5.1)", "site.number() takes it for no value"),
        ("site.talkative(PID-5.1)", "site.talkative() takes it for no value"),
    ],
)
def test_a_fault_costs_its_element_and_is_an_issue_without_the_value(
    tmp_path: Path, value: str, what: str
) -> None:
    result = library(tmp_path, value).mapping("feed").convert(MESSAGE, CONTEXT)
    patient = next(r for r in result.resources if r.body["resourceType"] == "Patient")
    assert "name" not in patient.body
    assert patient.body["gender"] == "female"
    issue = next(issue for issue in result.issues if issue.rule == "PID[Patient].name")
    assert (issue.what, str(issue.at)) == (what, "PID-5")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("site.intials(PID-5.1)", "no function 'site.intials' (did you mean 'site.initials'?)"),
        ("site.hidden(PID-5.1)", "no function 'site.hidden'"),
        ("site.initials()", "site.initials() takes 1 to 2 values, not 0 (site.initials(family, "),
    ],
)
def test_check_tells_a_wrong_call_with_its_place(tmp_path: Path, value: str, told: str) -> None:
    (problem,) = library(tmp_path, value).check()
    assert str(problem).startswith("mappings/feed/mapping.yaml:5:13: PID[Patient].name: " + told)


@pytest.mark.parametrize(
    ("functions", "told"),
    [
        ("def x(:\n", "mappings/feed/functions.py:1:7: "),
        ("a = 1\nb = a / 0\n", "functions.py:2:1: this file cannot be run: ZeroDivisionError"),
        ("def x(text):\n    return text\n", "functions.py:1:1: no function of this file"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, functions: str, told: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        library(tmp_path, "PID-5.1", functions)
    assert told in str(raised.value)
