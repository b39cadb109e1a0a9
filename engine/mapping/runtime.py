"""What compiled rules stand on: one conversion's state, and the resources that it makes.

Generated code (see emit.py) calls these; nothing here knows a rule. A ``Run`` serves one message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from engine.errors import Location
from engine.fhir import merge
from engine.hl7v2.delimiters import Delimiters
from engine.hl7v2.message import Message, Segment
from engine.mapping import identity
from engine.mapping.codesystems import CodeSystems
from engine.mapping.fields import Fields
from engine.mapping.groups import Scope
from engine.mapping.made import (
    MESSAGE,
    PARENT,
    Body,
    Link,
    Listed,
    Made,
    Shared,
    Spec,
    Where,
    dumps,
)
from engine.mapping.model import Key
from engine.mapping.result import Context, Issue, Severity
from engine.mapping.unconvertible import Unconvertible


class Dialect:
    """What conversions depend on besides the value: delimiters, zone, feed. Owns the memos."""

    __slots__ = ("authorities", "codesystems", "delimiters", "keys", "memos", "systems", "zone")

    def __init__(
        self,
        delimiters: Delimiters,
        zone: Any,
        systems: Mapping[str, str],
        authorities: Mapping[str, str],
        codesystems: CodeSystems,
    ) -> None:
        self.codesystems = codesystems
        self.delimiters = delimiters
        self.zone = zone
        self.systems = systems
        self.authorities = authorities
        #: separator -> conversion -> text -> what it became
        self.memos: dict[str, dict[str, dict[str, Any]]] = {}
        #: a list of a key -> the fields that it reads -> what it says of them
        self.keys: dict[Any, dict[Any, str | None]] = {}


@lru_cache(maxsize=4096)
def _issue(severity: Severity, what: str, at: Any, rule: str) -> Issue:
    """An issue: the same ones happen in message after message."""
    return Issue(severity, what, Location(*at), rule)


class Run(Fields):
    """The state of one conversion."""

    def __init__(
        self,
        message: Message,
        context: Context,
        dialect: Dialect,
        scopes: list[Scope],
        parents: list[int],
        width: int,
    ) -> None:
        super().__init__(message, scopes, width)
        self.context = context
        self.dialect = dialect
        self.memos = dialect.memos
        self.assigner = context.assigner
        self.zone = context.timezone
        self.parents = parents
        self.made: list[Made] = []
        self.open_made: dict[tuple[str, int], Made] = {}
        self.by_segment: dict[tuple[str, int], Made] = {}
        #: references to what other maps make, now or later, resolved when all is made: who
        #: refers, the object that holds the references, and whether it holds nothing else
        self.links: list[tuple[Made, Body, tuple[Link, ...], bool, Where]] = []
        self.shared: dict[str, Shared] = {}
        self.touched: list[Shared] = []
        self.issues: list[Issue] = []
        self.fresh: list[tuple[str, int, str, Severity]] = []
        self.removed: dict[int, list[str]] = {}
        self._lists: dict[int, Listed] = {}
        self.unmapped: list[tuple[str, str, str]] = []
        self.hold: str | None = None
        self.reject: str | None = None

    # ------------------------------------------------------------ issues

    def note(self, rule: str, part: int, what: str, severity: Severity = Severity.WARNING) -> None:
        """An issue whose field is not known yet; ``place`` says it at the rule's site."""
        self.fresh.append((rule, part, what, severity))

    def failed(self, rule: str, part: int, error: ValueError) -> None:
        """An issue of what a conversion raised; the texts of Python's own errors quote values."""
        own = isinstance(error, Unconvertible)
        self.note(rule, part, str(error) if own else "a value that cannot be converted")

    def place(self, rule: str, index: int, number: int) -> None:
        """Give the issues noted since the last time their place."""
        segment = self.message.segments[index]
        for address, part, what, severity in self.fresh:
            at = (segment.name, segment.sequence, number or None, None, part or None)
            self.issues.append(_issue(severity, what, at, address or rule))
        self.fresh.clear()

    # ------------------------------------------------------------ resources

    def delete(self, made: Made, elements: dict[int, tuple[str, ...]], index: int) -> None:
        """Note the elements that this segment deletes with ``""`` in a field that a rule reads."""
        for number in self.nulls.get(index, ()):
            for element in elements.get(number, ()):
                grouped = merge.has_groups(made.body["resourceType"], element)
                if grouped or not _stands(made.body, element):
                    self.removed.setdefault(id(made), []).append(element)

    def new(self, spec: Spec, index: int) -> Made:
        """The resource of this segment alone."""
        body = {"resourceType": spec.type, "id": ""}
        made = Made(spec.name, body, index, self.scopes[index])
        self.made.append(made)
        self.by_segment[(spec.name, index)] = made
        return made

    def open(self, spec: Spec, index: int) -> Made | None:
        """The resource that this segment adds to: one that is there, or a new one."""
        scope = self.scopes[index]
        if spec.per >= 0:
            slot = (spec.name, scope[spec.per])
        elif spec.per == MESSAGE:
            slot = (spec.name, -1)
        else:
            if spec.per == PARENT:
                made = self.by_segment.get((spec.name, self.parents[index]))
                if made is not None or spec.into:
                    return made
            # below zero, for a segment's place must not be taken for a group's number
            slot = (spec.name, -2 - index)
        made = self.open_made.get(slot)
        if made is None:
            if spec.into:
                return None
            made = Made(spec.name, {"resourceType": spec.type, "id": ""}, index, scope)
            self.open_made[slot] = made
            self.made.append(made)
        self.by_segment[(spec.name, index)] = made
        return made

    def share(self, shared: Shared) -> Body:
        """Take in a resource made from a field; the reference to it."""
        known = self.shared.get(shared.uuid)
        if known is None:
            self.shared[shared.uuid] = shared
        elif known.body is not shared.body:
            # a new object: the one that is there may be remembered for other messages too
            body = _union(known.body, shared.body, self.plain)
            if shared.type in _ALIASED:
                body = _aliased(body, shared.body.get("name"), self.plain)
            self.shared[shared.uuid] = replace(known, body=body, settled=None)
        self.touched.append(shared)
        return {"reference": "urn:uuid:" + shared.uuid}

    def make(self, type_name: str, body: Body, key: Key | None, index: int) -> Body:
        """Take in a resource that a rule makes on the spot, known by all that it says."""
        body = {"resourceType": type_name, **body}
        plain = self.plain(body)
        criterion = identity.criterion(plain, key) if key is not None else ""
        seed = criterion or f"{self.context.channel}|{dumps(plain)}"
        uuid = identity.uuid_of(f"{type_name}|{seed}")
        return self.share(Shared(type_name, body, uuid, criterion, index))

    def lists(self, items: list[Any], value: Any) -> bool:
        """Whether a long list holds a value; where it does not, the caller appends it."""
        known = self._lists.get(id(items))
        if known is None or known.count != len(items):
            texts = {dumps(self.plain(item)) for item in items}
            known = self._lists[id(items)] = Listed(items, texts, len(items))
        text = dumps(self.plain(value))
        if text in known.texts:
            return True
        known.texts.add(text)
        known.count += 1
        return False

    def assigned(self, identifier: Body, path: str) -> Body:
        """An identifier that names no assigning authority, with the channel's system.

        One that names an authority without a known system is that authority's: an SSN beside
        the record number must not become a record number.
        """
        system = self.assigner.get("PID-3" if path == "MRG-1" else path)  # its former PID-3
        if system is None or "value" not in identifier:
            return identifier
        if "system" in identifier or "assigner" in identifier:
            return identifier
        return {**identifier, "system": system}

    def plain(self, value: Any) -> Any:
        """A value without what a traced conversion adds to it."""
        return value

    def repeat(self, value: Any) -> None:
        """A value that is there already: in a traced conversion it counts as mapped."""

    def t(self, value: Any, rule: str, table: str, *sources: Any) -> Any:
        """A value with its sources, in a traced conversion."""
        return value

    def first(self, at: Any) -> Any:
        """The position of the first part of what stands at a position, in a traced one."""
        return at

    def again(self, touched: list[Shared]) -> None:
        """Take in once more what a memoised conversion had made."""
        for shared in touched:
            self.share(shared)

    def segment(self, index: int) -> Segment:
        """The segment itself, for functions that look further."""
        return self.message.segments[index]


def _stands(body: Body, path: str) -> bool:
    """Whether there is an element at a dotted path."""
    value: Any = body
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def _union(known: Body, other: Body, plain: Callable[[Any], Any]) -> Body:
    """What two fields say of one resource: lists hold what either says, else the first holds."""
    made = {**other, **known}
    for key, items in known.items():
        more = other.get(key)
        if isinstance(items, list) and isinstance(more, list) and items != more:
            there = [plain(item) for item in items]
            made[key] = items + [item for item in more if plain(item) not in there]
    return made


#: Who may go by several names: one identifier, and what each field calls its bearer.
_ALIASED = frozenset({"Organization", "Location"})


def _aliased(body: Body, name: Any, plain: Callable[[Any], Any]) -> Body:
    """The resource with one more name, unless it is known by that."""
    names = [body.get("name"), *body.get("alias", ())]
    if name is None or plain(name) in [plain(known) for known in names]:
        return body
    return {**body, "alias": [*body.get("alias", ()), name]}
