"""Message and channels of a port -> accept, refuse, filter or take note; and its lanes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from engine.errors import ErrorCode, Location, MessageError
from engine.hl7v2.ack import is_acknowledgement
from engine.hl7v2.message import Delimiters, Message, Segment
from engine.hl7v2.segment import part
from engine.mapping.authorities import system_of
from engine.mapping.language import MessageCondition

#: HL7 table 0104, the versions that the standard published.
VERSIONS = frozenset(
    (
        *("2.0", "2.0D", "2.1", "2.2", "2.3", "2.3.1", "2.3.2", "2.4", "2.5", "2.5.1", "2.6"),
        *("2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9", "2.9.1"),
    )
)
#: HL7 table 0103, processing id: debugging, production, training, non-production testing.
PROCESSING_IDS = frozenset("DPTN")
#: The fields whose values, when unacceptable, reject a message (chapter 2.9.2.2: AR, CR);
#: any other fault is an error (AE, CE).
REJECTING_FIELDS = frozenset({9, 11, 12})


class Feed(Protocol):
    """What intake asks of a channel."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the protocol's names speak
    @property
    def when(self) -> MessageCondition | None: ...  # noqa: D102
    @property
    def accept(self) -> Sequence[MessageCondition]: ...  # noqa: D102
    @property
    def drop(self) -> Sequence[MessageCondition]: ...  # noqa: D102
    @property
    def strict(self) -> bool: ...  # noqa: D102
    @property
    def charset(self) -> str: ...  # noqa: D102
    @property
    def assigner(self) -> Mapping[str, str]: ...  # noqa: D102


F = TypeVar("F", bound=Feed)


