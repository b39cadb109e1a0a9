"""What a server's answer to a transaction means for the delivery: its verdict.

- 2xx: delivered, when the answer accounts for every entry that was sent.
- 408, 409, 425, 429, every 5xx: not now; the same again may succeed.
- 400, 404, 422 with an OperationOutcome that names an error: the server has read the message
  and will never take it.
- 412: conditions that do not hold, such as two matches, never heal by themselves; and what is
  too large (413) does not shrink: a person must look.
- everything else, and whatever is not FHIR: the fault is not the message's but the server's or
  the configuration's; nothing is sent until that is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson

from engine.fhir.bundle import Entry

Body = dict[str, Any]

AGAIN = frozenset((408, 409, 425, 429))
ABOUT_THE_MESSAGE = frozenset((400, 404, 422))
FOR_A_PERSON = frozenset((412, 413))

#: A server that asks for more patience than this is asked again anyway: four times an hour harms
#: no server, and whoever has repaired it will not wait longer before he takes the engine for
#: broken. A typing error in a date must not cost a clinic a day.
LONGEST_PAUSE = 900.0
#: So much of a server's words is kept.
LONGEST_DETAIL = 4000


@dataclass(frozen=True, slots=True)
class Delivered:
    """The destination has it."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now; ``after``: seconds that the server asks to wait."""

    reason: str
    after: float | None = None
    #: two writers met: the server itself is well
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """The destination will never take it; the detail may quote the message."""

    detail: str
    #: of the HTTP answer that says so
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A person must look at it; the detail may quote the message."""

    detail: str


@dataclass(frozen=True, slots=True)
class Down:
    """The destination itself is at fault; no message is to blame."""

    reason: str


Verdict = Delivered | Retry | Dead | Hold | Down


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    retry_after: str = ""


class Written(NamedTuple):
    """What a server says of one entry: the status, and where the resource is."""

    status: int
    kind: str = ""
    id: str = ""


# --- answers to a transaction -----------------------------------------------------------------


def judge(reply: Reply, sent: Sequence[Entry], now: datetime) -> tuple[Verdict, list[Written]]:
    """The verdict on a transaction of these entries; and, delivered, what became of each."""
    if not 200 <= reply.status < 300:
        return refusal(reply, now), []
    response = read(reply.body)
    if response is None or response.get("resourceType") != "Bundle":
        return Down(f"HTTP {reply.status} without a Bundle"), []
    answers = [_written(entry) for entry in _list(response, "entry")]
    if not all(200 <= answer.status < 300 for answer in answers):
        return _worst(_list(response, "entry"), answers, now), []
    matched = match(sent, answers)
    missing = [
        f"{entry.method} {entry.kind}"
        for entry, found in zip(sent, matched, strict=True)
        if found is None
    ]
    if missing:
        names = ", ".join(missing)
        return Hold(f"the server's answer does not account for: {names}"), []
    return Delivered(), [found for found in matched if found is not None]


def refusal(reply: Reply, now: datetime) -> Verdict:
    """The verdict on an answer that is no success."""
    status = reply.status
    if status in AGAIN or 500 <= status < 600:
        return Retry(f"HTTP {status}", pause(reply.retry_after, now), status == 409)
    words = errors(read(reply.body))
    if status in FOR_A_PERSON:
        return Hold(f"HTTP {status}: {words}" if words else f"HTTP {status}")
    if status in ABOUT_THE_MESSAGE and words:
        return Dead(f"HTTP {status}: {words}", status)
    return Down(f"HTTP {status}")


def _worst(entries: list[Any], answers: list[Written], now: datetime) -> Verdict:
    """The verdict on an entry that failed although the whole was called a success."""
    for entry, answer in zip(entries, answers, strict=True):
        if answer.status and not 200 <= answer.status < 300:
            outcome = orjson.dumps(entry["response"].get("outcome"))
            return refusal(Reply(answer.status, outcome), now)
    return Down("an answer whose entries have no status")


def pause(retry_after: str, now: datetime) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110 10.2.3: seconds, or a date)."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
        seconds = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None  # no date, or one of a zone or a year that there is not
    return min(max(seconds.total_seconds(), 0.0), LONGEST_PAUSE)


# --- entries ----------------------------------------------------------------------------------


def match(sent: Sequence[Entry], answers: Sequence[Written]) -> list[Written | None]:
    """For each entry the answer that speaks of it.

    R4 3.1.0.11.2 wants one answer per entry in the same order; but servers drop entries and
    shorten the answer, so what an answer names must fit: the type, and the id of a PUT.
    """
    if len(answers) == len(sent) and all(map(_fits, sent, answers)):
        return list(answers)
    left = list(answers)
    found: list[Written | None] = []
    for entry in sent:
        nth = next((n for n, answer in enumerate(left) if answer.kind and _fits(entry, answer)), -1)
        found.append(left.pop(nth) if nth >= 0 else None)
    return found


def _fits(entry: Entry, answer: Written) -> bool:
    kind = answer.kind
    if not kind:
        return True  # it names nothing: its place has to do
    url = entry.url
    if "?" in url:
        return url.startswith(f"{kind}?")
    return url in (kind, f"{kind}/{answer.id}")


def _written(entry: Any) -> Written:
    try:
        response = entry["response"]
        status = int(response["status"][:3])
        location = response.get("location")
    except (KeyError, TypeError, ValueError):
        return Written(0)
    if not isinstance(location, str):
        return Written(status)
    # [base]/Type/id/_history/version, with or without the base and the version
    path = location.split("/_history/", 1)[0].rsplit("/", 2)
    return Written(status, path[-2], path[-1]) if len(path) > 1 else Written(status)


# --- bodies -----------------------------------------------------------------------------------


def read(body: bytes) -> Body | None:
    """A FHIR resource; None when the body is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and "resourceType" in value else None


def errors(outcome: Body | None) -> str:
    """What an OperationOutcome says went wrong; "" when it is none or names no error.

    The first issue may be a warning even in a refusal: all are read.
    """
    if outcome is None or outcome.get("resourceType") != "OperationOutcome":
        return ""
    issues = [issue for issue in _list(outcome, "issue") if isinstance(issue, dict)]
    words = [_words(issue) for issue in issues if issue.get("severity") in ("error", "fatal")]
    return "; ".join(words)[:LONGEST_DETAIL]


def _words(issue: Body) -> str:
    details = issue.get("details")
    text = details.get("text", "") if isinstance(details, dict) else ""
    said = str(issue.get("diagnostics") or text or "no words")
    places = _list(issue, "expression") or _list(issue, "location")
    where = f" at {', '.join(map(str, places))}" if places else ""
    return f"{issue.get('code', 'error')}: {said}{where}"


def _list(value: Body, key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []
