"""The end of a conversion: links, required elements, identity, and what is handed on."""

from __future__ import annotations

from functools import cached_property, lru_cache

from engine.errors import Location
from engine.mapping import identity
from engine.mapping.dosage import fold
from engine.mapping.invariants import settle
from engine.mapping.keys import Atom, Keys, Known, Line
from engine.mapping.links import Linker
from engine.mapping.model import Key
from engine.mapping.references import make_literal
from engine.mapping.required import require
from engine.mapping.result import Knows, Mapped, Resource
from engine.mapping.runtime import Made, Run, Shared

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
        self._seen: dict[str, int] = {}
        self._orders: dict[int, str] = {}
        self._common: dict[tuple[Line, int], list[str] | None] = {}

    def finish(self) -> Mapped:
        """Everything that the message became."""
        run = self.run
        self._linker.resolve()
        for made in run.made:
            fold(made.body)
            require(made.body)
            self.identify(made)
        self._linker.settle()
        make_literal(run.made)
        resources = [self._resource(made) for made in run.made]
        resources += [self._shared(shared) for shared in run.shared.values()]
        return Mapped(resources, run.issues, run.hold, run.reject, run.unmapped)

    def _resource(self, made: Made) -> Resource:
        run = self.run
        segment = run.message.segments[made.index]
        made.body["id"] = identity.id_of(made.uuid)
        known = self._known(made)
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
        # its body is remembered for other messages
        body = {"resourceType": shared.type, "id": identity.id_of(shared.uuid), **shared.body}
        settle(self.run, body)
        require(body)
        origin = _origin(self.run.message.segments[shared.index].name)
        return Resource(body, shared.criterion, Knows.SHARED, (), origin, shared.uuid)

    # ------------------------------------------------------------ identity

    def _known(self, made: Made) -> Known:
        return self.keys.of(made, self.run.message.segments[made.index].name)

    def identify(self, made: Made) -> str:
        """The UUID of a resource; two resources of one message never share it."""
        if made.uuid:
            return made.uuid
        known = self._known(made)
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
            values = self._values(made, line)
            if values is not None:
                return self.channel + "|" + "|".join(values)
        return self.channel + "|" + self.message_key

    def _values(self, made: Made, line: Line) -> list[str] | None:
        """What the atoms of a list say, or None when one is missing that must be there."""
        slot = (line, id(made.scope))
        if slot in self._common:
            common = self._common[slot]
        else:
            common = self._common[slot] = self._asked(made, line.common)
        if common is None:
            return None
        own = self._asked(made, line.own)
        return None if own is None else common + own

    def _asked(self, made: Made, atoms: tuple[Atom, ...]) -> list[str] | None:
        values = []
        for atom in atoms:
            value = atom.ask(self, made)
            if not value and not atom.optional:
                return None
            values.append(value)
        return values

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
