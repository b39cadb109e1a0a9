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
    bearers: Bearers | None = None
    for holder in made:
        for path in _HOLDERS.get(holder.body["resourceType"], ()):
            if path[0] not in holder.body:
                continue
            for reference in _at(holder.body, path):
                if "identifier" in reference and "reference" not in reference:
                    bearers = bearers or _bearers(made)
                    _lead(reference, holder, bearers)
            _once(holder.body, path)


#: type and value of an identifier -> the resources that bear it
Bearers = dict[tuple[str, str], list[tuple[Made, Body]]]


def _bearers(made: list[Made]) -> Bearers:
    found: Bearers = {}
    for one in made:
        identifiers = list(one.body.get("identifier", ()))
        if "masterIdentifier" in one.body:
            identifiers.append(one.body["masterIdentifier"])
        for identifier in identifiers:
            if isinstance(identifier, dict) and "value" in identifier:
                key = (one.body["resourceType"], identifier["value"])
                found.setdefault(key, []).append((one, identifier))
    return found


def _lead(reference: Body, holder: Made, bearers: Bearers) -> None:
    wanted = reference["identifier"]
    key = (reference.get("type", ""), wanted.get("value", ""))
    meant = {
        id(one): one
        for one, identifier in bearers.get(key, ())
        if one is not holder and _same(identifier, wanted)
    }
    if len(meant) == 1:
        (one,) = meant.values()
        reference["reference"] = one.reference["reference"]


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


def _same(one: Body, other: Body) -> bool:
    """Whether two identifiers of one value are one: what only one of them names agrees."""
    return _agree(one.get("system"), other.get("system")) and _agree(_kind(one), _kind(other))


def _agree(one: Any, other: Any) -> bool:
    return one is None or other is None or one == other


def _kind(identifier: Body) -> str | None:
    codings = identifier.get("type", {}).get("coding", ())
    return codings[0].get("code") if codings else None
