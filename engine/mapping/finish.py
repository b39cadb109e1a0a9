"""The end of a conversion: links, required elements, identity, and what is handed on."""

from __future__ import annotations

from functools import cached_property, lru_cache

from engine.errors import Location
from engine.mapping import identity
from engine.mapping.invariants import settle
from engine.mapping.keys import Atom, Keys, Known, Line
from engine.mapping.links import Linker
from engine.mapping.made import Made, Shared
from engine.mapping.memo import LIMIT, LONGEST
from engine.mapping.model import Key
from engine.mapping.references import make_literal
from engine.mapping.required import require
from engine.mapping.result import Issue, Knows, Mapped, Resource, Severity
from engine.mapping.runtime import Run

#: The place of a segment, one object for all that name it.
_origin = lru_cache(maxsize=4096)(Location)


class Finisher:
    """Finishes one run."""

    def __init__(self, run: Run, keys: Keys) -> None:
        self.run: Run = run
        self.keys = keys
        self.channel: str = run.context.channel
        run.made = [made for made in run.made if made.full]
        self._linker = Linker(run, keys.strict)
        self._memos = run.dialect.keys
        self._seen: dict[str, int] = {}
        self._orders: dict[int, str] = {}
        self._common: dict[tuple[Line, int], str | None] = {}

    def finish(self) -> Mapped:
        """Everything that the message became."""
        run = self.run
        self._linker.resolve()
        for made in run.made:
            require(made.body)
            self.identify(made)
        self._linker.settle()
        make_literal(run.made)
        resources = [self._resource(made) for made in run.made]
        resources += [self._shared(shared) for shared in run.shared.values()]
        self._strays()
        return Mapped(resources, run.issues, run.hold, run.reject, run.unmapped)

    def _strays(self) -> None:
        """An issue for each line that is no segment, at the segment that it may belong to."""
        message = self.run.message
        for stray in message.strays():
            before = next(s for s in message.segments[stray.index :: -1] if not s.odd)
            at = _origin(before.name, before.sequence)
            self.run.issues.append(Issue(Severity.WARNING, "a line that is no segment", at))

    def _resource(self, made: Made) -> Resource:
        run = self.run
        segment = run.message.segments[made.index]
        made.body["id"] = identity.id_of(made.uuid)
        known: Known = made.known
        return Resource(
            made.body,
            made.criterion,
            known.knows,
            tuple(run.removed.get(id(made), ())) if run.removed else (),
            _origin(segment.name, segment.sequence),
            made.uuid,
            self._assumed(known.key) if known.key.assumed else (),
        )

    def _assumed(self, key: Key) -> tuple[str, ...]:
        message = self.run.message
        return tuple(element for element, when in key.assumed if when.holds(message))

    def _shared(self, shared: Shared) -> Resource:
        body = shared.settled
        if body is None:
            body = {"resourceType": shared.type, "id": identity.id_of(shared.uuid), **shared.body}
            settle(self.run, body)
            require(body)
            shared.settled = body
        body = dict(body)  # it is remembered for other messages
        origin = _origin(self.run.message.segments[shared.index].name)
        return Resource(body, shared.criterion, Knows.SHARED, (), origin, shared.uuid)

    # ------------------------------------------------------------ identity

    def identify(self, made: Made) -> str:
        """The UUID of a resource; two resources of one message never share it."""
        if made.uuid:
            return made.uuid
        known = self.keys.of(made, self.run.message.segments[made.index].name)
        made.known = known
        if known.key.by_identifier:
            made.criterion = identity.criterion(made.body, known.key)
        # who is known by an identifier is the same under any name: Patient, Patient-Merged
        name = made.body["resourceType"] if made.criterion else made.name
        seed = f"{name}|{made.criterion or self._keyed(made, known.lines)}"
        number = self._seen.get(seed, 0)
        self._seen[seed] = number + 1
        made.uuid = identity.uuid_of(f"{seed}|{number}" if number else seed)
        made.reference["reference"] = "urn:uuid:" + made.uuid
        return made.uuid

    def _keyed(self, made: Made, lines: tuple[Line, ...]) -> str:
        """The first list of atoms that is complete, within the channel; else the message's own."""
        for line in lines:
            common = self._of_place(made, line) if line.common else self.channel
            if common is None:
                continue
            own = self._of_segment(made, line) if line.own else ""
            if own is not None:
                return common + own
        return self.channel + "|" + self.message_key

    def _of_place(self, made: Made, line: Line) -> str | None:
        """The channel, and what the list says of all resources of one place; None: not enough."""
        slot = (line, id(made.scope))
        if slot in self._common:
            return self._common[slot]
        asked = self._asked(made, line.common)
        common = self._common[slot] = None if asked is None else self.channel + asked
        return common

    def _of_segment(self, made: Made, line: Line) -> str | None:
        """What the list says of this resource alone: codes repeat, and are taken apart once."""
        if line.fields is None:
            return self._asked(made, line.own)
        memo = self._memos.get(line)
        if memo is None:
            memo = self._memos.setdefault(line, {})
        raws = line.fields(self.run.fields(made.index))
        if raws in memo:
            return memo[raws]
        found = self._asked(made, line.own)
        if sum(map(len, raws)) <= LONGEST:
            if len(memo) >= LIMIT:
                memo.clear()
            memo[raws] = found
        return found

    def _asked(self, made: Made, atoms: tuple[Atom, ...]) -> str | None:
        """What atoms say, each after a bar, or None when one is missing that must be there."""
        text = ""
        for atom in atoms:
            value = atom.ask(self, made)
            if not value and not atom.optional:
                return None
            text += "|" + value
        return text

    @cached_property
    def message_key(self) -> str:
        """The message itself: its sender and control id; what it says cannot be known again."""
        message = self.run.message
        return f"{message.sender}|{message.control_id}|{message.value('MSH-7')}"

    def patient(self, made: Made) -> str:
        """The UUID of the patient that a resource is about, or ""."""
        other = self._linker.one(made, "Patient")
        return self.identify(other) if other is not None else ""

    def visit(self, made: Made) -> str:
        """The UUID of its encounter, or ""."""
        other = self._linker.one(made, "Encounter")
        return self.identify(other) if other is not None else ""

    def order(self, made: Made) -> str:
        """The filler's, else the placer's number of the order that a resource stands in."""
        group = made.scope[self.keys.order]
        if not group:
            return ""
        number = self._orders.get(group)
        if number is None:
            number = self._orders[group] = self._order_number(made)
        return number

    def _order_number(self, made: Made) -> str:
        for segment, field in (("OBR", 3), ("ORC", 3), ("OBR", 2), ("ORC", 2)):
            raw = self.run.near(segment, made.index)[field]
            if raw:
                return f"{field}:{raw}"
        return ""
