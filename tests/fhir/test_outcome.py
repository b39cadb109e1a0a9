"""What a server's answer means for a delivery."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from engine.fhir.bundle import Entry, serialised
from engine.fhir.outcome import (
    LONGEST_DETAIL,
    LONGEST_PAUSE,
    Dead,
    Delivered,
    Down,
    Hold,
    Reply,
    Retry,
    Verdict,
    Written,
    errors,
    judge,
    match,
    pause,
    refusal,
)

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
HTML = b"<html><body>Bad gateway</body></html>"


def outcome(*severities: str) -> bytes:
    issues = [
        {"severity": severity, "code": "invalid", "diagnostics": f"{severity} {n}"}
        for n, severity in enumerate(severities)
    ]
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": issues})


def sent(*urls: str) -> list[Entry]:
    """Entries: ``POST Patient`` or ``PUT Patient/1``."""
    found = []
    for text in urls:
        method, url = text.split()
        kind = url.partition("?")[0].partition("/")[0]
        request = {"method": method, "url": url}
        entry = {"fullUrl": "", "resource": {"resourceType": kind}, "request": request}
        found.append(serialised(entry))
    return found


def response(*entries: tuple[str, str | None]) -> bytes:
    answers = [
        {"response": {"status": status, **({"location": location} if location else {})}}
        for status, location in entries
    ]
    body = {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}
    return orjson.dumps(body)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (408, b"", Retry("HTTP 408")),
        (409, outcome("error"), Retry("HTTP 409", conflict=True)),
        (425, b"", Retry("HTTP 425")),
        (429, outcome("error"), Retry("HTTP 429")),
        (500, outcome("fatal"), Retry("HTTP 500")),
        (502, HTML, Retry("HTTP 502")),
        (503, b"", Retry("HTTP 503")),
        (504, HTML, Retry("HTTP 504")),
        (507, b"", Retry("HTTP 507")),
        (400, outcome("error"), Dead("HTTP 400: invalid: error 0", 400)),
        (404, outcome("fatal"), Dead("HTTP 404: invalid: fatal 0", 404)),
        (422, outcome("warning", "error"), Dead("HTTP 422: invalid: error 1", 422)),
        (400, outcome("warning", "information"), Down("HTTP 400")),
        (400, b"", Down("HTTP 400")),
        (404, HTML, Down("HTTP 404")),
        (422, b'{"error": "no"}', Down("HTTP 422")),
        (422, b"[]", Down("HTTP 422")),
        (412, outcome("error"), Hold("HTTP 412: invalid: error 0")),
        (412, b"", Hold("HTTP 412")),
        (413, HTML, Hold("HTTP 413")),
        (401, outcome("error"), Down("HTTP 401")),
        (403, outcome("error"), Down("HTTP 403")),
        (301, b"", Down("HTTP 301")),
        (307, b"", Down("HTTP 307")),
        (405, outcome("error"), Down("HTTP 405")),
        (410, outcome("error"), Down("HTTP 410")),
        (415, outcome("error"), Down("HTTP 415")),
        (199, b"", Down("HTTP 199")),
    ],
)
def test_each_refusal_has_its_verdict(status: int, body: bytes, verdict: Verdict) -> None:
    assert refusal(Reply(status, body), NOW) == verdict
    assert judge(Reply(status, body), sent("POST Patient"), NOW) == (verdict, [])


@pytest.mark.parametrize("body", [b"", HTML, b"{}", b"null", outcome("information")])
def test_a_success_without_a_bundle_is_no_fhir_server(body: bytes) -> None:
    verdict, _ = judge(Reply(200, body), sent("POST Patient"), NOW)
    assert verdict == Down("HTTP 200 without a Bundle")


def test_every_entry_is_accounted_for_by_its_place() -> None:
    body = response(
        ("201 Created", "Patient/1/_history/1"),
        ("200 OK", "http://server/fhir/Observation/m2/_history/3"),
        ("200", None),
    )
    verdict, written = judge(
        Reply(200, body), sent("POST Patient", "PUT Observation/m2", "PUT Account?x=1"), NOW
    )
    assert verdict == Delivered()
    assert written == [
        Written(201, "Patient", "1"),
        Written(200, "Observation", "m2"),
        Written(200),
    ]


def test_a_shortened_answer_is_matched_by_what_it_names() -> None:
    body = response(("201 Created", "Organization/7/_history/1"), ("200 OK", "Patient/1"))
    verdict, _ = judge(
        Reply(200, body), sent("PUT Patient/1", "POST Practitioner", "POST Organization"), NOW
    )
    assert verdict == Hold("the server's answer does not account for: POST Practitioner")


@pytest.mark.parametrize(
    ("urls", "answers", "places"),
    [
        (["POST A", "POST B"], [("A", "1"), ("B", "2")], [0, 1]),
        (["POST A", "POST B"], [("B", "2"), ("A", "1")], [1, 0]),
        (["PUT A/1", "PUT A/2"], [("A", "2"), ("A", "1")], [1, 0]),
        (["PUT A/1"], [("A", "2")], [None]),
        (["POST A", "POST A"], [("A", "1")], [0, None]),
        (["POST A"], [], [None]),
        (["POST A", "POST B"], [("", "")], [None, None]),
        (["POST A"], [("A", "1"), ("A", "2")], [0]),
    ],
)
def test_answers_are_matched_by_type_and_id(
    urls: list[str], answers: list[tuple[str, str]], places: list[int | None]
) -> None:
    written = [Written(201, kind, own) for kind, own in answers]
    expected = [None if place is None else written[place] for place in places]
    assert match(sent(*urls), written) == expected


def test_a_failed_entry_of_a_success_decides() -> None:
    outcome_400 = orjson.loads(outcome("error"))
    entries = [
        {"response": {"status": "201 Created", "location": "Patient/1/_history/1"}},
        {"response": {"status": "400 Bad Request", "outcome": outcome_400}},
    ]
    body = orjson.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": entries})
    verdict, _ = judge(Reply(200, body), sent("POST Patient", "POST Account"), NOW)
    assert verdict == Dead("HTTP 400: invalid: error 0", 400)


@pytest.mark.parametrize("entry", [{}, None, {"response": {}}, {"response": {"status": "fine"}}])
def test_entries_without_a_status_are_no_answer(entry: Any) -> None:
    body = orjson.dumps({"resourceType": "Bundle", "entry": [entry]})
    verdict, _ = judge(Reply(200, body), sent("POST Patient"), NOW)
    assert verdict == Down("an answer whose entries have no status")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("999999999999", LONGEST_PAUSE),
        ("Mon, 05 Jan 2026 10:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 09:00:00 GMT", 0.0),
        ("Mon, 05 Jan 2026 10:00:30 -0000", 30.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PAUSE),
        ("Mon, 1 Jan 2024 00:00:00 +99999999999999", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert pause(text, NOW) == seconds
    assert refusal(Reply(503, b"", text), NOW) == Retry("HTTP 503", seconds)


def test_errors_are_told_with_their_places_and_the_rest_is_left_out() -> None:
    issues = [
        {"severity": "warning", "code": "business-rule", "diagnostics": "hm"},
        {"severity": "error", "details": {"text": "bad date"}, "expression": ["Patient.birthDate"]},
        {"severity": "fatal", "code": "structure", "location": ["line 1"]},
        "no issue",
    ]
    found = errors({"resourceType": "OperationOutcome", "issue": issues})
    assert found == "error: bad date at Patient.birthDate; structure: no words at line 1"
    assert errors({"resourceType": "OperationOutcome", "issue": "none"}) == ""
    assert errors({"resourceType": "Bundle"}) == ""
    assert errors(None) == ""


def test_a_server_that_says_very_much_is_cut_short() -> None:
    issue = {"severity": "error", "code": "invalid", "diagnostics": "x" * 100_000}
    found = errors({"resourceType": "OperationOutcome", "issue": [issue]})
    assert len(found) == LONGEST_DETAIL
