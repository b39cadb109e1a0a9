"""What a feed has begun to send: segments, fields and codes that were never seen before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.hl7v2 import dictionary
from engine.hl7v2.message import Message
from engine.mapping.explain import populated

#: Codes of one field: more than this is no code system but free text, and is not told.
CODES_AT_MOST = 200

_CODED = frozenset({"ID", "IS", "CWE", "CE", "CNE", "CF"})
#: What looks like a code; anything else in its place may be somebody's words.
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:/-]{0,19}")


@dataclass(slots=True)
class Seen:
    """Which segments, fields and codes messages had."""

    messages: int = 0
    segments: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    #: field -> its codes
    codes: dict[str, set[str]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """Take in what one message has."""
        self.messages += 1
        for (_, number, _, component, subcomponent), segment, value in populated(message):
            path = f"{segment.label}-{number}"
            self.segments.add(segment.label)
            self.fields.add(path)
            if component == subcomponent == 1 and _coded(segment.label, number):
                self._code(path, value)

    def _code(self, path: str, value: str) -> None:
        codes = self.codes.setdefault(path, set())
        if len(codes) <= CODES_AT_MOST and _CODE.fullmatch(value):
            codes.add(value)

    def plain(self) -> dict[str, Any]:
        """As JSON has it, to be a baseline later."""
        return {
            "messages": self.messages,
            "segments": sorted(self.segments),
            "fields": sorted(self.fields),
            "codes": {path: sorted(codes) for path, codes in sorted(self.codes.items()) if codes},
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Seen:
        """What an earlier run had seen.

        Raises:
            KeyError: this is not what ``plain`` gave.
            TypeError: neither.

        """
        codes = {path: set(values) for path, values in plain["codes"].items()}
        return cls(plain["messages"], set(plain["segments"]), set(plain["fields"]), codes)


@dataclass(frozen=True, slots=True)
class News:
    """What is there now and was not before."""

    #: how many messages "before" was: without any, nothing can be called new
    before: int
    segments: tuple[str, ...]
    #: fields of segments that are not new themselves
    fields: tuple[str, ...]
    #: codes of fields that are not new themselves
    codes: tuple[tuple[str, str], ...]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        codes: dict[str, list[str]] = {}
        for path, code in self.codes:
            codes.setdefault(path, []).append(code)
        told = {"segments": list(self.segments), "fields": list(self.fields), "codes": codes}
        return {"before": self.before, **told}


def news(before: Seen, now: Seen) -> News:
    """Each thing that is new once: a field of a new segment is not told beside it."""
    segments = now.segments - before.segments
    fields = {path for path in now.fields - before.fields if path.partition("-")[0] not in segments}
    codes = [
        (path, code)
        for path, found in sorted(now.codes.items())
        if path in before.fields and len(before.codes.get(path, ())) <= CODES_AT_MOST
        for code in sorted(found - before.codes.get(path, set()))
    ]
    return News(
        before.messages, tuple(sorted(segments)), tuple(sorted(fields, key=_order)), tuple(codes)
    )


def _order(path: str) -> tuple[str, int]:
    segment, _, number = path.partition("-")
    return segment, int(number)


@lru_cache(maxsize=4096)  # a sender may number its fields as it likes
def _coded(segment: str, number: int) -> bool:
    found = dictionary.field(segment, number)
    return found is not None and found.type in _CODED
