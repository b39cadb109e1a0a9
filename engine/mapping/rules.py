"""The rules of one map: YAML nodes to bodies, and a feed's changes by address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from engine.documents import Node, suggest
from engine.errors import ConfigurationError, Place
from engine.mapping.expressions import parse_value
from engine.mapping.grammar import Source, Value
from engine.mapping.model import Block, Body, Each, Filled, Leaf, Make, Rule, Several, When
from engine.mapping.sentences import parse_condition_tree

_STEP = re.compile(r"\$value|extension\([^)]*\)|[A-Za-z]\w*")

Note = Callable[[Place | None, str, str | None], None]


class RuleReader:
    """Reads rules and notes what is wrong with them."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def rules(self, name: str, node: Node) -> dict[str, Rule]:
        """The rules under one ``rules:``; the key of each is its element."""
        return self.overlaid(name, {}, node)

    def overlaid(
        self, name: str, base: Mapping[str, Rule], node: Node, skip: tuple[str, ...] = ()
    ) -> dict[str, Rule]:
        """Rules with a feed's changes: a new value replaces, null removes, ``+`` adds."""
        if node.kind != "map":
            self._note(node.place, f"the rules of {name} are elements and values", None)
            return dict(base)
        rules = dict(base)
        for key, item in node.entries.items():
            if key not in skip:
                self._change(name, rules, key, item, node.keys[key])
        return rules

    def _change(
        self, name: str, rules: dict[str, Rule], key: str, node: Node, place: Place
    ) -> None:
        element = key.removeprefix("+")
        address = f"{name}.{element}"
        if ".".join(_STEP.findall(element)) != element:
            self._note(place, f"'{element}' is not an element", "write it like period.start")
            return
        if node.kind == "null":
            if rules.pop(element, None) is None:
                self._note(place, f"there is no rule {address} to remove", suggest(element, rules))
            return
        body = self.body(node)
        if body is None:
            return
        old = rules.get(element) if key.startswith("+") else None
        if key.startswith("+") and old is None:
            advice = suggest(element, rules) or "without the + it is a rule of its own"
            self._note(place, f"there is no rule {address} to add to", advice)
            return
        if old is not None:
            first = old.body.items if isinstance(old.body, Several) else (old.body,)
            second = body.items if isinstance(body, Several) else (body,)
            body = Several((*first, *second), old.place)
        rules[element] = Rule(address, element, body, place)

    def body(self, node: Node) -> Body | None:
        """The body that a node says, or None with the problem noted."""
        if node.kind == "text":
            value = self._value(node)
            return None if value is None else Leaf(value, node.place)
        if node.kind == "list":
            items = [self.body(item) for item in node.items]
            return Several(tuple(item for item in items if item is not None), node.place)
        if node.kind == "map":
            return self._map(node)
        self._note(node.place, "a value is missing here", "null removes a rule, at the top only")
        return None

    def _value(self, node: Node) -> Value | None:
        try:
            return parse_value(node.text, node.place)
        except ConfigurationError as error:
            for problem in error.problems:
                self._note(problem.place, problem.what, problem.instead)
            return None

    def _map(self, node: Node) -> Body | None:
        entries = dict(node.entries)
        when, each = entries.pop("when", None), entries.pop("each", None)
        body = self._plain(node, entries)
        if body is not None and each is not None:
            value = self._value(each)
            if not isinstance(value, Source) or len(value.choices) != 1:
                self._note(each.place, "'each' needs one path", "write it like each: PID-26")
                return None
            body = Each(value.choices[0], body, node.place)  # type: ignore[arg-type]
        if body is not None and when is not None:
            try:
                body = When(parse_condition_tree(when.text, when.place), body, node.place)
            except ConfigurationError as error:
                for problem in error.problems:
                    self._note(problem.place, problem.what, problem.instead)
        return body

    def _plain(self, node: Node, entries: dict[str, Node]) -> Body | None:
        if "is" in entries:
            extra = [key for key in entries if key != "is"]
            for key in extra:
                self._note(node.keys[key], f"'{key}' cannot stand beside 'is'", _beside(node, key))
            return self.body(entries["is"])
        if "from" in entries:
            return self._filled(node, entries)
        if "make" in entries:
            made = entries.pop("make").text
            return Make(made, self._block(node, entries), node.place)
        return self._block(node, entries)

    def _filled(self, node: Node, entries: dict[str, Node]) -> Body | None:
        source = self._value(entries.pop("from"))
        over, under = entries.pop("with", None), entries.pop("default", None)
        for key in entries:
            self._note(node.keys[key], f"'{key}' cannot stand beside 'from'", "put it under with:")
        if source is None:
            return None
        return Filled(
            source,
            self._layer(over) if over else None,
            self._layer(under) if under else None,
            node.place,
        )

    def _layer(self, node: Node) -> Block | Leaf | None:
        """Elements to lay over or under a value: a block, or another value of the same type."""
        if node.kind == "text":
            value = self._value(node)
            return None if value is None else Leaf(value, node.place)
        return self._block(node, dict(node.entries))

    def _block(self, node: Node, entries: dict[str, Node]) -> Block:
        fields: list[tuple[str, Body]] = []
        for key, item in entries.items():
            body = self.body(item)
            if body is not None:
                fields.append(self.nested(key, body, node.keys.get(key, item.place)))
        return Block(merged(fields), node.place)

    def nested(self, key: str, body: Body, place: Place) -> tuple[str, Body]:
        """A dotted key as blocks inside each other: ``a.b: x`` is ``a: {b: x}``."""
        steps = _STEP.findall(key)
        if not steps or ".".join(steps) != key:
            self._note(place, f"'{key}' is not an element", "write it like period.start")
            return key, body
        for step in reversed(steps[1:]):
            body = Block(((step, body),), place)
        return steps[0], body


def _beside(node: Node, key: str) -> str:
    if node.entries[key].kind == "null":
        return "a comma inside { } splits the text: write this rule as a block"
    return "use from: with with: or default: to lay elements over a value"


def merged(fields: list[tuple[str, Body]]) -> tuple[tuple[str, Body], ...]:
    """Blocks of one element written apart (``a.b`` and ``a.c``) as one block."""
    found: dict[tuple[str, bool], Body] = {}
    for key, body in fields:
        # extensions on a primitive stand beside its value: they are no alternative to it
        slot = (key, _extends(body))
        old = found.get(slot)
        if isinstance(old, Block) and isinstance(body, Block):
            found[slot] = Block(merged([*old.fields, *body.fields]), old.place)
        elif old is not None:
            first = old.items if isinstance(old, Several) else (old,)
            second = body.items if isinstance(body, Several) else (body,)
            found[slot] = Several((*first, *second), body.place)
        else:
            found[slot] = body
    return tuple((key, body) for (key, _), body in found.items())


def _extends(body: Body) -> bool:
    return isinstance(body, Block) and all(key.startswith("extension(") for key, _ in body.fields)
