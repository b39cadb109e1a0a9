"""Resolve ``-> Patient``: which resource a link means, by the groups that both stand in."""

from __future__ import annotations

from typing import Any

from engine.mapping.groups import Scope, alike
from engine.mapping.made import Body, Link, Made, Spot, Where
from engine.mapping.places import FEW, Places
from engine.mapping.runtime import Run

#: A text in the segments of a resource; with its groups, where only those count.
Told = tuple[Scope | None, str]
#: A link, and which resources it means: for a list element all of them, else the one.
Meaning = tuple[Link, list[Made], Made | None]


class Linker:
    """Answers links among the resources of one message."""

    def __init__(self, run: Run, strict: tuple[int, ...]) -> None:
        """``strict`` are groups that a single link must not look down into: order, specimen."""
        self._run = run
        self._strict = strict
        #: resources by name, those of one place among the groups together
        self._places: dict[str, list[tuple[Scope, list[Made]]]] = {}
        for made in run.made:
            places = self._places.setdefault(made.name, [])
            if not places or places[-1][0] is not made.scope:
                places.append((made.scope, []))
            places[-1][1].append(made)
        # all that stands in one place among the groups means the same by a name
        self._meanings: dict[tuple[int, tuple[Link, ...]], list[Meaning]] = {}
        self._one: dict[int, dict[str, Made | None]] = {}
        self._all: dict[int, dict[str, list[Made]]] = {}
        self._told_at: dict[tuple[str, Spot], dict[Told, list[Made]]] = {}
        self._sieves: dict[str, Places] = {}
        self._late: list[tuple[Body, Made]] = []

    def resolve(self) -> None:
        """Fill in every link; one that leads nowhere disappears with what it was alone in."""
        empty: list[tuple[Made, Body]] = []
        whole: set[tuple[int, tuple[Link, ...]]] = set()
        for made, holder, links, alone, where in self._run.links:
            if not made.full or (id(holder), links) in whole:
                continue
            if where:
                meanings = [self._told_by(made, links[0], where)]
            else:
                slot = (id(made.scope), links)
                meanings = self._meanings.get(slot) or self._mean(slot, made)
                if len(links) == 1 and links[0].many:
                    whole.add((id(holder), links))  # each result of a report says this again
            for link, others, other in meanings:
                if others:
                    refer(holder, link, others, made)
                elif link.many:
                    if alone and not holder:
                        empty.append((made, holder))
                elif other is None or other is made:
                    self._lead_nowhere(made, holder, link, alone)
                elif link.key == "reference":
                    self._late.append((holder, other))
                else:
                    holder[link.key] = other.reference
        self._prune(empty)

    def _mean(self, slot: tuple[int, tuple[Link, ...]], made: Made) -> list[Meaning]:
        """What links mean in one place among the groups."""
        found = self._meanings[slot] = [
            (link, self.all(made, link.target), None)
            if link.many
            else (link, [], self._nearest_of(made, link.target))
            for link in slot[1]
        ]
        return found

    def _told_by(self, made: Made, link: Link, where: Where) -> Meaning:
        """What a link means that asks something of the other resource."""
        found = self._meant(made, link.target, where)
        if link.many:
            return link, found, None
        return link, [], found[0] if len(found) == 1 else None

    def _prune(self, empty: list[tuple[Made, Body]]) -> None:
        for made, holder in empty:
            if not holder:
                drop(made.body, holder)

    def _lead_nowhere(self, made: Made, holder: Body, link: Link, alone: bool) -> None:
        holder.pop(link.key, None)
        if alone and holder is not made.body:
            drop(made.body, holder)

    def settle(self) -> None:
        """Write the links inside of references, once every resource has its UUID."""
        for holder, other in self._late:
            holder["reference"] = other.reference["reference"]

    def _meant(self, made: Made, target: str, where: Where) -> list[Made]:
        """The resources whose segments say what this one asks; of them, those in most groups."""
        if not where[0][1]:
            return []
        (at, text), *rest = [(at, text) for at, text in where if text]
        found = [
            other
            for other in self._telling(target, at).get(_asked(made, at, text), ())
            if other is not made
            and all(self._told(other, at) == _asked(made, at, text) for at, text in rest)
        ]
        nearness = [
            sum(bool(a) and a == b for a, b in zip(made.scope, other.scope, strict=True))
            for other in found
        ]
        most = max(nearness, default=0)
        return [other for other, near in zip(found, nearness, strict=True) if near == most]

    def _telling(self, target: str, at: Spot) -> dict[Told, list[Made]]:
        """The resources of a name by what stands at a place in their segments."""
        index = self._told_at.get((target, at))
        if index is None:
            index = self._told_at[target, at] = {}
            for _, others in self._places.get(target, ()):
                for other in others:
                    index.setdefault(self._told(other, at), []).append(other)
        return index

    def _told(self, other: Made, at: Spot) -> Told:
        name, number, part, sub, under = at
        run = self._run
        own = run.segment(other.index).name == name
        fields = run.fields(other.index) if own else run.near(name, other.index)
        text = run.value(run.nth(fields[number], 1), part, sub)
        return (other.scope, text.rpartition(".")[0]) if under else (None, text)

    def all(self, made: Made, target: str) -> list[Made]:
        """Every resource of that name in the groups that this one stands in."""
        answers = self._all.setdefault(id(made.scope), {})
        found = answers.get(target)
        if found is None:
            found = answers[target] = self._in_groups(made.scope, target)
        return found

    def one(self, made: Made, target: str) -> Made | None:
        """The nearest resource of that name, which is another one."""
        found = self._nearest_of(made, target)
        return None if found is made else found

    def _nearest_of(self, made: Made, target: str) -> Made | None:
        """The nearest resource of that name, for all that stand in one place."""
        answers = self._one.setdefault(id(made.scope), {})
        if target not in answers:
            answers[target] = self._nearest(made, target)
        return answers[target]

    def _nearest(self, made: Made, target: str) -> Made | None:
        best, best_score = None, 0
        for scope, others in self._about(made.scope, target):
            score = self._score(made.scope, scope)
            if score < best_score:
                continue
            for other in others:
                if best is None or score > best_score or other.index <= made.index:
                    best, best_score = other, score
        return best

    def _about(self, mine: Scope, target: str) -> list[tuple[Scope, list[Made]]]:
        """The places of the resources of that name that may share the groups of a scope."""
        there = self._places.get(target, [])
        if len(there) <= FEW:
            return there
        places = self._sieves.get(target)
        if places is None:
            places = self._sieves[target] = Places([scope for scope, _ in there])
        return [there[number] for number in places.about(mine)]

    def _score(self, mine: Scope, theirs: Scope) -> int:
        if any(theirs[number] and not mine[number] for number in self._strict):
            return -1
        return alike(mine, theirs)

    def _in_groups(self, mine: Scope, target: str) -> list[Made]:
        # where some stand in orders, those of other orders, and of none, are not meant
        found = [
            (scope, others)
            for scope, others in self._about(mine, target)
            if alike(mine, scope) >= 0
        ]
        for number in self._strict:
            if mine[number] and any(scope[number] for scope, _ in found):
                found = [place for place in found if place[0][number] == mine[number]]
        return [other for _, others in found for other in others]


def _asked(made: Made, at: Spot, text: str) -> Told:
    """What another resource's segments are to tell; one level down, in the same groups."""
    return (made.scope if at[4] else None, text)


def refer(holder: Body, link: Link, others: list[Made], itself: Made) -> None:
    """Refer to each of several resources once, and never to itself."""
    present = holder.get(link.key)
    if present is None:
        references = [other.reference for other in others if other is not itself]
        if references:
            holder[link.key] = references
        return
    for other in others:
        if other is not itself and not any(other.reference is old for old in present):
            present.append(other.reference)


def drop(body: Body, gone: Body) -> None:
    """Remove one object, by identity, from a resource: nearly always one of a list of it."""
    for key, items in body.items():
        if type(items) is list:
            for number, item in enumerate(items):
                if item is gone:
                    del items[number]
                    if not items:
                        del body[key]
                    return
    prune(body, gone)


def prune(tree: Any, gone: Body) -> bool:
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
