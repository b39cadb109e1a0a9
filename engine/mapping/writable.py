"""Resources that JSON can hold: what it cannot is left out, and told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from engine.mapping.result import Issue, Mapped, Resource, Severity


def writable(mapped: Mapped) -> Mapped:
    """The same without values that no JSON holds, each with an issue.

    Such as a number beyond 64 bits, or an object that a site's function has made.
    """
    issues: list[Issue] = []
    resources = [_written(resource, issues) for resource in mapped.resources]
    return replace(mapped, resources=resources, issues=[*mapped.issues, *issues])


def _written(resource: Resource, issues: list[Issue]) -> Resource:
    lost: list[str] = []
    body = _held(resource.body, "", lost)
    if not lost:
        return resource
    kind = resource.body["resourceType"]
    issues += [
        Issue(Severity.ERROR, "a value that JSON cannot hold", resource.origin, kind + path)
        for path in lost
    ]
    return replace(resource, body=body)


def _held(value: Any, path: str, lost: list[str]) -> Any:
    """What JSON can hold of a value; None when that is nothing."""
    match value:
        case dict():
            made = {key: _held(item, f"{path}.{key}", lost) for key, item in _named(value)}
            return {key: item for key, item in made.items() if item is not None} or None
        case list():
            items = [_held(item, path, lost) for item in value]
            return [item for item in items if item is not None] or None
        case _ if _is_writable(value):
            return value
        case _:
            lost.append(path)
            return None


def _named(value: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    return ((str(key), item) for key, item in value.items())


def _is_writable(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
