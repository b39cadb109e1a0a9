"""What a FHIR server's answer means for a delivery: HTTP status and OperationOutcome to a verdict.

R4 3.1.0 and what servers really do: only an OperationOutcome about the Bundle makes a dead
letter; everything that is the server's own trouble keeps the message in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivered:
    """The server has it."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now; ``after`` is what Retry-After asks for, in seconds."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """The server will never take this message; its words are kept."""

    detail: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A person must look at it."""

    detail: str


@dataclass(frozen=True, slots=True)
class Down:
    """The fault is the server's, or of how it is reached: nothing is said about the message."""

    reason: str


Verdict = Delivered | Retry | Dead | Hold | Down

_AGAIN = frozenset({408, 409, 425, 429})
_ABOUT_THE_BUNDLE = frozenset({400, 404, 422})
_FATAL = frozenset({"error", "fatal"})


def classify(status: int, body: Any, retry_after: float | None = None) -> Verdict:
    """The verdict of an answer to a transaction; ``body`` is its parsed JSON, or None."""
    if 200 <= status < 300:
        return _entries(body)
    if status in _AGAIN or status >= 500:
        return Retry(f"HTTP {status}{_said(body)}", retry_after)
    if status == 412:
        return Hold(f"HTTP 412{_said(body)}")
    if status in _ABOUT_THE_BUNDLE and refuses(body):
        return Dead(f"HTTP {status}{_said(body)}")
    return Down(f"HTTP {status}{_said(body)}")


def refuses(body: Any) -> bool:
    """Whether a body is an OperationOutcome with an error; its first issue may be a warning."""
    return is_outcome(body) and any(
        issue.get("severity") in _FATAL for issue in body.get("issue", ())
    )


def is_outcome(body: Any) -> bool:
    """Whether a body is an OperationOutcome."""
    return isinstance(body, Mapping) and body.get("resourceType") == "OperationOutcome"


def words(body: Any) -> str:
    """What an OperationOutcome says of errors, or all of it when there is none."""
    issues = list(body.get("issue", ())) if is_outcome(body) else []
    grave = [issue for issue in issues if issue.get("severity") in _FATAL] or issues
    texts = [
        str(
            issue.get("diagnostics")
            or issue.get("details", {}).get("text")
            or issue.get("code", "")
        )
        for issue in grave
    ]
    return "; ".join(text for text in texts if text)[:2000]


def _said(body: Any) -> str:
    text = words(body)
    return f": {text}" if text else ""


def _entries(body: Any) -> Verdict:
    """Read each entry of a transaction-response: one that failed decides."""
    if not isinstance(body, Mapping) or body.get("resourceType") != "Bundle":
        return Down("the answer is not a Bundle: this is no FHIR base URL")
    for entry in body.get("entry", ()):
        response = entry.get("response", {})
        code = str(response.get("status", ""))[:3]
        if code.isdigit() and not 200 <= int(code) < 300:
            return classify(int(code), response.get("outcome"))
    return Delivered()
