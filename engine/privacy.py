"""What must not stand in a log line, whoever wrote it there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from structlog.typing import EventDict

#: Keys that could only carry what a message says. Whoever logs one has made a mistake, which
#: must not become a leak: the value is taken out, and the line says so.
FORBIDDEN = frozenset(
    {
        *("raw", "payload", "frame", "body", "bundle", "resource", "resources", "content"),
        *("text", "value", "values", "field", "fields", "segment", "segments", "hl7", "fhir"),
        *("patient", "patient_id", "mrn", "name", "given", "family", "birthdate", "birth_date"),
        *("address", "telecom", "phone", "ssn", "identifier", "identifiers", "criterion"),
        *("order", "order_number", "accession", "visit", "lane", "lanes", "control_id"),
        *("detail", "diagnostics", "outcome_text"),  # a server's words may quote what it was sent
        *("secret", "password", "token", "authorization", "headers"),
    }
)
REMOVED = "(removed: never in a log)"

#: No text of ours is longer; a message would be.
LONGEST = 500

#: What a message or a resource looks like when it got into a text, say through an exception.
_TRACE = re.compile(r'MSH\||\r|"resourceType"|[\x0b\x1c]')
_PLAIN = frozenset({int, float, bool, type(None)})


class PrivacyFilter:
    """Takes out what must not stand in a log, at any level and any depth."""

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:  # noqa: ARG002 - structlog's signature
        """Look at every key and value of a line."""
        for key, value in event.items():
            event[key] = _clean(key, value)
        return event


def _clean(key: str, value: Any) -> Any:
    if key.lower() in FORBIDDEN:
        return REMOVED
    kind = type(value)
    if kind is str:
        return _clean_text(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, str):  # a StrEnum
        return _clean_text(str(value))
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    # Bytes are a message's; and the representation of an object holds all that it holds.
    return REMOVED if isinstance(value, bytes | bytearray | memoryview) else type(value).__name__


def _clean_text(value: str) -> str:
    if _TRACE.search(value):
        return REMOVED
    return value if len(value) <= LONGEST else value[:LONGEST] + "..."
