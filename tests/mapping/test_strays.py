"""Lines that are no segments: nobody reads them, and they are lost nowhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from engine.hl7v2.message import Message
from engine.mapping.explain import Explained
from engine.mapping.library import load_library
from engine.mapping.residue import FIELD, STRAY
from engine.mapping.result import Context, Severity
from engine.workbench.coverage import Coverage
from engine.workbench.explained import fields
from engine.workbench.novelty import Seen

LIBRARY = load_library()
CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "test")
HEAD = r"MSH|^~\&|LAB|NORTH|CHART|CLINIC|20260105101500||ORU^R01^ORU_R01|M1|P|2.5.1"
#: A text that went on after a CR; and a line whose first words would pass for a name.
STRAYS = ("Erika Example^reads T&S on", "Example, Erika, 1 Sample Street|x|y")


def message(*strays: str) -> Message:
    lines = [
        HEAD,
        "PID|1||4711^^^NORTH^MR||Testpatient^Anna",
        "OBR|1|P1|F1|24323-8^Panel^LN",
        "OBX|1|TX|8251-1^Note^LN||first line",
        *strays,
        "NTE|1||a note to the result",
    ]
    return Message.parse("\r".join(lines))


def explained(*strays: str) -> Explained:
    return LIBRARY.tracing().explain(message(*strays), CONTEXT)


def bodies(found: Message, unmapped: str) -> dict[str, Any]:
    mapped = LIBRARY.mapping(unmapped=unmapped).convert(found, CONTEXT)
    return {resource.body["resourceType"]: resource.body for resource in mapped.resources}


@pytest.mark.parametrize("unmapped", ["report", "extension"])
def test_each_line_that_is_no_segment_is_a_warning_at_the_segment_before(unmapped: str) -> None:
    mapped = LIBRARY.mapping(unmapped=unmapped).convert(message(*STRAYS), CONTEXT)
    said = [(i.severity, i.what, str(i.at)) for i in mapped.issues]
    assert said == [(Severity.WARNING, "a line that is no segment", "OBX")] * 2


def test_the_text_of_such_a_line_counts_as_unmapped() -> None:
    leaves = [leaf for leaf in explained(*STRAYS).leaves if leaf.segment == "line"]
    assert [(leaf.value, leaf.fate) for leaf in leaves] == [(s, "unmapped") for s in STRAYS]


def test_explain_shows_such_a_line_by_its_number() -> None:
    rows = [row for row in fields(explained(*STRAYS), message(*STRAYS)) if "line" in row.field]
    assert [(row.field, row.value) for row in rows] == [
        ("line 5", STRAYS[0]),
        ("line 6", STRAYS[1]),
    ]


def test_coverage_counts_such_a_line_and_names_no_word_of_it() -> None:
    totals = Coverage()
    totals.add(explained(*STRAYS), "ORU^R01")
    told = totals.plain()
    assert told["unmapped"]["line-0"] == 2
    assert told["issues"]["a line that is no segment"] == 2
    assert b"Erika" not in orjson.dumps(told)


def test_what_is_new_in_a_feed_names_no_word_of_such_a_line() -> None:
    seen = Seen()
    seen.add(message(*STRAYS))
    assert "line" in seen.segments
    assert b"Erika" not in orjson.dumps(seen.plain())


@pytest.mark.parametrize("stray", STRAYS)
def test_extensions_keep_such_a_line_under_a_url_without_its_text(stray: str) -> None:
    kept = bodies(message(stray), "extension")["Observation"]["extension"]
    assert {"url": STRAY, "valueString": stray} in kept
    assert all(item["url"].startswith((FIELD, STRAY)) for item in kept)
    assert not any("Erika" in item["url"] for item in kept)


def test_what_is_kept_has_no_character_that_fhir_forbids() -> None:
    kept = bodies(message("a\x01b", "\x1a"), "extension")["Observation"]["extension"]
    assert [item["valueString"] for item in kept if item["url"] == STRAY] == ["ab"]


def test_a_note_belongs_to_the_segment_before_such_a_line() -> None:
    plain = bodies(message(), "report")["Observation"]
    assert "a note to the result" in str(plain)
    assert bodies(message(*STRAYS), "report")["Observation"] == plain


def test_a_message_without_such_a_line_has_no_such_issue() -> None:
    assert not LIBRARY.mapping().convert(message(), CONTEXT).issues
