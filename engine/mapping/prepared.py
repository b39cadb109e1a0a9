"""A mapped message ready for its destination: every entry serialised, little left to decide.

What a destination needs beyond that are the resources that a server may hold in another form:
what the message states in part, and what it shares with others. All else is bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from engine.fhir import bundle
from engine.fhir.bundle import Body, Entry, Stated, Writable
from engine.mapping.result import Knows, Mapped

#: ``write`` for a destination that holds nothing to merge with, such as a file.
BLIND = "blind"


class Prepared(NamedTuple):
    """What a message has become, for one way to write."""

    #: each resource as it is written when the destination does not hold it
    entries: tuple[Entry, ...] = ()
    #: by their places among the entries: what may have to be merged, or need not be sent
    open: Mapping[int, Stated] = {}
    #: how many issues of each severity mapping has met
    issues: Mapping[str, int] = {}
    #: codes that no row of their table means, each once: (table, code, text)
    unmapped: tuple[tuple[str, str, str], ...] = ()
    hold: str | None = None
    reject: str | None = None
    #: how long mapping took
    seconds: float = 0.0

    def packed(self) -> tuple[Any, ...]:
        """The same of plain values, for another process."""
        stated = [
            (place, one.text, one.criterion, one.knows, one.removed, one.uuid, one.assumed)
            for place, one in self.open.items()
        ]
        entries = [tuple(entry) for entry in self.entries]
        return (entries, stated, dict(self.issues), *self[3:])

    @classmethod
    def unpacked(cls, values: tuple[Any, ...]) -> Prepared:
        """What ``packed`` has packed."""
        entries, stated, *rest = values
        return cls(
            tuple([Entry._make(entry) for entry in entries]),
            {place: Stated(*one) for place, *one in stated},
            *rest,
        )


def prepare(mapped: Mapped, write: str) -> Prepared:
    """Make ready what goes to a destination that is written in this way."""
    issues = Counter([issue.severity.value for issue in mapped.issues])
    unmapped = tuple(dict.fromkeys(mapped.unmapped))
    if mapped.hold is not None or mapped.reject is not None:
        return Prepared((), {}, issues, unmapped, mapped.hold, mapped.reject)
    items = bundle.gathered(mapped.resources)
    merges = write in ("upsert", "own-ids")
    places = [n for n, item in enumerate(items) if item.knows != Knows.WHOLE] if merges else []
    entries = _entries(items, set(places), write)
    stated = {place: _stated(items[place]) for place in places}
    return Prepared(entries, stated, issues, unmapped)


def _entries(items: Sequence[Writable], open_: set[int], write: str) -> tuple[Entry, ...]:
    made = [
        _absent(item, write) if place in open_ else bundle.entry(item, _way(write))
        for place, item in enumerate(items)
    ]
    return tuple([bundle.serialised(entry) for entry in made])


def _absent(item: Writable, write: str) -> Body:
    """What was read, and is not there."""
    if item.criterion and write == "upsert":
        # Not a conditional update: two of these at once make two resources (HAPI 8.8).
        return bundle.create(item)
    return bundle.entry(item, write)


def _way(write: str) -> str:
    return "upsert" if write == BLIND else write


def _stated(item: Writable) -> Stated:
    text = orjson.dumps(item.body)
    knows = str(item.knows)
    return Stated(text, item.criterion, knows, item.removed, item.uuid, item.assumed)
