"""Tests that stand beside a mapping: a message, and the Bundle that it should become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One element that is not as it should be; "" where it is missing on that side."""

    path: str
    expected: str
    received: str

    def __str__(self) -> str:
        if not self.expected:
            return f"{self.path}\n  + {self.received}"
        if not self.received:
            return f"{self.path}\n  - {self.expected}"
        return f"{self.path}\n  - {self.expected}\n  + {self.received}"


@dataclass(frozen=True)
class _Entry:
    """One entry of a Bundle, under a name that a person can follow: ``Observation[2]``."""

    name: str
    type: str
    url: str
    resource: Body
    request: Body


Pair = tuple[_Entry | None, _Entry | None]


def differences(expected: Body, received: Body) -> list[Difference]:
    """How two Bundles differ, element by element: ``Observation[2].valueQuantity.value``.

    A resource is compared with the one of the same fullUrl, else with the next of its type that
    has no partner; one without a partner is told as a whole. References are told by the name of
    what they lead to, so that a new id does not show in every resource that refers to it.
    """
    left, right = _entries(expected), _entries(received)
    pairs = _pairs(left, right)
    theirs = {new.url: old.name for old, new in pairs if old and new}
    before = {entry.url: f"-> {entry.name}" for entry in left}
    after = {entry.url: f"-> {theirs.get(entry.url, entry.name)}" for entry in right}
    found: list[Difference] = []
    for old, new in pairs:
        if old is not None and new is not None:
            found += _between(old, new, before, after)
        else:
            found.append(_whole(old, new))
    if not found and [entry.url for entry in left] != [entry.url for entry in right]:
        orders = (", ".join(urls[entry.url][3:] for entry in side)
                  for side, urls in ((left, before), (right, after)))  # fmt: skip
        found.append(Difference("order of entries", *orders))
    return found


def _entries(bundle: Body) -> list[_Entry]:
    counts: dict[str, int] = {}
    found = []
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource", {})
        kind = resource.get("resourceType", "?")
        number = counts[kind] = counts.get(kind, -1) + 1
        url, request = entry.get("fullUrl", ""), entry.get("request", {})
        found.append(_Entry(f"{kind}[{number}]", kind, url, resource, request))
    return found


def _pairs(left: list[_Entry], right: list[_Entry]) -> list[Pair]:
    """Entries that are compared with each other, in the order of the left side."""
    rest = {entry.url: entry for entry in right}
    pairs: list[Pair] = [(entry, rest.pop(entry.url, None)) for entry in left]
    for number, (old, new) in enumerate(pairs):
        if old is not None and new is None:
            like = next((url for url, entry in rest.items() if entry.type == old.type), "")
            pairs[number] = (old, rest.pop(like, None))
    return [*pairs, *((None, entry) for entry in rest.values())]


def _whole(old: _Entry | None, new: _Entry | None) -> Difference:
    """A resource that only one side has, in one line."""
    entry = old or new
    assert entry is not None
    said = _walk({**entry.resource, "resourceType": {}, "id": {}}, "", {})
    values = [value for _, value in said]
    text = f"a {entry.type} of {', '.join(values[:4])} …"
    return Difference(entry.name, text if old else "", text if new else "")


def _between(
    old: _Entry, new: _Entry, before: dict[str, str], after: dict[str, str]
) -> Iterator[Difference]:
    left, right = dict(_leaves(old, before)), dict(_leaves(new, after))
    for path in [*left, *(path for path in right if path not in left)]:
        if left.get(path) != right.get(path):
            yield Difference(f"{old.name}.{path}", left.get(path, ""), right.get(path, ""))


def _leaves(entry: _Entry, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "fullUrl", repr(entry.url)
    yield from _walk(entry.resource, "", names)
    yield from _walk(entry.request, "request", names)


def _walk(value: Any, path: str, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path else key, names)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{path}[{number}]", names)
    else:
        yield path, names.get(value, repr(value)) if isinstance(value, str) else repr(value)
