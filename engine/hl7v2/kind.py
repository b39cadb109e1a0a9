"""What the MSH of most messages of a sender has in common, worked out once."""

from __future__ import annotations

from engine.hl7v2.delimiters import Delimiters
from engine.hl7v2.segment import Segment

#: Kinds that are remembered, and the longest MSH that is.
AT_MOST, LONGEST = 1024, 512
_known: dict[tuple[object, ...], Kind] = {}


class Kind:
    """What a message's header says, apart from what differs from message to message.

    Messages of one kind have one object, if it is ``kept``: then what follows from the kind may
    be remembered by it.
    """

    __slots__ = ("code", "kept", "processing_id", "sender", "structure", "trigger", "version")

    def __init__(self, msh: Segment, *, kept: bool) -> None:
        self.kept = kept
        #: MSH-9.1, MSH-9.2 and MSH-9.3
        self.code = msh.value(9)
        self.trigger = msh.value(9, 1, 2)
        self.structure = msh.value(9, 1, 3)
        #: MSH-11.1 and MSH-12.1
        self.processing_id = msh.value(11)
        self.version = msh.value(12)
        #: MSH-3 and MSH-4 as written
        self.sender = f"{msh.field(3)}|{msh.field(4)}"


class Headed:
    """What has an MSH: what that says, by its names."""

    __slots__ = ()

    msh: Segment
    kind: Kind

    @property
    def control_id(self) -> str:
        """MSH-10, the message's identity for its sender."""
        return self.msh.value(10)

    @property
    def code(self) -> str:
        """MSH-9.1, the kind of message: ORU."""
        return self.kind.code

    @property
    def trigger(self) -> str:
        """MSH-9.2, the event that it reports: R01."""
        return self.kind.trigger

    @property
    def structure(self) -> str:
        """MSH-9.3, its abstract structure: ORU_R01."""
        return self.kind.structure

    @property
    def version(self) -> str:
        """MSH-12.1, the version of the standard it claims: 2.5.1."""
        return self.kind.version

    @property
    def processing_id(self) -> str:
        """MSH-11.1: production, training or debugging."""
        return self.kind.processing_id

    @property
    def sender(self) -> str:
        """Sending application and facility, as written: whose control ids these are."""
        return self.kind.sender


def kind_of(msh: Segment, delimiters: Delimiters, charset: str) -> Kind:
    """The kind of a message with this MSH.

    Two headers are of one kind when they differ in nothing that an answer or an intake's
    decision could depend on: the time (MSH-7), security (8), the control id (10), the sequence
    number (13) and the continuation pointer (14) are left out.
    """
    if len(msh.text) > LONGEST:
        return Kind(msh, kept=False)
    fields = msh.fields
    key = (delimiters, charset, *fields[3:7], *fields[9:10], *fields[11:13], "", *fields[15:])
    kind = _known.get(key)
    if kind is None:
        if len(_known) >= AT_MOST:
            _known.clear()
        kind = _known[key] = Kind(msh, kept=True)
    return kind
