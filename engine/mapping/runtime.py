"""What compiled rules stand on: one conversion's state, and the resources that it makes.

Generated code (see emit.py) calls these; nothing here knows a rule. A ``Run`` serves one message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from engine.errors import Location
from engine.fhir import merge
from engine.hl7v2.delimiters import Delimiters
from engine.hl7v2.escape import unescape
from engine.hl7v2.message import Message, Segment
from engine.mapping import identity
from engine.mapping.codesystems import CodeSystems
from engine.mapping.groups import Scope
from engine.mapping.model import Key
from engine.mapping.result import Context, Issue, Severity

Body = dict[str, Any]
#: a place in the segments of another resource, and whether it must be one level down (``1.2``)
Spot = tuple[str, int, int, int, bool]
#: what a link asks of the other resource: a place in its segments, and the text to stand there
Where = tuple[tuple[Spot, str], ...]


def dumps(value: Any) -> str:
    """The canonical text of a value: what it says and nothing else."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Spec:
    """What a segment map makes: the resource's name, type and the group it is unique in."""

    name: str
    type: str
    per: int  # number of the group in a scope; SEGMENT, PARENT or MESSAGE below
    into: bool
    rule: str


SEGMENT, PARENT, MESSAGE = -1, -2, -3


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One ``-> Patient`` of a rule: the element that refers, and to what."""

    key: str
    target: str
    many: bool
    rule: str


class Made:
    """A resource in the making, with where it came from and its place among the groups."""

    __slots__ = (
        "body", "criterion", "full", "index", "known", "name", "reference", "scope", "uuid",
    )  # fmt: skip

    def __init__(self, name: str, body: Body, index: int, scope: Scope) -> None:
        self.name = name
        self.body = body
        self.index = index
        self.scope = scope
        self.full = False
        #: what it is known by, once it is identified
        self.known: Any = None
        self.uuid = ""
        self.criterion = ""
        #: what every reference to this resource is, one object for all of them
        self.reference: Body = {}


@dataclass(slots=True)
class Shared:
    """A resource made from a field (a person, an organization), known by what it says."""

    type: str
    body: Body
    uuid: str
    criterion: str
    index: int = 0


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


class Run:
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
        self.message = message
        self.context = context
        self.dialect = dialect
        self.memos = dialect.memos
        self.assigner = context.assigner
        self.zone = context.timezone
        self.scopes = scopes
        self.parents = parents
        delimiters = message.delimiters
        self.C = delimiters.component or "\x00"
        self.R = delimiters.repetition or "\x00"
        self.S = delimiters.subcomponent or "\x00"
        self.E = delimiters.escape or "\x00"
        self.pad = [""] * width
        self.made: list[Made] = []
        self.open_made: dict[tuple[str, int], Made] = {}
        self.by_segment: dict[tuple[str, int], Made] = {}
        #: references to what other maps make, now or later, resolved when all is made: who
        #: refers, the object that holds the reference, and whether it holds nothing else
        self.links: list[tuple[Made, Body, Link, bool, Where]] = []
        self.shared: dict[str, Shared] = {}
        self.touched: list[Shared] = []
        self.issues: list[Issue] = []
        self.fresh: list[tuple[str, int, str, Severity]] = []
        self.removed: dict[int, list[str]] = {}
        self.unmapped: list[tuple[str, str, str]] = []
        self.hold: str | None = None
        self.reject: str | None = None
        self._near: dict[int, dict[str, list[str]]] = {}
        self._nearest: dict[tuple[str, int], int | None] = {}
        self._has: dict[tuple[str, int], bool] = {}
        self._nulls = '""' in message.text
        self._fields: list[list[str] | None] = [None] * len(message.segments)
        self.nulls: dict[int, list[int]] = {}

    # ------------------------------------------------------------ fields

    def fields(self, index: int) -> list[str]:
        """The raw fields of a segment, padded, and without ``""`` (which deletes)."""
        fields = self._fields[index]
        if fields is None:
            own = self.message.segments[index].fields
            fields = own + self.pad[len(own) :]
            if self._nulls and '""' in self.message.segments[index].text:
                fields = self._without_nulls(index, fields)
            self._fields[index] = fields
        return fields

    def _without_nulls(self, index: int, fields: list[str]) -> list[str]:
        deleted = [number for number, value in enumerate(fields) if value == '""']
        if deleted:
            self.nulls[index] = deleted
        return [self._without_null(value) if '""' in value else value for value in fields]

    def _without_null(self, value: str) -> str:
        if self.R in value:
            return self.R.join(self._without_null(item) for item in value.split(self.R))
        parts = [
            self.S.join("" if sub == '""' else sub for sub in part.split(self.S))
            for part in value.split(self.C)
        ]
        return self.C.join(parts)

    def delete(self, made: Made, elements: dict[int, tuple[str, ...]], index: int) -> None:
        """Note the elements that this segment deletes with ``""`` in a field that a rule reads."""
        for number in self.nulls.get(index, ()):
            for element in elements.get(number, ()):
                grouped = merge.has_groups(made.body["resourceType"], element)
                if grouped or not _stands(made.body, element):
                    self.removed.setdefault(id(made), []).append(element)

    def around(self, index: int) -> dict[str, list[str]]:
        """What is known of the segments nearest to this one, by name."""
        return self._near.setdefault(id(self.scopes[index]), {})

    def near(self, name: str, index: int) -> list[str]:
        """The fields of the segment of that name that belongs nearest to this one."""
        around = self.around(index)
        fields = around.get(name)
        if fields is None:
            found = self.nearest(name, index)
            fields = around[name] = self.pad if found is None else self.fields(found)
        return fields

    def nearest(self, name: str, index: int) -> int | None:
        """The index of that segment, or None."""
        slot = (name, id(self.scopes[index]))
        if slot not in self._nearest:
            self._nearest[slot] = self._search(name, index)
        return self._nearest[slot]

    def _search(self, name: str, index: int) -> int | None:
        scope, best, best_score = self.scopes[index], None, -1
        for candidate in self.positions(name):
            score = 0
            for mine, theirs in zip(scope, self.scopes[candidate], strict=True):
                if theirs and mine and theirs != mine:
                    score = -1
                    break
                score += theirs == mine
            later = score == best_score and candidate <= index
            if score >= 0 and (score > best_score or later):
                best, best_score = candidate, score
        return best

    def positions(self, name: str) -> list[int]:
        """The indexes of all segments of that name."""
        return [segment.index for segment in self.message.all(name)]

    def has(self, name: str, index: int) -> bool:
        """Whether a segment of that name stands in the same groups as this one."""
        scope = self.scopes[index]
        slot = (name, id(scope))
        found = self._has.get(slot)
        if found is None:
            found = self._has[slot] = any(
                all(not mine or mine == theirs for mine, theirs in zip(scope, other, strict=True))
                for other in (self.scopes[position] for position in self.positions(name))
            )
        return found

    def every(self, name: str, index: int, number: int, part: int, sub: int) -> list[str]:
        """The decoded values of a field in all repetitions, and all segments in these groups."""
        own = self.message.segments[index].name == name
        indexes = [index] if own else [
            position
            for position in self.positions(name)
            if all(
                not mine or not theirs or mine == theirs
                for mine, theirs in zip(self.scopes[index], self.scopes[position], strict=True)
            )
        ]  # fmt: skip
        values = []
        for position in indexes:
            raw = self.fields(position)[number]
            values += [self.value(item, part, sub) for item in raw.split(self.R)]
        return [value for value in values if value]

    # ------------------------------------------------------------ values

    def value(self, raw: str, part: int = 1, sub: int = 1) -> str:
        """One subcomponent of a repetition, decoded."""
        return self.head(self.part(self.part(raw, part, self.C), sub, self.S))

    def part(self, raw: str, number: int, separator: str) -> str:
        """One part of a text that a separator divides; "" when there are fewer."""
        if separator not in raw:
            return raw if number == 1 else ""
        parts = raw.split(separator)
        return parts[number - 1] if number <= len(parts) else ""

    def nth(self, raw: str, number: int) -> str:
        """One repetition."""
        return self.part(raw, number, self.R)

    def picked(self, raw: str, test: Callable[[Run, str], bool]) -> str:
        """The first repetition that meets a predicate, or ""."""
        return next(iter(self.pick(raw, test)), "")

    def count(self, raw: str) -> int:
        """How many repetitions are valued."""
        return sum(1 for item in raw.split(self.R) if item)

    def listed(self, value: Any) -> Any:
        """A value of a function as the list of values that it is."""
        return value if isinstance(value, list) else (value,)

    def pick(self, raw: str, test: Callable[[Run, str], bool]) -> list[str]:
        """The repetitions that meet a predicate."""
        return [item for item in raw.split(self.R) if item and test(self, item)]

    def head(self, raw: str) -> str:
        """The first subcomponent of the first component of the first repetition, decoded."""
        if raw.isalnum():
            return raw
        for separator in (self.R, self.C, self.S):
            if separator in raw:
                raw = raw.split(separator, 1)[0]
        return self.clean(raw)

    def clean(self, raw: str) -> str:
        """A subcomponent decoded, without the blanks and control characters FHIR forbids."""
        if self.E in raw:
            raw = unescape(raw, self.message.delimiters, self.message.charset)
        raw = raw.strip()
        if not raw.isprintable():
            raw = "".join(c for c in raw if c >= " " or c in "\n\r\t")
        return raw

    def text(self, raw: str) -> str | None:
        """Free text: repetitions are lines, and a stray separator in it is only a character."""
        if self.R in raw:
            raw = "\n".join(raw.split(self.R))
        return self.clean(raw) or None

    # ------------------------------------------------------------ issues

    def note(self, rule: str, part: int, what: str, severity: Severity = Severity.WARNING) -> None:
        """An issue whose field is not known yet; ``place`` says it at the rule's site."""
        self.fresh.append((rule, part, what, severity))

    def place(self, rule: str, index: int, number: int) -> None:
        """Give the issues noted since the last time their place."""
        segment = self.message.segments[index]
        for address, part, what, severity in self.fresh:
            at = (segment.name, segment.sequence, number or None, None, part or None)
            self.issues.append(_issue(severity, what, at, address or rule))
        self.fresh.clear()

    # ------------------------------------------------------------ resources

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
        # below zero, for a segment's place must not be taken for a group's number
        slot = (spec.name, -2 - index)
        if spec.per >= 0:
            slot = (spec.name, scope[spec.per])
        elif spec.per == PARENT:
            made = self.by_segment.get((spec.name, self.parents[index]))
            if made is not None or spec.into:
                return made
        elif spec.per == MESSAGE:
            slot = (spec.name, -1)
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
            self.shared[shared.uuid] = replace(known, body=body)
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
