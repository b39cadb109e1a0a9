"""The way of each value, as rows: FHIR elements with their origin, fields with what they became."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from engine.hl7v2 import dictionary
from engine.hl7v2.message import Message
from engine.mapping.explain import Explained, Leaf
from engine.mapping.trace import Origin, Position

#: Names of elements that say nothing of a message.
_FRAME = frozenset({"resourceType", "id"})


@dataclass(frozen=True, slots=True)
class ElementRow:
    """One element of one resource."""

    #: Observation[1]: the second one of the Bundle
    resource: str
    name: str
    path: str
    value: str
    #: fields that it came from; none for what a rule says itself
    sources: tuple[str, ...]
    #: "" for what R4 requires and no rule gave
    rule: str
    #: the rule of a datatype map, or the map, that it came through
    through: str
    table: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One populated value of the message."""

    field: str
    name: str
    value: str
    fate: str
    elements: tuple[str, ...]
    why: str


def where(message: Message, position: Position) -> str:
    """A position as a path: PID-3[2].4."""
    index, number, repetition, component, subcomponent = position
    segment = message.segments[index]
    if segment.odd:
        return f"line {index + 1}"
    text = segment.name if segment.sequence == 1 else f"{segment.name}({segment.sequence})"
    text += f"-{number}" + (f"[{repetition}]" if repetition > 1 else "")
    text += f".{component}" if component else ""
    return text + (f".{subcomponent}" if subcomponent > 1 else "")


def elements(explained: Explained, message: Message) -> Iterator[ElementRow]:
    """Every element of every resource, in the order of the Bundle."""
    names = _names(explained)
    known: dict[tuple[str, str], Origin] = {}
    for made in (*explained.origins, *explained.constants):
        if made.type:
            known.setdefault((made.uuid, made.path), made)
    by_uuid: dict[str, dict[tuple[str, str], Origin]] = {}
    for slot, made in known.items():
        by_uuid.setdefault(slot[0], {})[slot] = made
    links = {(link.uuid, link.path): link for link in explained.links()}
    for resource in explained.mapped.resources:
        own = by_uuid.get(resource.uuid, {})
        for path, value in _leaves(resource.body, ""):
            if path in _FRAME:
                continue
            origin = known.get((resource.uuid, path)) or _link(links, resource.uuid, path)
            beside = origin or _beside(own, path)
            told = names.get(str(value).removeprefix("urn:uuid:"))
            yield ElementRow(
                resource=names[resource.uuid],
                name=origin.type if origin is not None else "",
                path=path,
                value=f"-> {told}" if told else _text(value),
                sources=tuple(where(message, source) for source in origin.sources)
                if origin is not None
                else (),
                rule=beside.rule if beside is not None else "",
                through=origin.through if origin is not None else "",
                table=origin.table if origin is not None else "",
            )


def fields(explained: Explained, message: Message) -> Iterator[FieldRow]:
    """Every populated value, in the order of the message."""
    names = _names(explained)
    issues: dict[tuple[str, int, int | None], str] = {}
    for issue in explained.mapped.issues:
        if issue.at is not None:
            key = (issue.at.segment, issue.at.sequence, issue.at.field)
            issues.setdefault(key, f"{issue.what} ({issue.rule})")
    for leaf in explained.leaves:
        became = (f"{names.get(o.uuid, o.type)}.{o.path}" for o in leaf.elements)
        why = leaf.why
        if leaf.fate == "reported":
            why = issues.get((leaf.segment, leaf.sequence, leaf.position[1]), why)
        yield FieldRow(
            where(message, leaf.position), _name(leaf), leaf.value, leaf.fate,
            tuple(became), why,
        )  # fmt: skip


def _names(explained: Explained) -> dict[str, str]:
    """Each resource by its type and number, as `test` calls it too."""
    counts: dict[str, int] = {}
    names = {}
    for resource in explained.mapped.resources:
        kind = resource.body["resourceType"]
        number = counts[kind] = counts.get(kind, -1) + 1
        names[resource.uuid] = f"{kind}[{number}]"
    return names


def _link(links: dict[tuple[str, str], Origin], uuid: str, path: str) -> Origin | None:
    """The link that a reference stands in: of one element, or of all of a list."""
    holder = path.removesuffix(".reference")
    return links.get((uuid, holder)) or links.get((uuid, holder.rpartition("[")[0]))


def _beside(own: dict[tuple[str, str], Origin], path: str) -> Origin | None:
    """Whose rule wrote what stands beside: the URL of an extension, a reference to an author."""
    holder = path.rpartition(".")[0]
    found = (
        origin for (_, other), origin in own.items() if holder and other.startswith(holder)
    )  # fmt: skip
    return next(found, None)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _name(leaf: Leaf) -> str:
    found = dictionary.field(leaf.segment, leaf.position[1])
    return found.name if found is not None else ""
