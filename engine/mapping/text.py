"""Names and free text as one string."""

from __future__ import annotations

import re
from collections.abc import Sequence

# what FHIR strings cannot hold (R4, string): control characters but tab, line feed, return
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LINE_ENDS = re.compile(r"\r\n?")


def plain_text(text: str) -> str:
    """Free text (TX, FT) whose escapes are decoded, as FHIR holds it: LF ends a line."""
    if text.isprintable():
        return text.strip()
    text = _LINE_ENDS.sub("\n", _FORBIDDEN.sub("", text))
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def person_name(parts: Sequence[str], order: str = "") -> str | None:
    """A name in one line, of the parts of an XPN from XPN.1 on (family, given, …).

    Table 0444 says the order: G (and by default) prefix, given, middle, family; F prefix, family,
    middle, given. Suffix and degrees follow.
    """
    family, given, middle, suffix, prefix, degree = (_part(parts, n) for n in range(6))
    middle_of = [middle, given] if order == "F" else [given, middle]
    names = [family, *middle_of] if order == "F" else [*middle_of, family]
    professional = _part(parts, 13)
    return " ".join(p for p in (prefix, *names, suffix, degree, professional) if p) or None


def _part(parts: Sequence[str], place: int) -> str:
    return parts[place].strip() if place < len(parts) else ""
