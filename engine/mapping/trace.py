"""A conversion that remembers: each FHIR value keeps the field it came from, and its rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.mapping.made import LONG, Body, Shared
from engine.mapping.runtime import Run

#: Segment index, field, repetition, component, subcomponent; 0 means all of them.
Position = tuple[int, int, int, int, int]


class Traced:
    """A FHIR value with the positions that it came from."""

    __slots__ = ("constant", "final", "rule", "sources", "table", "through", "value")

    def __init__(self, value: Any, sources: tuple[Position, ...], rule: str, table: str) -> None:
        self.value = value
        self.sources = sources
        #: the rule that wrote it; while it goes up through datatype maps, the innermost of theirs
        self.rule = rule
        #: the rule of a datatype map that it came through, "" when there was none
        self.through = ""
        self.table = table
        #: whether the rule says it, and not the message
        self.constant = False
        #: whether a segment's rule has taken it in: further ones only meet it again
        self.final = False

    def under(self, rule: str, final: bool) -> None:
        """A rule further out took this value in."""
        if self.final:
            return
        self.final = final
        if self.rule and not self.through and self.rule != rule:
            self.through = self.rule
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Origin:
    """One element of one resource, and where its value came from."""

    uuid: str
    type: str
    path: str
    sources: tuple[Position, ...]
    rule: str
    table: str
    #: the rule of the datatype map that made it, where that is another one
    through: str = ""
    #: whether the rule says it, and not the message
    constant: bool = False


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

    def constant(self, value: Any, rule: str) -> Any:
        """What a rule says by itself, with the rule; no message changes it."""
        if isinstance(value, dict):
            return {key: self.constant(item, rule) for key, item in value.items()}
        if isinstance(value, list):
            return [self.constant(item, rule) for item in value]
        made = Traced(value, (), rule, "")
        made.constant = True
        return made

    def under(self, value: Any, rule: str, final: bool) -> Any:
        """The value, with the rule that took it from a datatype map; it may be a resource.

        ``final``: the rule is a segment's, and nothing is further out.
        """
        if isinstance(value, Traced):
            value.under(rule, final)
        elif isinstance(value, dict):
            shared = self.shared.get(str(value.get("reference", "")).removeprefix("urn:uuid:"))
            for item in (*value.values(), *(shared.body.values() if shared is not None else ())):
                self.under(item, rule, final)
        elif isinstance(value, list):
            for item in value:
                self.under(item, rule, final)
        return value

    def within(self, body: Any, name: str) -> Any:
        """The body of a resource that another map of the segment describes, with its name."""
        if isinstance(body, Traced):
            body.through = name
        elif isinstance(body, dict | list):
            for item in body.values() if isinstance(body, dict) else body:
                self.within(item, name)
        return body

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
        if len(items) >= LONG:
            repeated = self.lists(items, value)
        else:
            plain = self.plain(value)
            repeated = any(self.plain(item) == plain for item in items)
        if repeated:
            self.repeated.append(value)
        else:
            items.append(value)

    def repeat(self, value: Any) -> None:
        """Count a value as mapped that is there already."""
        self.repeated.append(value)

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


def path_to(tree: Any, wanted: Any, path: str = "") -> str | None:
    """Where an object stands in a tree, by identity."""
    if tree is wanted:
        return path
    items: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        items = [(f"{path}.{key}" if path else key, item) for key, item in tree.items()]
    elif isinstance(tree, list):
        items = [(f"{path}[{number}]", item) for number, item in enumerate(tree)]
    found = (path_to(item, wanted, where) for where, item in items)
    return next((where for where in found if where is not None), None)


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
