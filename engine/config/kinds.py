"""Values that are made of others: lists, names and values, conditions, blocks of known keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from engine.config.values import Fail
from engine.documents import Node, suggest
from engine.errors import ConfigurationError
from engine.mapping.known import unknown
from engine.mapping.language import parse_condition


class Kind(Protocol):
    """One kind of value."""

    def read(self, node: Node, fail: Fail) -> Any:
        """The value, or None with the problem reported."""

    def schema(self) -> dict[str, Any]:
        """What an editor may offer and complain about."""


class ConditionKind:
    """A condition over a message."""

    def read(self, node: Node, fail: Fail) -> Any:
        """Parse the sentence."""
        if node.kind != "text":
            fail(node.place, "expected a condition here", "write it like: MSH-9.1 is ORU")
            return None
        try:
            condition = parse_condition(node.text, node.place)
        except ConfigurationError as error:
            for problem in error.problems:
                fail(problem.place or node.place, problem.what, problem.instead)
            return None
        for ref in condition.refs:
            missing = unknown(ref)
            if missing is not None:
                fail(ref.place or node.place, *missing)
        return condition

    def schema(self) -> dict[str, Any]:
        """A sentence."""
        return {"type": "string"}


@dataclass(frozen=True)
class ListOf:
    """A list of one kind; a single value is a list of one."""

    kind: Kind

    def read(self, node: Node, fail: Fail) -> tuple[Any, ...]:
        """Read each item; those that do not fit are told and left out."""
        items = node.items if node.kind == "list" else [node]
        return tuple(value for item in items if (value := self.kind.read(item, fail)) is not None)

    def schema(self) -> dict[str, Any]:
        """An array, or one item."""
        one = self.kind.schema()
        return {"anyOf": [{"type": "array", "items": one}, one]}


@dataclass(frozen=True)
class MapOf:
    """Names, and values of one kind."""

    kind: Kind
    name: Kind | None = None

    def read(self, node: Node, fail: Fail) -> dict[str, Any] | None:
        """Read each name and value; those that do not fit are told and left out."""
        if node.kind != "map":
            fail(node.place, "expected names and values here", None)
            return None
        values: dict[str, Any] = {}
        for key, item in node.entries.items():
            name = Node(node.keys[key], "text", text=key)
            known = self.name is None or self.name.read(name, fail) is not None
            value = self.kind.read(item, fail)
            if known and value is not None:
                values[key] = value
        return values

    def schema(self) -> dict[str, Any]:
        """An object with any names."""
        return {"type": "object", "additionalProperties": self.kind.schema()}


@dataclass(frozen=True)
class NotBuilt:
    """A key that has a meaning and no code yet: refused, for nothing is accepted without effect."""

    what: str

    def read(self, node: Node, fail: Fail) -> None:
        """Refuse it."""
        fail(node.place, f"{self.what} is not built yet", "leave the key out")

    def schema(self) -> dict[str, Any]:
        """Nothing fits."""
        return {"not": {}}


@dataclass(frozen=True)
class Key:
    """One key of a block: the only definition, for reading, checking, schema and reference.

    ``default`` is what is written when the key is left out, in the words of the file; "" where
    there is none to write. ``attribute`` is the name of the value when it is not the key's own.
    """

    name: str
    kind: Kind
    doc: str
    default: str = ""
    example: str = ""
    required: bool = False
    attribute: str = ""

    @property
    def built(self) -> bool:
        """Whether the key has an effect."""
        return not isinstance(self.kind, NotBuilt)

    def schema(self) -> dict[str, Any]:
        """What an editor shows for the key."""
        made: dict[str, Any] = {**self.kind.schema(), "description": self.doc}
        if self.default:
            made["default"] = self.default
        if self.example:
            made["examples"] = [self.example]
        return made


@dataclass(frozen=True)
class Block:
    """A block of known keys, made into a value by ``make`` from what was written."""

    keys: tuple[Key, ...]
    make: Callable[..., Any]

    def read(self, node: Node, fail: Fail) -> Any:
        """Read every key; None when a required one is missing or does not fit."""
        if node.kind != "map":
            fail(node.place, "expected keys and values here", self._names())
            return None
        written = self._written(node, fail)
        values: dict[str, Any] = {}
        complete = True
        for key in self.keys:
            item = written.get(key.name)
            if item is None or item.kind == "null":
                if key.required:
                    place = item.place if item else node.place
                    fail(place, f"missing key '{key.name}'", _advice(key))
                    complete = False
                continue
            value = key.kind.read(item, fail)
            if value is not None:
                values[key.attribute or key.name] = value
            elif key.required:
                complete = False
        return self.make(**values) if complete else None

    def _written(self, node: Node, fail: Fail) -> dict[str, Node]:
        """What was written, by key; on-dead and on_dead are one key."""
        known = {key.name: key for key in self.keys}
        written: dict[str, Node] = {}
        for name, item in node.entries.items():
            key = known.get(name) or known.get(name.replace("-", "_"))
            if key is None:
                advice = suggest(name, known) or self._names()
                fail(node.keys[name], f"unknown key '{name}'", advice)
            elif key.name in written:
                fail(node.keys[name], f"the key '{name}' stands here a second time", None)
            else:
                written[key.name] = item
        return written

    def _names(self) -> str:
        return f"there are: {', '.join(key.name for key in self.keys if key.built)}"

    def schema(self) -> dict[str, Any]:
        """An object with just these properties."""
        required = [key.name for key in self.keys if key.required]
        made: dict[str, Any] = {
            "type": "object",
            "properties": {key.name: key.schema() for key in self.keys},
            "additionalProperties": False,
        }
        return {**made, "required": required} if required else made


def _advice(key: Key) -> str:
    return f"{key.doc}, like {key.name}: {key.example}" if key.example else key.doc
