"""The primitive conversions, by name: what compiled mappings and their functions call.

Each takes decoded texts and gives a FHIR value, None for an empty text, or raises Unconvertible.
"""

from __future__ import annotations

from engine.mapping.attachments import content_type, encoded, pointer, sniffed
from engine.mapping.contacts import contact, contact_system, contact_use, contact_value
from engine.mapping.dates import date, date_time, instant, period, time
from engine.mapping.quantities import (
    COMPARATORS,
    ReferenceRange,
    Structured,
    boolean,
    decimal,
    digits,
    integer,
    numeric_range,
    positive_int,
    reference_range,
    sampled_data,
    structured_numeric,
    unsigned_int,
)
from engine.mapping.text import person_name, plain_text
from engine.mapping.timing import duration, related_event, repeat_pattern, times_of_day
from engine.mapping.unconvertible import Unconvertible

__all__ = [
    "COMPARATORS",
    "ReferenceRange",
    "Structured",
    "Unconvertible",
    "boolean",
    "contact",
    "contact_system",
    "contact_use",
    "contact_value",
    "content_type",
    "date",
    "date_time",
    "decimal",
    "digits",
    "duration",
    "encoded",
    "instant",
    "integer",
    "numeric_range",
    "period",
    "person_name",
    "plain_text",
    "pointer",
    "positive_int",
    "reference_range",
    "related_event",
    "repeat_pattern",
    "sampled_data",
    "sniffed",
    "structured_numeric",
    "time",
    "times_of_day",
    "unsigned_int",
]
