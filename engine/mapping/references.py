"""Logical references to what the message itself holds become literal ones.

OBR-29 names a parent order by its number, TXA-13 a parent document. Where a resource of the same
message bears that identifier, and only one, the reference leads to it; the identifier stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.mapping.made import Body, Made

#: Where maps write logical references, by the resource that holds them.
_HOLDERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ServiceRequest": (("basedOn",), ("replaces",), ("supportingInfo",)),
    "MedicationRequest": (("basedOn",), ("priorPrescription",)),
    "MedicationDispense": (("authorizingPrescription",),),
    "DocumentReference": (("relatesTo", "target"), ("context", "related")),
    "Appointment": (("supportingInformation",),),
}


def make_literal(made: list[Made]) -> None:
    """Lead each logical reference to the one resource that bears its identifier."""
    for holder in made:
        for path in _HOLDERS.get(holder.body["resourceType"], ()):
            for reference in _at(holder.body, path):
                if "identifier" in reference and "reference" not in reference:
                    _lead(reference, holder, made)
            _once(holder.body, path)


def _lead(reference: Body, holder: Made, made: list[Made]) -> None:
    meant = [
        other
        for other in made
        if other is not holder
        and other.body["resourceType"] == reference.get("type")
        and _bears(other.body, reference["identifier"])
    ]
    if len(meant) == 1:
        reference["reference"] = meant[0].reference["reference"]


def _once(node: Any, path: tuple[str, ...]) -> None:
    """A parent that is named by its placer's and by its filler's number is one reference."""
    for step in path[:-1]:
        node = node.get(step, {}) if isinstance(node, dict) else {}
    items = node.get(path[-1]) if isinstance(node, dict) else None
    if not isinstance(items, list) or len(items) < 2:
        return
    seen: set[str] = set()
    kept = []
    for item in items:
        target = item.get("reference", "")
        if not target or target not in seen:
            kept.append(item)
        seen.add(target)
    node[path[-1]] = kept


def _at(node: Any, path: tuple[str, ...]) -> Iterator[Body]:
    if isinstance(node, list):
        for item in node:
            yield from _at(item, path)
    elif not path:
        yield node
    elif path[0] in node:
        yield from _at(node[path[0]], path[1:])


def _bears(body: Body, wanted: Body) -> bool:
    identifiers = list(body.get("identifier", ()))
    if "masterIdentifier" in body:
        identifiers.append(body["masterIdentifier"])
    return any(_same(identifier, wanted) for identifier in identifiers)


def _same(one: Body, other: Body) -> bool:
    """Whether two identifiers are one: a system or a kind that only one of them has agrees."""
    return (
        one.get("value") == other.get("value") is not None
        and _agree(one.get("system"), other.get("system"))
        and _agree(_kind(one), _kind(other))
    )


def _agree(one: Any, other: Any) -> bool:
    return one is None or other is None or one == other


def _kind(identifier: Body) -> str | None:
    codings = identifier.get("type", {}).get("coding", ())
    return codings[0].get("code") if codings else None
