"""What every reader of a folder of mappings needs: files, nodes, and problems noted on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from engine.documents import Node, suggest
from engine.errors import ConfigurationError, Place, Problem

NOT_UTF8 = ("the file is not UTF-8", "save it as UTF-8")

#: What a key that is missing may look like.
EXAMPLES = {
    "mapping": "such as mapping: north-lab",
    "type": "such as type: ST",
    "name": "such as name: fasting status",
    "knows": "knows: part, whole or shared",
}

T = TypeVar("T")


class Folder(Protocol):
    """What is needed of a folder: pathlib.Path and importlib.resources both have it."""

    @property
    def name(self) -> str:
        """Its last part."""

    def iterdir(self) -> Iterable[Folder]:
        """What is inside."""

    def is_file(self) -> bool:
        """Whether it is a file."""

    def is_dir(self) -> bool:
        """Whether it is a folder."""

    def read_text(self, encoding: str) -> str:
        """The text of a file."""

    def joinpath(self, child: str, /) -> Folder:
        """Something inside."""


@dataclass
class Problems:
    """Problems collected while reading goes on."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place | None, what: str, instead: str | None = None) -> None:
        """Note one problem."""
        self.found.append(Problem(place, what, instead))

    def guard(self, read: Callable[[], T], otherwise: T) -> T:
        """What ``read`` gives, or ``otherwise`` with its problems noted."""
        try:
            return read()
        except ConfigurationError as error:
            self.found.extend(error.problems)
            return otherwise

    def keys(self, node: Node, known: Iterable[str], required: Iterable[str] = ()) -> None:
        """Note the keys of a map that are not known, and those that are missing."""
        known = list(known)
        if node.kind != "map":
            self.add(node.place, "expected keys and values here")
            return
        for key, place in node.keys.items():
            if key not in known:
                self.add(place, f"unknown key '{key}'", suggest(key, known))
        for key in required:
            if key not in node.entries:
                self.add(node.place, f"missing key '{key}'", EXAMPLES.get(key))

    def raise_any(self) -> None:
        """End here when there are problems."""
        if self.found:
            raise ConfigurationError(self.found)


def files(folder: Folder, suffix: str) -> list[Folder]:
    """The files of a folder with this suffix, by name; none when it is absent."""
    if not folder.is_dir():
        return []
    found = [item for item in folder.iterdir() if item.is_file() and item.name.endswith(suffix)]
    return sorted(found, key=lambda item: item.name)


def text_of(node: Node | None, default: str = "") -> str:
    """The text of a node, or the default where there is none."""
    return node.text if node is not None and node.kind == "text" else default


def texts_of(node: Node | None) -> tuple[str, ...]:
    """The texts of a list, or of a text alone."""
    if node is None or node.kind == "null":
        return ()
    if node.kind == "list":
        return tuple(item.text for item in node.items if item.kind == "text")
    return (node.text,)
