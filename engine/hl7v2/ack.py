"""Acknowledgements: which ones a message asks for, and what they say.

HL7 v2 chapter 2.9: in the original mode one answer (AA, AE, AR) says what became of the message;
in the enhanced mode the accept answer (CA, CE, CR) says that it is stored, the application
answer what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar

from engine.errors import MessageError
from engine.hl7v2.charset import codec_for
from engine.hl7v2.err import err_segments
from engine.hl7v2.escape import escape
from engine.hl7v2.header import Header
from engine.hl7v2.kind import Kind
from engine.hl7v2.message import Message
from engine.hl7v2.segment import Segment

__all__ = ["AckCode", "Answers", "Header", "When", "answers_for", "build_ack", "is_acknowledgement"]


class AckCode(StrEnum):
    """HL7 table 0008, acknowledgement code."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"

    __hash__ = str.__hash__  # an enumeration's own is Python code, run for every answer

    @property
    def positive(self) -> bool:
        """Whether it promises that the message is safe."""
        return self in (AckCode.AA, AckCode.CA)

    @property
    def accept(self) -> bool:
        """Whether it is an accept answer of the enhanced mode."""
        return self.value.startswith("C")


class When(StrEnum):
    """HL7 table 0155: always, never, errors and rejections only, success only."""

    AL = "AL"
    NE = "NE"
    ER = "ER"
    SU = "SU"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers that a message asks for. The original mode has no accept answer."""

    mode: Literal["original", "enhanced"]
    accept: When
    application: When


_ORIGINAL = Answers("original", When.NE, When.AL)

#: Message types that are answers themselves: general and delayed acknowledgement.
_ACKNOWLEDGEMENTS = frozenset(("ACK", "MCF"))

#: Versions from which on a form holds.
_STRUCTURE_SINCE = (2, 3, 1)
_NO_TEXT_SINCE = (2, 7)
#: What is claimed where the request claims no version.
_DEFAULT_VERSION = "2.5.1"
_VERSION = re.compile(r"\d+(?:\.\d+)+")
#: MSA-3 holds 80 characters.
_MSA_TEXT = 80


def answers_for(message: Message | Header) -> Answers:
    """The answers that MSH-15 and MSH-16 ask for.

    Valued either of them, the mode is enhanced, and the empty one asks for nothing.
    """
    kind = message.kind
    answers = _answers.get(kind)
    if answers is None:
        answers = _asked_for(_header(message))
        if kind.kept:
            _remember(_answers, kind, answers)
    return answers


def _asked_for(header: Header) -> Answers:
    if not (header.field(15) or header.field(16)):
        return _ORIGINAL
    accept, application = (_when(header.value(number)) for number in (15, 16))
    if accept is None and application is None:
        return _ORIGINAL
    return Answers("enhanced", accept or When.NE, application or When.NE)


def _when(value: str) -> When | None:
    """Table 0155; a word that is none of its own asks for an answer: silence would stall."""
    word = value.strip().upper()
    if not word or word == '""':
        return None
    return When(word) if word in When.__members__ else When.AL


def is_acknowledgement(message: Message | Header) -> bool:
    """Whether a message is an answer, which is never answered: the two sides would not stop.

    Queries' responses (RSP, ORR …) carry an MSA, too, but bring data and are messages.
    """
    return message.code.strip().upper() in _ACKNOWLEDGEMENTS


def build_ack(
    request: Message | Header,
    code: AckCode,
    *,
    now: datetime,
    control_id: str,
    errors: Sequence[MessageError] = (),
) -> bytes:
    """An answer in the request's version, delimiters and character set, without a frame."""
    delimiters = request.delimiters
    form = _form_for(request, code)
    time = _time(now, now.utcoffset())
    own_id = control_id if control_id.isalnum() else escape(control_id, delimiters)
    segments = [
        f"{form.before}{time}{form.between}{own_id}{form.after}",
        _msa(request, form.version, code, errors),
    ]
    if errors:
        segments += err_segments(delimiters, form.version, errors)
    text = "".join([f"{segment.rstrip(delimiters.field)}\r" for segment in segments])
    return text.encode(request.charset, "replace")


