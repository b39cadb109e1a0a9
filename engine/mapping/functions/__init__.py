"""The functions that rules may call: ``system(CWE.3)``, ``join(PID-5.2, PID-5.1)``.

Each takes the run and the texts of its arguments ("" when absent) and gives a value or None.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.mapping.functions import (
    assigners,
    attachments,
    quantities,
    received,
    systems,
    texts,
    times,
)

_MANY = inspect.Parameter.VAR_POSITIONAL


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; ``raw`` ones get texts with their separators in."""

    call: Callable[..., Any]
    raw: bool = False

    @property
    def signature(self) -> str:
        """Its arguments, as a rule writes them: ``(start, number, [unit])``."""
        named = list(inspect.signature(self.call).parameters.values())[1:]
        return "(" + ", ".join(map(_argument, named)) + ")"

    def wrong_count(self, given: int) -> str:
        """What is wrong with so many arguments, "" when nothing is."""
        named = list(inspect.signature(self.call).parameters.values())[1:]
        least = sum(item.default is item.empty and item.kind is not _MANY for item in named)
        most = None if any(item.kind is _MANY for item in named) else len(named)
        if least <= given and (most is None or given <= most):
            return ""
        count = (
            f"{least}" if least == most else f"{least} to {most}" if most else f"{least} or more"
        )
        return f"{count} values, not {given}"


def _argument(item: inspect.Parameter) -> str:
    if item.kind is _MANY:
        return f"{item.name}, …"
    return item.name if item.default is item.empty else f"[{item.name}]"


FUNCTIONS: dict[str, Function] = {
    "join": Function(texts.join),
    "joined": Function(texts.joined),
    "endpoint": Function(assigners.endpoint, raw=True),
    "concat": Function(texts.concat),
    "lines": Function(texts.lines, raw=True),
    "system": Function(systems.system),
    "system_of": Function(systems.system_of),
    "other_oid": Function(systems.other_oid),
    "table": Function(systems.table),
    "currency": Function(systems.currency),
    "known": Function(systems.known),
    "uri_system": Function(systems.uri_system),
    "local_system": Function(systems.local_system),
    "authority": Function(assigners.authority, raw=True),
    "authority_parts": Function(assigners.authority_parts),
    "authority_name": Function(assigners.authority_name, raw=True),
    "low": Function(quantities.low),
    "high": Function(quantities.high),
    "original": Function(received.original),
    "upper": Function(texts.upper),
    "channel": Function(received.channel),
    "received": Function(received.received),
    "texts": Function(texts.texts, raw=True),
    "narrative": Function(texts.narrative),
    "one_piece": Function(quantities.one_piece),
    "mime": Function(attachments.mime),
    "document": Function(attachments.document),
    "pointer": Function(attachments.pointer),
    "phone": Function(texts.phone),
    "samples": Function(quantities.samples, raw=True),
    "repeat": Function(times.repeat),
    "times": Function(times.times),
    "duration": Function(times.duration),
    "at": Function(times.at),
    "later": Function(times.later),
    "earlier": Function(times.earlier),
    "minutes": Function(times.minutes),
    "name": Function(texts.name, raw=True),
}