@dataclass(frozen=True, slots=True)
class Accept(Generic[F]):
    """Store it, promise it, deliver it; ``flags`` are what a strict channel would refuse."""

    channel: F
    flags: tuple[MessageError, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter(Generic[F]):
    """A positive answer and a count, nothing to deliver: the channel's ``drop:`` says so."""

    channel: F
    condition: str


@dataclass(frozen=True, slots=True)
class Refuse(Generic[F]):
    """A negative answer: ``rejected`` AR or CR, otherwise AE or CE."""

    channel: F | None
    error: MessageError

    @property
    def rejected(self) -> bool:
        """Whether the header's values are the fault, which the standard calls a rejection."""
        at = self.error.at
        return at is not None and at.segment == "MSH" and at.field in REJECTING_FIELDS


@dataclass(frozen=True, slots=True)
class Acknowledgement(Generic[F]):
    """Somebody's answer, kept and counted; an answer is never answered."""

    channel: F | None


Decision = Accept[F] | Filter[F] | Refuse[F] | Acknowledgement[F]


def read(raw: bytes, channels: Sequence[F]) -> tuple[Message, F | None]:
    """Read a message as the first channel of the port that takes it would.

    The channels of one port may differ in the charset that holds when MSH-18 is empty, and
    only a message that has been read can be routed: so each charset is tried in their order.

    Raises:
        MessageError: no channel's charset makes a message of it; the first channel's reason.

    """
    messages: dict[str, Message] = {}
    failures: dict[str, MessageError] = {}
    for channel in channels:
        charset = channel.charset
        if charset not in messages and charset not in failures:
            try:
                messages[charset] = Message.read(raw, default_charset=charset)
            except MessageError as failure:
                failures[charset] = failure
        message = messages.get(charset)
        if message is not None and (channel.when is None or channel.when.holds(message)):
            return message, channel
    if not messages:
        raise next(iter(failures.values()), MessageError("no channel listens on this port"))
    return next(iter(messages.values())), None


def decide(message: Message, channel: F | None) -> Decision[F]:
    """What becomes of a message that was read for a channel, or for none of the port's."""
    if is_acknowledgement(message):
        return Acknowledgement(channel)
    if channel is None:
        what = "no channel on this port takes this message"
        return Refuse(None, _fault(9, what, ErrorCode.UNSUPPORTED_MESSAGE_TYPE))
    if not message.code:
        missing = _fault(9, "the message type is missing", ErrorCode.REQUIRED_FIELD_MISSING)
        return Refuse(channel, missing)
    flags = tuple(_oddities(message))
    if flags and channel.strict:
        return Refuse(channel, flags[0])
    if channel.accept and not any(condition.holds(message) for condition in channel.accept):
        return Refuse(channel, _unsupported(channel.accept))
    for condition in channel.drop:
        if condition.holds(message):
            return Filter(channel, str(condition))
    crowd = _too_many_patients(message)
    if crowd is not None:
        return Refuse(channel, crowd)
    return Accept(channel, flags)


def _fault(number: int, what: str, code: ErrorCode) -> MessageError:
    return MessageError(what, at=Location("MSH", 1, number), code=code)


def _oddities(message: Message) -> Iterator[MessageError]:
    """What the standard forbids in a header and a lenient channel lives with."""
    if message.version not in VERSIONS:
        missing = "missing" if not message.version else "not one of table 0104"
        yield _fault(12, f"the version is {missing}", ErrorCode.UNSUPPORTED_VERSION_ID)
    if message.processing_id not in PROCESSING_IDS:
        missing = "missing" if not message.processing_id else "not one of table 0103"
        yield _fault(11, f"the processing id is {missing}", ErrorCode.UNSUPPORTED_PROCESSING_ID)
    if not message.control_id:
        yield _fault(10, "the message control id is missing", ErrorCode.REQUIRED_FIELD_MISSING)


_UNSUPPORTED = {
    (9, 2): (ErrorCode.UNSUPPORTED_EVENT_CODE, "the event is not accepted here"),
    (11, 1): (ErrorCode.UNSUPPORTED_PROCESSING_ID, "the processing id is not accepted here"),
    (12, 1): (ErrorCode.UNSUPPORTED_VERSION_ID, "the version is not accepted here"),
}


def _unsupported(conditions: Sequence[MessageCondition]) -> MessageError:
    """The error that names the header field which every ``accept:`` condition reads."""
    fields = {
        (ref.field, ref.component or 1) if ref.segment == "MSH" else None
        for condition in conditions
        for ref in condition.refs
    }
    only = fields.pop() if len(fields) == 1 else None
    if only in _UNSUPPORTED:
        code, what = _UNSUPPORTED[only]
        return _fault(only[0], what, code)
    what = "the message type is not accepted here"
    return _fault(9, what, ErrorCode.UNSUPPORTED_MESSAGE_TYPE)


# --- lanes -----------------------------------------------------------------------------------

#: Where a patient is named.
_PATIENT_FIELDS = (("PID", (3, 2, 4)), ("MRG", (1,)))
#: Each is a lane, and lanes left out would break the order of whoever waits in them: so a
#: message that names more is not taken. A list of a hospital's patients names fewer.
IDENTIFIERS_AT_MOST = 10_000
_AUTHORITIES_AT_MOST = 4096


@dataclass(frozen=True, slots=True)
class Authorities:
    """What a mapping knows of assigning authorities: by their names, and systems by their OIDs."""

    authorities: Mapping[str, str] = field(default_factory=dict)
    systems: Mapping[str, str] = field(default_factory=dict)
    #: CX.4 as it stands -> its system; a feed names the same few in every message
    _found: dict[tuple[str, Delimiters], str | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    def system(self, message: Message, authority: str) -> str | None:
        """The system of identifiers of an assigning authority, CX.4, as the mapping has it."""
        if not authority:
            return None
        delimiters = message.delimiters
        try:
            return self._found[authority, delimiters]
        except KeyError:
            if len(self._found) >= _AUTHORITIES_AT_MOST:
                self._found.clear()
            parts = (part(authority, n, delimiters.subcomponent) for n in (1, 2, 3))
            hd = [message.unescape(text).strip() for text in parts]
            self._found[authority, delimiters] = found = system_of(self, *hd)
            return found


def _too_many_patients(message: Message) -> MessageError | None:
    """The error of a message that would wait in more lanes than can be kept."""
    if len(message.text) <= IDENTIFIERS_AT_MOST:
        return None  # each costs a character
    found = 0
    separator = message.delimiters.repetition
    for name, numbers in _PATIENT_FIELDS:
        for segment in message.all(name):
            for number in numbers:
                found += 1 + (segment.field(number).count(separator) if separator else 0)
                if found > IDENTIFIERS_AT_MOST:
                    return MessageError(
                        f"more than {IDENTIFIERS_AT_MOST} identifiers of patients",
                        at=Location(name, segment.sequence, number),
                        code=ErrorCode.VALUE_TOO_LONG,
                    )
    return None


def lanes(
    message: Message, channel: F, scopes: Sequence[str], known: Authorities
) -> tuple[str, ...]:
    """The lanes that a message waits in: messages that share one are delivered in order.

    A lane is a scope (the server that is written to) and a patient identifier with its
    system, so that two channels which know the same patient share it. A match key may pick
    any repetition of PID-3, and each feed may pick another: therefore every identifier is a
    lane, and two messages that could match the same Patient always have one in common. A
    merge (MRG-1) and a message about several patients wait in the lanes of all of them; one
    that names too many is refused by ``decide``. An
    identifier without a system means something to its own channel only. A message without a
    patient has the lane of its sender.
    """
    keys: dict[str, None] = {}
    for name, numbers in _PATIENT_FIELDS:
        for segment in message.all(name):
            fields = segment.fields
            for number in numbers:
                if number < len(fields) and fields[number]:
                    _add_identifiers(keys, message, segment, number, channel, known)
    if not keys:
        keys[f"{channel.name}|{message.sender}"] = None
    return tuple([f"{scope}|{key}" for scope in scopes for key in keys])


def _add_identifiers(
    keys: dict[str, None],
    message: Message,
    segment: Segment,
    number: int,
    channel: F,
    known: Authorities,
) -> None:
    component, subcomponent = message.delimiters.component, message.delimiters.subcomponent
    for raw in segment.repetitions(number):
        value = message.unescape(part(part(raw, 1, component), 1, subcomponent)).strip()
        if value and value != '""':
            authority = part(raw, 4, component)
            system = known.system(message, authority)
            system = system or _default_system(segment, number, channel, authority)
            keys[f"{system}|{value}"] = None


def _default_system(segment: Segment, number: int, channel: F, authority: str) -> str:
    """The channel's word for an identifier that names no authority; else one of its own.

    An authority without a known system is not the channel's: an insurer's number beside the
    record number must not become a record number.
    """
    stated = None
    if not authority:
        # MRG-1 is the former PID-3.
        path = "PID-3" if segment.name == "MRG" else f"{segment.name}-{number}"
        stated = channel.assigner.get(path)
    return stated or f"{channel.name}:{authority}"


def patient_of(message: Message) -> str:
    """The patient identifier that the store is searched by: the first of PID-3, else PID-2."""
    pid = message.segment("PID")
    return "" if pid is None else pid.value(3) or pid.value(2)


def order_of(message: Message) -> str:
    """The order number that the store is searched by: the filler's, else the placer's."""
    for number in (3, 2):
        for name in ("OBR", "ORC"):
            segment = message.segment(name)
            found = "" if segment is None else segment.value(number)
            if found:
                return found
    return ""