class _Form(NamedTuple):
    """An answer's MSH without its time (MSH-7) and control id (MSH-10)."""

    before: str
    between: str
    after: str
    version: tuple[int, ...]


K = TypeVar("K")
T = TypeVar("T")
#: What follows from the kind of a message is kept.
_answers: dict[Kind, Answers] = {}
_forms: dict[tuple[Kind, AckCode], _Form] = {}
_KEPT_AT_MOST = 1024


def _remember(kept: dict[K, T], key: K, value: T) -> None:
    if len(kept) >= _KEPT_AT_MOST:
        kept.clear()
    kept[key] = value


@lru_cache(maxsize=16)
def _time(now: datetime, _zone: timedelta | None) -> str:
    """MSH-7; the zone is there to tell apart two ways of saying one moment."""
    return now.strftime("%Y%m%d%H%M%S%z")


def _form_for(request: Message | Header, code: AckCode) -> _Form:
    key = (request.kind, code)
    form = _forms.get(key)
    if form is None:
        form = _new_form(_header(request), code)
        if request.kind.kept:
            _remember(_forms, key, form)
    return form


def _new_form(header: Header, code: AckCode) -> _Form:
    version = _version(header)
    fields = _msh(header, version, code)
    join = header.delimiters.field.join
    return _Form(
        before=join([*fields[:5], ""]),
        between=join(["", *fields[6:8], ""]),
        after=join(["", *fields[9:]]),
        version=version,
    )


def _header(message: Message | Header) -> Header:
    return message if isinstance(message, Header) else Header.of(message)


def _version(header: Header) -> tuple[int, ...]:
    """The version whose form the answer has; the newest for what is no number."""
    match = _VERSION.match(header.version.strip() or _DEFAULT_VERSION)
    return tuple(int(number) for number in match[0].split(".")) if match else (99,)


def _echo(msh: Segment, number: int) -> str:
    """A field as the request has it; without control characters, which could end our frame."""
    raw = msh.field(number)
    return raw if raw.isprintable() else "".join(" " if c < " " else c for c in raw)


def _msh(header: Header, version: tuple[int, ...], code: AckCode) -> list[str]:
    """MSH, field by field: ``[0]`` is its name with MSH-1 and MSH-2, ``[n]`` is MSH-(n+2)."""
    delimiters = header.delimiters
    fields = [""] * 19
    fields[0] = "MSH" + delimiters.field + "".join(delimiters[1:])
    fields[1], fields[2] = _echo(header.msh, 5), _echo(header.msh, 6)
    fields[3], fields[4] = _echo(header.msh, 3), _echo(header.msh, 4)
    fields[7] = _type(header, version)
    fields[9] = _echo(header.msh, 11) or "P"
    fields[10] = _echo(header.msh, 12) or _DEFAULT_VERSION
    if code.accept or answers_for(header).mode == "enhanced":
        fields[13] = fields[14] = When.NE  # an answer is not answered
    fields[16], fields[18] = _charset(header), _echo(header.msh, 20)
    return fields


def _charset(header: Header) -> str:
    """MSH-18 of the request; empty where nobody could read an answer that repeats it."""
    try:
        codec_for(header.msh.repetitions(18), header.charset)
    except MessageError:
        return ""
    return _echo(header.msh, 18)


def _type(header: Header, version: tuple[int, ...]) -> str:
    """MSH-9: the trigger of the request, and the structure since versions know it."""
    delimiters = header.delimiters
    trigger = escape(header.trigger.strip(), delimiters)
    if not trigger or not delimiters.component:
        return "ACK"
    parts = ["ACK", trigger] + (["ACK"] if version >= _STRUCTURE_SINCE else [])
    return delimiters.component.join(parts)


def _msa(
    request: Message | Header,
    version: tuple[int, ...],
    code: AckCode,
    errors: Sequence[MessageError],
) -> str:
    delimiters = request.delimiters
    fields = ["MSA", code.value, _echo(request.msh, 10)]
    if errors and version < _NO_TEXT_SINCE:  # from 2.7 on the text has its place in ERR only
        fields.append(escape(errors[0].what[:_MSA_TEXT], delimiters))
    return delimiters.field.join(fields)
