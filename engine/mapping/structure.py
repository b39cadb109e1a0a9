"""Groups and keys as they are written: ``groups.yaml`` and ``identity.yaml``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from engine.documents import Node, suggest
from engine.mapping.expressions import parse_value
from engine.mapping.folders import Problems, text_of, texts_of
from engine.mapping.grammar import Ref, Source, Value
from engine.mapping.groups import Group, Groups
from engine.mapping.language import MessageCondition, parse_condition
from engine.mapping.model import (
    Key,
)


class StructureReader:
    """Reads which segments belong together, and what makes two resources the same one."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def groups(self, node: Node | None) -> Groups:
        """The groups of ``groups.yaml``."""
        if node is None:
            return Groups(())
        self.problems.keys(node, ("groups", "attached"), ("groups",))
        kinds = []
        entries = node.entries["groups"].entries
        for name, item in entries.items():
            self.problems.keys(item, ("opens", "closes", "leads"), ("opens",))
            ranks = tuple(tuple(text.split()) for text in texts_of(item.entries.get("opens")))
            closes = texts_of(item.entries.get("closes"))
            for closed in closes:
                if closed not in entries:
                    self.problems.add(item.place, f"no group '{closed}'", suggest(closed, entries))
            known = tuple(closed for closed in closes if closed in entries)
            kinds.append(Group(name, ranks, known, texts_of(item.entries.get("leads"))))
        return Groups(tuple(kinds), frozenset(texts_of(node.entries.get("attached"))))

    def keys(self, node: Node | None) -> dict[str, Key]:
        """The key table of ``identity.yaml``, or of a feed's ``identity:``."""
        return {name: self._key(name, item) for name, item in node.entries.items()} if node else {}

    def _key(self, name: str, node: Node) -> Key:
        self.problems.keys(node, ("knows", "match", "prefer", "keys", "assumed"), ("knows",))
        knows = text_of(node.entries.get("knows"))
        kinds = ("part", "whole", "shared")
        if knows not in kinds and "knows" in node.entries:
            place = node.entries["knows"].place
            self.problems.add(
                place, f"'{knows}' is not part, whole or shared", suggest(knows, kinds)
            )
        keys_node = node.entries.get("keys")
        lists = keys_node.items if keys_node is not None and keys_node.kind == "list" else []
        return Key(
            resource=name,
            knows=knows,
            by_identifier=text_of(node.entries.get("match")) == "identifier",
            prefer=texts_of(node.entries.get("prefer")),
            keys=tuple(tuple(self._atom(item) for item in line.items) for line in lists),
            assumed=self._assumed(node.entries.get("assumed")),
        )

    def _assumed(self, node: Node | None) -> tuple[tuple[str, MessageCondition], ...]:
        if node is None:
            return ()
        read = {
            element: self.problems.guard(partial(parse_condition, item.text, item.place), None)
            for element, item in node.entries.items()
        }
        return tuple((element, condition) for element, condition in read.items() if condition)

    def _atom(self, node: Node) -> str | Value:
        if node.text.rstrip("?") in ("patient", "visit", "order", "message", "channel", "set"):
            return node.text
        text = node.text.removesuffix("?")
        value = self.problems.guard(lambda: parse_value(text, node.place), None)
        if value is None:
            return ""
        first = value.choices[0] if isinstance(value, Source) else None
        if isinstance(first, Ref) and not first.segment:
            advice = f"write it like {first.datatype or 'PID'}-{first.component or 1}"
            self.problems.add(node.place, f"'{text}' is not a path", advice)
        if isinstance(value, Source) and text != node.text:
            return replace(value, table="?")
        return value
