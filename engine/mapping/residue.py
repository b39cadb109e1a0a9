"""``unmapped: extension``: what no rule reads, kept on the resource that its segment made.

Each field without a FHIR home becomes one extension, named by its field; its value is the text,
or one part per component. A line that is no segment is one extension, too. Nothing else of the
message is kept in this way.
"""

from __future__ import annotations

from typing import Any

from engine.hl7v2.message import Message
from engine.mapping.explain import Explained, Leaf, TracingMapping
from engine.mapping.result import Context, Mapped
from engine.mapping.text import plain_text

#: The URL of the extension of PID-32 is ``urn:mllp-engine:field:PID-32``.
FIELD = "urn:mllp-engine:field:"
#: The URL of a line that is no segment.
STRAY = "urn:mllp-engine:line"

Body = dict[str, Any]


class KeepingMapping(TracingMapping):
    """A mapping that keeps unmapped fields as extensions."""

    def convert(self, message: Message, context: Context) -> Mapped:
        """Map a message, and keep what the rules leave behind."""
        explained = self.explain(message, context)
        keep(explained)
        return explained.mapped


def keep(explained: Explained) -> None:
    """Add the extensions to the resources of a message."""
    bodies = {resource.uuid: resource.body for resource in explained.mapped.resources}
    if not bodies:
        return
    fields: dict[tuple[int, int, int], list[Leaf]] = {}
    for leaf in explained.leaves:
        if leaf.fate in ("unmapped", "reported") and plain_text(leaf.value):
            fields.setdefault(leaf.position[:3], []).append(leaf)
    for (index, number, _), leaves in fields.items():
        body = _home(index, explained.made_by, bodies)
        url = f"{FIELD}{leaves[0].segment}-{number}" if number else STRAY
        # a body may be shared with other messages: only this one's gets the extension
        body["extension"] = [*body.get("extension", ()), {"url": url, **_value(leaves)}]


def _home(index: int, made_by: dict[int, str], bodies: dict[str, Body]) -> Body:
    """The resource of the segment, else of the nearest one before it, else the first."""
    for candidate in range(index, -1, -1):
        body = bodies.get(made_by.get(candidate, ""))
        if body is not None:
            return body
    return next(iter(bodies.values()))


def _value(leaves: list[Leaf]) -> Body:
    _, _, _, component, subcomponent = leaves[0].position
    if len(leaves) == 1 and component == 1 and subcomponent == 1:
        return {"valueString": plain_text(leaves[0].value)}
    return {
        "extension": [
            {"url": _part(*leaf.position[3:]), "valueString": plain_text(leaf.value)}
            for leaf in leaves
        ]
    }


def _part(component: int, subcomponent: int) -> str:
    return f"{component}.{subcomponent}" if subcomponent > 1 else str(component)
