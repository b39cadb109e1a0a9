"""A conversion that remembers: each FHIR value keeps the field it came from, and its rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.mapping.runtime import Body, Run, Shared

#: Segment index, field, repetition, component, subcomponent; 0 means all of them.
Position = tuple[int, int, int, int, int]


class Traced:
    """A FHIR value with the positions that it came from."""

    __slots__ = ("rule", "sources", "table", "value")

    def __init__(self, value: Any, sources: tuple[Position, ...], rule: str, table: str) -> None:
        self.value = value
        self.sources = sources
        self.rule = rule
        self.table = table


@dataclass(frozen=True, slots=True)
class Origin:
    """One element of one resource, and where its value came from."""

    uuid: str
    type: str
    path: str
    sources: tuple[Position, ...]
    rule: str
    table: str


class TracingRun(Run):
    """A run for functions that were compiled with ``trace``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.repeated: list[Any] = []

    def t(self, value: Any, rule: str, table: str, *sources: Position) -> Any:
        """The value with its sources; parts that have their own keep them."""
        if value is None or isinstance(value, Traced):
            return value
        if isinstance(value, dict):
            if "reference" in value:
                return value
            return {key: self.t(item, rule, table, *sources) for key, item in value.items()}
        if isinstance(value, list):
            return [self.t(item, rule, table, *sources) for item in value]
        return Traced(value, sources, rule, table)

    def down(self, at: Position, component: int, subcomponent: int) -> Position:
        """The position of a part of what stands at a position."""
        index, number, repetition, whole, _ = at
        if whole:
            return (index, number, repetition, whole, component)
        return (index, number, repetition, component, subcomponent)

    def first(self, at: Position) -> Position:
        """The position of the first part of what stands at a position."""
        index, number, repetition, component, subcomponent = at
        return (index, number, repetition, component or 1, subcomponent or 1)

    def said(self, value: Any, raw: str, at: Position) -> list[Position]:
        """Of a structured argument of a function, the parts that the function's text says."""
        index, number, repetition, component, subcomponent = at
        separator = self.S if component else self.C
        if subcomponent or separator not in raw or not isinstance(value, str):
            return [at]
        found: list[Position] = []
        for part, text in enumerate(raw.split(self.R, 1)[0].split(separator), 1):
            where: Position = (
                index,
                number,
                repetition,
                component or part,
                part if component else 0,
            )
            if not component and self.S in text:
                found += self.said(value, text, where)
            elif text and self.clean(text) in value:
                found.append(where)
        return found

    def plain(self, value: Any) -> Any:
        """A value without its sources."""
        if isinstance(value, Traced):
            return value.value
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item) for item in value]
        return value

    def append(self, holder: Body, key: str, value: Any) -> None:
        """Append to a list element; what is there already is only counted as mapped."""
        items = holder.setdefault(key, [])
        plain = self.plain(value)
        if any(self.plain(item) == plain for item in items):
            self.repeated.append(value)
        else:
            items.append(value)

    def share(self, shared: Shared) -> Body:
        """Take in a resource made from a field; one that is there already only counts."""
        known = self.shared.get(shared.uuid)
        if known is not None and known is not shared:
            self.repeated.append(shared.body)
        return super().share(shared)

    def settle(self) -> list[tuple[int, Any, str, Traced]]:
        """Take the traces out of all bodies, in place: (kind, owner, path, trace)."""
        found: list[tuple[int, Any, str, Traced]] = []
        for made in self.made:
            found += [(0, made, path, trace) for path, trace in _unwrap(made.body, "")]
        for shared in self.shared.values():
            found += [(1, shared, path, trace) for path, trace in _unwrap(shared.body, "")]
        for value in self.repeated:
            holder = {"": value}
            found += [(2, None, path, trace) for path, trace in _unwrap(holder, "")]
        return found


def _unwrap(holder: Any, path: str) -> Iterator[tuple[str, Traced]]:
    items: list[tuple[Any, Any]] = (
        list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
    )
    for key, value in items:
        where = f"{path}[{key}]" if isinstance(holder, list) else f"{path}.{key}" if path else key
        if isinstance(value, Traced):
            holder[key] = value.value
            yield where, value
        elif isinstance(value, dict | list):
            yield from _unwrap(value, where)
