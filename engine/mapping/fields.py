"""The fields of a message as rules read them: what stands nearest, its parts, decoded."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from engine.hl7v2.escape import unescape
from engine.hl7v2.message import Message
from engine.mapping.groups import Scope, alike
from engine.mapping.places import FEW, Places


@lru_cache(maxsize=4)
def _pads(width: int) -> list[list[str]]:
    """What a segment of so many fields lacks."""
    return [[""] * (width - count) for count in range(width)]


class Fields:
    """One message, each segment with its place among the groups."""

    def __init__(self, message: Message, scopes: list[Scope], width: int) -> None:
        self.message = message
        self.scopes = scopes
        delimiters = message.delimiters
        self.C = delimiters.component or "\x00"
        self.R = delimiters.repetition or "\x00"
        self.S = delimiters.subcomponent or "\x00"
        self.E = delimiters.escape or "\x00"
        self._pads = _pads(width)
        self.pad = self._pads[0]
        self._near: dict[int, dict[Any, Any]] = {}
        self._nearest: dict[tuple[str, int], int | None] = {}
        self._places: dict[str, tuple[list[int], Places | None]] = {}
        self._has: dict[tuple[str, int], bool] = {}
        self._nulls = '""' in message.text
        self._fields: list[list[str] | None] = [None] * len(message.segments)
        self.nulls: dict[int, list[int]] = {}

    # ------------------------------------------------------------ fields

    def fields(self, index: int) -> list[str]:
        """The raw fields of a segment, padded, and without ``""`` (which deletes)."""
        fields = self._fields[index]
        if fields is None:
            own = self.message.segments[index].fields
            pads = self._pads
            fields = own + (pads[len(own)] if len(own) < len(pads) else [])
            if self._nulls and '""' in self.message.segments[index].text:
                fields = self._without_nulls(index, fields)
            self._fields[index] = fields
        return fields

    def _without_nulls(self, index: int, fields: list[str]) -> list[str]:
        deleted = [number for number, value in enumerate(fields) if value == '""']
        if deleted:
            self.nulls[index] = deleted
        return [self._without_null(value) if '""' in value else value for value in fields]

    def _without_null(self, value: str) -> str:
        if self.R in value:
            return self.R.join(self._without_null(item) for item in value.split(self.R))
        parts = [
            self.S.join("" if sub == '""' else sub for sub in part.split(self.S))
            for part in value.split(self.C)
        ]
        return self.C.join(parts)

    def around(self, index: int) -> dict[Any, Any]:
        """What is known where a segment stands: the nearest by name, and what rules make of them.

        See once.py for the latter.
        """
        place = id(self.scopes[index])
        found = self._near.get(place)
        if found is None:
            found = self._near[place] = {}
        return found

    def near(self, name: str, index: int) -> list[str]:
        """The fields of the segment of that name that belongs nearest to this one."""
        around = self.around(index)
        fields: list[str] | None = around.get(name)
        if fields is None:
            found = self.nearest(name, index)
            fields = around[name] = self.pad if found is None else self.fields(found)
        return fields

    def nearest(self, name: str, index: int) -> int | None:
        """The index of that segment, or None."""
        slot = (name, id(self.scopes[index]))
        if slot not in self._nearest:
            self._nearest[slot] = self._search(name, index)
        return self._nearest[slot]

    def _search(self, name: str, index: int) -> int | None:
        scope, best, best_score = self.scopes[index], None, -1
        for candidate in self._about(name, scope):
            score = alike(scope, self.scopes[candidate])
            later = score == best_score and candidate <= index
            if score >= 0 and (score > best_score or later):
                best, best_score = candidate, score
        return best

    def positions(self, name: str) -> list[int]:
        """The indexes of all segments of that name."""
        return [segment.index for segment in self.message.all(name)]

    def _about(self, name: str, scope: Scope) -> list[int]:
        """The indexes of the segments of that name that may share the groups of a scope."""
        found = self._places.get(name)
        if found is None:
            positions = self.positions(name)
            scopes = [self.scopes[position] for position in positions]
            found = self._places[name] = positions, Places(scopes) if len(scopes) > FEW else None
        positions, places = found
        if places is None:
            return positions
        return [positions[number] for number in places.about(scope)]

    def has(self, name: str, index: int) -> bool:
        """Whether a segment of that name stands in the same groups as this one."""
        scope = self.scopes[index]
        slot = (name, id(scope))
        found = self._has.get(slot)
        if found is None:
            found = self._has[slot] = any(
                all(not mine or mine == theirs for mine, theirs in zip(scope, other, strict=True))
                for other in (self.scopes[position] for position in self._about(name, scope))
            )
        return found

    def every(self, name: str, index: int, number: int, part: int, sub: int) -> list[str]:
        """The decoded values of a field in all repetitions, and all segments in these groups."""
        own = self.message.segments[index].name == name
        indexes = [index] if own else [
            position
            for position in self._about(name, self.scopes[index])
            if alike(self.scopes[index], self.scopes[position]) >= 0
        ]  # fmt: skip
        values = []
        for position in indexes:
            raw = self.fields(position)[number]
            values += [self.value(item, part, sub) for item in raw.split(self.R)]
        return [value for value in values if value]

    # ------------------------------------------------------------ values

    def value(self, raw: str, part: int = 1, sub: int = 1) -> str:
        """One subcomponent of a repetition, decoded."""
        return self.head(self.part(self.part(raw, part, self.C), sub, self.S))

    def part(self, raw: str, number: int, separator: str) -> str:
        """One part of a text that a separator divides; "" when there are fewer."""
        if separator not in raw:
            return raw if number == 1 else ""
        parts = raw.split(separator)
        return parts[number - 1] if number <= len(parts) else ""

    def nth(self, raw: str, number: int) -> str:
        """One repetition."""
        return self.part(raw, number, self.R)

    def picked(self, raw: str, test: Callable[[Any, str], bool]) -> str:
        """The first repetition that meets a predicate, or ""."""
        return next(iter(self.pick(raw, test)), "")

    def count(self, raw: str) -> int:
        """How many repetitions are valued."""
        return sum(1 for item in raw.split(self.R) if item)

    def listed(self, value: Any) -> Any:
        """A value of a function as the list of values that it is."""
        return value if isinstance(value, list) else (value,)

    def pick(self, raw: str, test: Callable[[Any, str], bool]) -> list[str]:
        """The repetitions that meet a predicate."""
        return [item for item in raw.split(self.R) if item and test(self, item)]

    def head(self, raw: str) -> str:
        """The first subcomponent of the first component of the first repetition, decoded."""
        if raw.isalnum():
            return raw
        if self.R in raw:
            raw = raw.split(self.R, 1)[0]
        if self.C in raw:
            raw = raw.split(self.C, 1)[0]
        if self.S in raw:
            raw = raw.split(self.S, 1)[0]
        return self.clean(raw)

    def clean(self, raw: str) -> str:
        """A subcomponent decoded, without the blanks and control characters FHIR forbids."""
        if self.E in raw:
            raw = unescape(raw, self.message.delimiters, self.message.charset)
        raw = raw.strip()
        if not raw.isprintable():
            raw = "".join(c for c in raw if c >= " " or c in "\n\r\t")
        return raw

    def text(self, raw: str) -> str | None:
        """Free text: repetitions are lines, and a stray separator in it is only a character."""
        if self.R in raw:
            raw = "\n".join(raw.split(self.R))
        return self.clean(raw) or None
