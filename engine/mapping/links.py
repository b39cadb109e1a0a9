"""Resolve ``-> Patient``: which resource a link means, by the groups that both stand in."""

from __future__ import annotations

from typing import Any

from engine.mapping.groups import Scope
from engine.mapping.runtime import Made, Run, Where


class Linker:
    """Answers links among the resources of one message."""

    def __init__(self, run: Run, strict: tuple[int, ...]) -> None:
        """``strict`` are groups that a single link must not look down into: order, specimen."""
        self._run = run
        self._strict = strict
        self._by_name: dict[str, list[Made]] = {}
        for made in run.made:
            if made.full:
                self._by_name.setdefault(made.name, []).append(made)
        self._one: dict[tuple[str, Scope], Made | None] = {}
        self._all: dict[tuple[str, Scope], list[Made]] = {}
        self._late: list[tuple[dict[str, Any], Made]] = []

    def resolve(self) -> None:
        """Fill in every link; one that leads nowhere disappears with what it was alone in."""
        for made, holder, key, target, many, alone, where in self._run.links:
            if not made.full:
                continue
            if many:
                others = self._meant(made, target, where) if where else self.all(made, target)
                refer(holder, key, others)
                continue
            other = self._only(made, target, where) if where else self.one(made, target)
            if other is not None and key == "reference":
                self._late.append((holder, other))
            elif other is not None:
                holder[key] = other.reference
            else:
                holder.pop(key, None)
                if alone and holder is not made.body:
                    prune(made.body, holder)

    def settle(self) -> None:
        """Write the links inside of references, once every resource has its UUID."""
        for holder, other in self._late:
            holder["reference"] = other.reference["reference"]

    def _only(self, made: Made, target: str, where: Where) -> Made | None:
        found = self._meant(made, target, where)
        return found[0] if len(found) == 1 else None

    def _meant(self, made: Made, target: str, where: Where) -> list[Made]:
        """The resources whose segments say what this one asks; of them, those in most groups."""
        if not where[0][1]:
            return []
        asked = [(at, text) for at, text in where if text]
        found = [
            other
            for other in self._by_name.get(target, ())
            if other is not made and all(self._says(other, *pair) for pair in asked)
        ]
        nearness = [
            sum(bool(a) and a == b for a, b in zip(made.scope, other.scope, strict=True))
            for other in found
        ]
        return [other for other, near in zip(found, nearness, strict=True) if near == max(nearness)]

    def _says(self, other: Made, at: tuple[str, int, int, int], text: str) -> bool:
        name, number, part, sub = at
        run = self._run
        own = run.segment(other.index).name == name
        fields = run.fields(other.index) if own else run.near(name, other.index)
        return run.value(run.nth(fields[number], 1), part, sub) == text

    def one(self, made: Made, target: str) -> Made | None:
        """The nearest resource of that name."""
        slot = (target, made.scope)
        if slot not in self._one:
            self._one[slot] = self._nearest(made, target)
        found = self._one[slot]
        return None if found is made else found

    def _nearest(self, made: Made, target: str) -> Made | None:
        best, best_score = None, -1
        for other in self._by_name.get(target, ()):
            score = self._score(made.scope, other.scope)
            later = score == best_score and other.index <= made.index
            if score >= 0 and (score > best_score or later):
                best, best_score = other, score
        return best

    def _score(self, mine: Scope, theirs: Scope) -> int:
        score = 0
        for number, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            if b and a != b and (a or number in self._strict):
                return -1
            score += a == b
        return score

    def all(self, made: Made, target: str) -> list[Made]:
        """Every resource of that name in the groups that this one stands in.

        Where some stand in orders, those of other orders, and of none, are not meant.
        """
        slot = (target, made.scope)
        found = self._all.get(slot)
        if found is None:
            found = self._all[slot] = self._in_groups(made, target)
        return [other for other in found if other is not made] if made.name == target else found

    def _in_groups(self, made: Made, target: str) -> list[Made]:
        mine = made.scope
        found = [
            other
            for other in self._by_name.get(target, ())
            if all(not a or a == b or not b for a, b in zip(mine, other.scope, strict=True))
        ]
        for number in self._strict:
            if mine[number] and any(other.scope[number] for other in found):
                found = [other for other in found if other.scope[number] == mine[number]]
        return found


def refer(holder: dict[str, Any], key: str, others: list[Made]) -> None:
    """Refer to each of several resources once."""
    present = holder.get(key)
    if present is None:
        if others:
            holder[key] = [other.reference for other in others]
        return
    for other in others:
        if not any(other.reference is old for old in present):
            present.append(other.reference)


def prune(tree: Any, gone: dict[str, Any]) -> bool:
    """Remove one object, by identity, from a tree, and lists that this empties."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    for key, value in items:
        if value is gone:
            del tree[key]
            return True
        if isinstance(value, dict | list) and prune(value, gone):
            if not value:
                del tree[key]
            return True
    return False
