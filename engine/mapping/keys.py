"""What a resource is known by: the lists of atoms of identity.yaml, as functions.

Atoms that ask other segments give all resources of one place among the groups the same answer.
So the atoms at the front of a list that do are asked once for each such place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from engine.mapping.grammar import Ref, Source
from engine.mapping.made import Made
from engine.mapping.model import Key, Library
from engine.mapping.result import Knows

if TYPE_CHECKING:
    from engine.mapping.finish import Finisher

Ask = Callable[["Finisher", Made], str]


@dataclass(frozen=True, slots=True)
class Atom:
    """One part of a key, and whether it may be absent (``OBX-4?``)."""

    ask: Ask
    optional: bool
    common: bool
    #: the own fields that it reads, when that is all it does
    fields: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A list of atoms: first those that all resources of one place share."""

    common: tuple[Atom, ...]
    own: tuple[Atom, ...]
    #: the fields of the segment that all of ``own`` comes from, or None when it asks more
    fields: Callable[[list[str]], Any] | None


@dataclass(frozen=True, slots=True)
class Known:
    """What resources of one name, made by one segment, are known by."""

    key: Key
    knows: Knows
    lines: tuple[Line, ...]


class Keys:
    """The key table of a library, ready to be asked."""

    def __init__(self, library: Library) -> None:
        self._keys = library.keys
        self._default = library.keys.get("default", Key("", "whole", False, (), ()))
        self._known: dict[tuple[str, str], Known] = {}
        names = library.groups.names
        self.order = names.index("order") if "order" in names else 0
        self.strict = (self.order,)

    def of(self, made: Made, segment: str) -> Known:
        """The key of a resource: by its full name, by its type, or the default."""
        slot = (made.name, segment)
        known = self._known.get(slot)
        if known is None:
            key = self._keys.get(made.name) or self._keys.get(
                made.body["resourceType"], self._default
            )
            lines = tuple(_line(line, segment, made.name) for line in key.keys)
            known = self._known[slot] = Known(key, Knows(key.knows), lines)
        return known


def _line(atoms: tuple[Any, ...], segment: str, name: str) -> Line:
    made = [_atom(atom, segment, name) for atom in atoms]
    end = next((n for n, atom in enumerate(made) if not atom.common), len(made))
    own = tuple(made[end:])
    numbers = sorted(frozenset[int]().union(*(atom.fields for atom in own)))
    known = bool(own) and all(atom.fields for atom in own)
    return Line(tuple(made[:end]), own, itemgetter(*numbers) if known else None)


def _atom(atom: Any, segment: str, name: str) -> Atom:
    if isinstance(atom, Source):
        refs = [choice for choice in atom.choices if isinstance(choice, Ref)]
        common = all(ref.segment != segment for ref in refs)
        own = frozenset(ref.field or 0 for ref in refs if ref.segment == segment)
        fields = own if all(ref.segment == segment for ref in refs) else frozenset()
        return Atom(_first_of(refs, segment), atom.table == "?", common, fields)
    word = str(atom).rstrip("?")
    # a patient is not its own patient: the answer is not the same for all of its place
    common = word != "set" and not name.startswith(_SELVES.get(word, "-"))
    return Atom(_WORDS.get(word, _WORDS["message"]), str(atom).endswith("?"), common)


def _first_of(refs: list[Ref], segment: str) -> Ask:
    """The first of several paths that is valued, as it stands in the message."""
    steps = [(ref.segment, ref.segment == segment, ref.field or 0, ref.component) for ref in refs]

    def first(finisher: Finisher, made: Made) -> str:
        run, index = finisher.run, made.index
        for name, own, number, component in steps:
            value = (run.fields(index) if own else run.near(name, index))[number]
            if value and component is not None:
                parts = value.split(run.R, 1)[0].split(run.C)
                value = parts[component - 1] if component <= len(parts) else ""
            if value:
                return value
        return ""

    return first


_WORDS: dict[str, Ask] = {
    "patient": lambda finisher, made: finisher.patient(made),
    "visit": lambda finisher, made: finisher.visit(made),
    "order": lambda finisher, made: finisher.order(made),
    "message": lambda finisher, _: finisher.message_key,
    "channel": lambda finisher, _: finisher.channel,
    "set": lambda _, made: str(made.index),
}

_SELVES = {"patient": "Patient", "visit": "Encounter"}
