"""Every key on one page, for people: made from the keys themselves."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.engine_keys import AuthKind
from engine.config.keys import DestinationKind
from engine.config.kinds import Block, Key, Kind, ListOf, MapOf
from engine.config.values import Scalar


def reference(block: Block, title: str) -> str:
    """The keys of a file as Markdown, nested ones by their whole path."""
    rows = [f"# {title}", "", "| key | what it says | default | example |", "|---|---|---|---|"]
    return "\n".join([*rows, *_rows(block, "")]) + "\n"


def _rows(block: Block, prefix: str) -> Iterator[str]:
    for key in block.keys:
        name = prefix + key.name
        if key.built:
            yield f"| `{name}` | {_doc(key)} | {_default(key)} | {_code(key.example)} |"
            for inner, path in _inner(key.kind, name):
                yield from _rows(inner, path)


def _inner(kind: Kind, name: str) -> Iterator[tuple[Block, str]]:
    match kind:
        case Block():
            yield kind, f"{name}."
        case AuthKind():
            yield kind.block, f"{name}."
        case MapOf(inner):
            yield from _inner(inner, f"{name}.NAME")
        case ListOf(DestinationKind() as destination):
            for which, block in destination.kinds.items():
                yield block, f"{name}[{which}]."
        case _:
            return


def _doc(key: Key) -> str:
    wanted = ""
    if isinstance(key.kind, Scalar) and "enum" in key.kind.shape:
        wanted = f": {', '.join(key.kind.shape['enum'])}"
    return f"{key.doc}{wanted}".replace("|", "\\|")


def _default(key: Key) -> str:
    return "required" if key.required else _code(key.default)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
