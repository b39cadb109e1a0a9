"""Which segments belong together: groups by their opening segments, for any version.

A structure table per version loses what stands in a surprising place (an OBX after SPM); an
index loses count. Here each segment simply belongs to every group that is open where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import eq

from engine.hl7v2.message import Segment
from engine.hl7v2.segment import is_odd

#: One number per group name: 0 while the group is not open, else 1 + the index of its opener.
Scope = tuple[int, ...]


@lru_cache(maxsize=4096)
def alike(mine: Scope, theirs: Scope) -> int:
    """In how many kinds of groups two stand alike; -1 where they stand in different ones.

    Messages of a feed are of few forms, and ask this of the same places again and again.
    """
    if any(a and b and a != b for a, b in zip(mine, theirs, strict=True)):
        return -1
    return sum(map(eq, mine, theirs))


@dataclass(frozen=True, slots=True)
class Group:
    """One kind of group: who opens it, and which groups end then."""

    name: str
    #: segments by rank: one joins an open group only after lower ranks
    ranks: tuple[tuple[str, ...], ...]
    closes: tuple[str, ...] = ()
    #: message structures in which this group comes before the orders that belong to it
    leads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Groups:
    """All kinds of groups, and the segments that are attached to the one before them."""

    kinds: tuple[Group, ...]
    attached: frozenset[str] = frozenset()
    _openers: dict[str, tuple[int, int, tuple[int, ...]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        openers: dict[str, tuple[int, int, tuple[int, ...]]] = {}
        for number, kind in enumerate(self.kinds):
            closes = tuple(self.number(name) for name in kind.closes)
            for rank, names in enumerate(kind.ranks):
                for name in names:
                    openers[name] = (number, rank, closes)
        object.__setattr__(self, "_openers", openers)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the kinds, in the order of the numbers of a scope."""
        return tuple(kind.name for kind in self.kinds)

    def openers(self, name: str) -> frozenset[str]:
        """The segments that open a kind of group; none of a kind that there is not."""
        return frozenset(
            segment
            for kind in self.kinds
            if kind.name == name
            for rank in kind.ranks
            for segment in rank
        )

    def number(self, name: str) -> int:
        """The position of a kind in a scope; ValueError for a name that is none."""
        return self.names.index(name)

    def opens(self, segment: str) -> bool:
        """Whether segments of that name open a group, each one of its own."""
        return segment in self._openers

    def assign(
        self, segments: Sequence[Segment], structure: str = ""
    ) -> tuple[list[Scope], list[int]]:
        """The scope of each segment, and the index of the segment that it is attached to."""
        openers = self._openers
        leading = self._leading(structure)
        current = [0] * len(self.kinds)
        ranks = [0] * len(self.kinds)
        scope: Scope = tuple(current)
        scopes: list[Scope] = []
        parents: list[int] = []
        parent = 0
        for index, segment in enumerate(segments):
            name = segment.name
            opener = openers.get(name)
            if opener is not None:
                number, rank, closes = opener
                if current[number] == 0 or rank <= ranks[number]:
                    current[number] = index + 1
                    for closed in leading.get(number, closes):
                        current[closed] = 0
                    scope = tuple(current)
                ranks[number] = rank
            scopes.append(scope)
            parents.append(parent)
            if name not in self.attached and not name.startswith("Z") and not is_odd(name):
                parent = index
        return scopes, parents

    def _leading(self, structure: str) -> dict[int, tuple[int, ...]]:
        """What each kind closes instead, in a structure where the specimen leads its orders."""
        leaders = [n for n, kind in enumerate(self.kinds) if structure and structure in kind.leads]
        if not leaders:
            return {}
        order = self.number("order")
        changed = dict.fromkeys(leaders, (order,))
        kept = tuple(n for n in self._openers["ORC"][2] if n not in leaders)
        return {**changed, order: kept}
