"""Tests that stand beside a mapping: a message, and the Bundle that it should become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


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


def differences(expected: dict[str, Any], received: dict[str, Any]) -> list[Difference]:
    """How two Bundles differ, element by element, under names that a person can follow.

    Entries are compared in their order; a resource is called by its type and number:
    ``Observation[2].valueQuantity.value``.
    """
    left, right = dict(leaves(expected)), dict(leaves(received))
    paths = [*left, *(path for path in right if path not in left)]
    return [
        Difference(path, left.get(path, ""), right.get(path, ""))
        for path in paths
        if left.get(path) != right.get(path)
    ]


def leaves(bundle: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every element of a Bundle that has a value, with its path."""
    counts: dict[str, int] = {}
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource", {})
        kind = resource.get("resourceType", "?")
        number = counts[kind] = counts.get(kind, -1) + 1
        yield from _walk(resource, f"{kind}[{number}]")
        yield from _walk(entry.get("request", {}), f"{kind}[{number}].request")


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{path}[{number}]")
    else:
        yield path, repr(value)
