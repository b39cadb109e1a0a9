"""Places among the groups, so that those near another are found without a look at all of them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.mapping.groups import Scope

#: So few are best looked at one by one, without this; nearly every message has no more.
FEW = 16


class Places:
    """The scopes of some segments or resources, by their number in the order of the message."""

    __slots__ = ("_by_group", "_scopes")

    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._scopes = scopes
        self._by_group: list[dict[int, list[int]]] | None = None

    def about(self, scope: Scope) -> Sequence[int]:
        """The numbers, in order, of all that may be in this one's groups or outside of them.

        A sieve: what shares one group may still be in another; but what it leaves out stands in
        another group of some kind, another order than this one's. A message of many orders stays
        linear by it.
        """
        if not any(scope):
            return range(len(self._scopes))
        found: tuple[Sequence[int], Sequence[int]] | None = None
        for mine, numbers in zip(scope, self._index(), strict=True):
            if mine:
                pair = numbers.get(mine, ()), numbers.get(0, ())
                if found is None or len(pair[0]) + len(pair[1]) < len(found[0]) + len(found[1]):
                    found = pair
        assert found is not None
        return sorted((*found[0], *found[1]))

    def _index(self) -> list[dict[int, list[int]]]:
        """For each kind of group: the numbers that stand in each; 0 for outside."""
        if self._by_group is None:
            made: list[dict[int, list[int]]] = [{} for _ in self._scopes[0]]
            for number, scope in enumerate(self._scopes):
                for kind, group in zip(made, scope, strict=True):
                    kind.setdefault(group, []).append(number)
            self._by_group = made
        return self._by_group
