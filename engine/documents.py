"""YAML as text with places: every scalar as it was written, every key where it stands.

YAML 1.1 reads ``NO`` as False, ``0123`` as 83 and ``12:30`` as 750; a mapping of codes cannot
afford that, so nothing is read as anything but text, and only a plain null is "nothing".
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

from engine.errors import ConfigurationError, Place, Problem

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
#: Far beyond any configuration, and long before the memory or the stack ends.
_DEEPEST, _MOST = 100, 100_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one reads ten times faster


@dataclass(slots=True)
class Node:
    """A value of a document, with its place."""

    place: Place
    kind: str  # "text", "null", "list" or "map"
    text: str = ""
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)


def load_document(text: str, file: str) -> Node:
    """Read one YAML document; an empty one is a map without keys.

    Raises:
        ConfigurationError: a syntax error, or every key that stands twice.

    """
    node, problems = read_document(text, file)
    if problems or node is None:
        raise ConfigurationError(problems)
    return node


def read_document(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """As much of a document as can be read, and what is wrong with it."""
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as cause:
        return None, [_syntax(cause, file)]
    except RecursionError:
        return None, [Problem(Place(file, 1, 1), "this is nested too deep")]
    if root is None:
        return Node(Place(file, 1, 1), "map"), []
    reader = _Reader(file)
    try:
        return reader.read(root, 1), reader.problems
    except ConfigurationError as error:
        return None, [*reader.problems, *error.problems]


def _syntax(cause: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(cause, "problem_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    what = getattr(cause, "problem", None) or "not YAML"
    return Problem(place, f"this is not YAML: {what}")


class _Reader:
    """Turns the nodes of one YAML file into ours."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._made = 0
        self.problems: list[Problem] = []

    def read(self, node: yaml.Node, depth: int) -> Node:
        place = self._place(node)
        self._made += 1
        # An alias is a copy here: aliases of aliases could make a small file fill the memory.
        if depth > _DEEPEST or self._made > _MOST:
            what = "this is nested too deep" if depth > _DEEPEST else "aliases repeat too much"
            raise ConfigurationError([Problem(place, what)])
        if isinstance(node, yaml.ScalarNode):
            if not node.style and node.value in _NULLS:
                return Node(place, "null")
            return Node(place, "text", text=node.value)
        if isinstance(node, yaml.SequenceNode):
            return Node(place, "list", items=[self.read(item, depth + 1) for item in node.value])
        return self._map(node, depth)

    def _map(self, node: yaml.Node, depth: int) -> Node:
        made = Node(self._place(node), "map")
        for key, value in node.value:
            where = self._place(key)
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name:
                self._tell(where, "a key must be a word")
            elif name in made.entries:
                self._tell(where, f"the key '{name}' stands here a second time", "keep one of them")
            else:
                made.entries[name] = self.read(value, depth + 1)
                made.keys[name] = where
        return made

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _tell(self, place: Place, what: str, instead: str | None = None) -> None:
        self.problems.append(Problem(place, what, instead))


def texts(node: Node) -> Iterator[str]:
    """Every text of a document, wherever it stands."""
    if node.kind == "text":
        yield node.text
    for item in (*node.items, *node.entries.values()):
        yield from texts(item)


def suggest(word: str, choices: Iterable[str]) -> str | None:
    """The nearest choice, as advice to print; None when nothing is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean '{by_lower[near[0]]}'?" if near else None
