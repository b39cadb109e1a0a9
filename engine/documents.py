"""YAML as text with places: every scalar as it was written, every key where it stands.

YAML 1.1 reads ``NO`` as False, ``0123`` as 83 and ``12:30`` as 750; a mapping of codes cannot
afford that, so nothing is read as anything but text, and only a plain null is "nothing".
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from engine.errors import ConfigurationError, Place, Problem

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
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
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as cause:
        raise ConfigurationError([_syntax(cause, file)]) from cause
    if root is None:
        return Node(Place(file, 1, 1), "map")
    problems: list[Problem] = []
    node = _read(root, file, problems)
    if problems:
        raise ConfigurationError(problems)
    return node


def _syntax(cause: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(cause, "problem_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    what = getattr(cause, "problem", None) or "not YAML"
    return Problem(place, f"this is not YAML: {what}")


def _read(node: yaml.Node, file: str, problems: list[Problem]) -> Node:
    place = Place(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.ScalarNode):
        if not node.style and node.value in _NULLS:  # plain: None, or "" by the C loader
            return Node(place, "null")
        return Node(place, "text", text=node.value)
    if isinstance(node, yaml.SequenceNode):
        return Node(place, "list", items=[_read(item, file, problems) for item in node.value])
    made = Node(place, "map")
    for key, value in node.value:
        where = Place(file, key.start_mark.line + 1, key.start_mark.column + 1)
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not name:
            problems.append(Problem(where, "a key must be a word"))
        elif name in made.entries:
            problems.append(Problem(where, f"the key '{name}' stands here a second time"))
        else:
            made.entries[name] = _read(value, file, problems)
            made.keys[name] = where
    return made


def suggest(word: str, choices: Iterable[str]) -> str | None:
    """The nearest choice, as advice to print; None when nothing is near."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else None
