"""How much of a feed becomes FHIR, and what of it does not: field by field."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from engine.mapping.explain import Explained

FATES = ("mapped", "repeated", "ignored", "reported", "unmapped")


@dataclass(slots=True)
class FieldCount:
    """One field or component, with how often each fate befell it."""

    fates: Counter[str] = field(default_factory=Counter)
    #: in how many messages it had that fate somewhere
    messages: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Coverage:
    """Totals over many messages."""

    messages: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    fields: dict[str, FieldCount] = field(default_factory=dict)
    segments: dict[str, Counter[str]] = field(default_factory=dict)
    types: Counter[str] = field(default_factory=Counter)
    issues: Counter[str] = field(default_factory=Counter)

    def add(self, explained: Explained, message_type: str) -> None:
        """Count one message."""
        self.messages += 1
        self.types[message_type] += 1
        seen: set[tuple[str, str]] = set()
        for leaf in explained.leaves:
            _, number, _, component, subcomponent = leaf.position
            path = f"{leaf.segment}-{number}"
            if component > 1 or subcomponent > 1:
                path += f".{component}" + (f".{subcomponent}" if subcomponent > 1 else "")
            count = self.fields.setdefault(path, FieldCount())
            count.fates[leaf.fate] += 1
            count.messages[leaf.fate] += (path, leaf.fate) not in seen
            seen.add((path, leaf.fate))
            self.fates[leaf.fate] += 1
            self.segments.setdefault(leaf.segment, Counter())[leaf.fate] += 1
        for issue in explained.mapped.issues:
            self.issues[f"{issue.rule}: {issue.what}" if issue.rule else issue.what] += 1

    @property
    def total(self) -> int:
        """Every populated value."""
        return sum(self.fates.values())

    def share(self, fate: str) -> float:
        """The share of a fate, 0 to 1."""
        return self.fates[fate] / self.total if self.total else 0.0

    def left(self, fate: str = "unmapped") -> list[tuple[str, FieldCount]]:
        """Fields that had this fate, the most frequent first."""
        found = [item for item in self.fields.items() if item[1].fates[fate]]
        return sorted(found, key=lambda item: (-item[1].fates[fate], item[0]))

    def plain(self) -> dict[str, Any]:
        """The totals as JSON has them; no value of a message is in them."""
        return {
            "messages": self.messages,
            "types": dict(self.types.most_common()),
            "values": self.total,
            "share": {fate: round(self.share(fate), 4) for fate in FATES},
            "segments": {name: dict(fates) for name, fates in sorted(self.segments.items())},
            "unmapped": {path: count.fates["unmapped"] for path, count in self.left()},
            "reported": {path: count.fates["reported"] for path, count in self.left("reported")},
            "issues": dict(self.issues.most_common()),
        }
