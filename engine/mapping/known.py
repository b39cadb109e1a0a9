"""What the standard, or a feed, knows of a path: for conditions and lists that no type checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.documents import suggest
from engine.hl7v2 import dictionary
from engine.mapping.grammar import Ref

Unknown = tuple[str, str | None]

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
#: What a suggestion is looked for in, beside the segments that a feed declares.
_USUAL = [
    "MSH", "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "MRG", "ORC", "OBR", "OBX", "NTE", "SPM",
    "TQ1", "AL1", "DG1", "PR1", "GT1", "IN1", "IN2", "ACC", "ROL", "SCH", "AIS", "AIL", "AIP",
    "RXA", "RXE", "RXO", "RXR", "TXA", "FT1", "PRT",
]  # fmt: skip


def is_name(text: str) -> bool:
    """Whether a segment may be called so."""
    return _SEGMENT.fullmatch(text) is not None


def unknown_segment(name: str, declared: Iterable[str] = ()) -> Unknown | None:
    """Why there is no such segment, and which may be meant; sites name theirs Z and two more."""
    there = list(declared)
    if name in there or (is_name(name) and name.startswith("Z")):
        return None
    near = suggest(name, [*there, *_USUAL])
    if not is_name(name):
        return f"'{name}' is no name of a segment", near or "write it like ZAU"
    if dictionary.is_segment(name):
        return None
    return f"no version of HL7 v2 has a segment {name}", near


def unknown_field(
    segment: str, number: int, declared: Mapping[str, Mapping[int, object]]
) -> Unknown | None:
    """Why a segment has no such field, and what may be done."""
    if number in declared.get(segment, {}) or dictionary.field(segment, number) is not None:
        return None
    count = dictionary.field_count(segment)
    near = f"{segment} has {count} fields" if count else (
        f"declare it: segments: {{{segment}: {{{number}: {{name: …, type: …}}}}}}"
    )  # fmt: skip
    return f"{segment}-{number} is not known", near


def unknown_path(segment: str, number: int, component: int | None) -> Unknown | None:
    """Why no message can hold such a path, as far as the standard says; Z-segments may be any."""
    missing = unknown_segment(segment)
    if missing is not None or segment.startswith("Z"):
        return missing
    missing = unknown_field(segment, number, {})
    if missing is not None:
        return missing
    found = dictionary.field(segment, number)
    if found is None or found.type == dictionary.VARIES or not component:
        return None
    parts = len(dictionary.components(found.type))
    if component <= max(parts, 1):
        return None
    said = f"{found.type} has {parts or 'no'} components"
    return f"{segment}-{number}.{component} is not known", said


def unknown(ref: Ref) -> Unknown | None:
    """The same of a reference."""
    return unknown_path(ref.segment, ref.field or 1, ref.component)
