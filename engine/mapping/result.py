"""What mapping a message yields: resources, issues, and whether the message must wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from engine.errors import Location


class Knows(StrEnum):
    """How much of a resource one message states, which decides how it is written."""

    PART = "part"  # Patient, Encounter: read, merge, write with If-Match
    WHOLE = "whole"  # a result: written as the message states it
    SHARED = "shared"  # Practitioner, Organization: created when absent, never by two lanes


class Severity(StrEnum):
    """OperationOutcome.issue.severity, without fatal: a message is mapped as far as it can be."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Context:
    """What mapping needs to know that the message does not say."""

    timezone: tzinfo
    received_at: datetime
    channel: str = "convert"
    #: path of a field -> the system of an identifier there that names none
    assigner: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Resource:
    """One FHIR resource, with what its destination needs to write it."""

    body: dict[str, Any]
    #: search text that finds it on a server, e.g. ``identifier=urn:oid:1.2|42``; empty: none
    criterion: str
    knows: Knows
    #: names of elements that the sender deletes with ``""``
    removed: tuple[str, ...]
    origin: Location
    #: the UUID of this resource: ``urn:uuid:<uuid>`` is its fullUrl and what references say
    uuid: str
    #: names of elements that the message only infers: they replace nothing that is known
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about a message that could not be mapped as it stands; quotes no value."""

    severity: Severity
    what: str
    at: Location | None
    rule: str = ""


@dataclass(slots=True)
class Mapped:
    """The deterministic result of one message under one mapping."""

    resources: list[Resource]
    issues: list[Issue]
    #: the reason why the message must be held for a person, or None
    hold: str | None = None
    #: the reason why it must not be delivered at all, or None
    reject: str | None = None
    #: codes that no row of their table means: (table, code, text), as often as they were met
    unmapped: list[tuple[str, str, str]] = field(default_factory=list)
