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
from typing import Literal, NamedTuple

from engine.errors import Location, MessageError
from engine.hl7v2.delimiters import Delimiters
from engine.hl7v2.escape import escape
from engine.hl7v2.header import Header
from engine.hl7v2.message import Message

__all__ = ["AckCode", "Answers", "Header", "When", "answers_for", "build_ack", "is_acknowledgement"]


class AckCode(StrEnum):
    """HL7 table 0008, acknowledgement code."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"

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
_CODED_ELD_SINCE = (2, 3, 1)
_ERL_SINCE = (2, 5)
_NO_TEXT_SINCE = (2, 7)
#: What is claimed where the request claims no version.
_DEFAULT_VERSION = "2.5.1"
_VERSION = re.compile(r"\d+(?:\.\d+)+")
#: MSA-3 and ERR-8 hold 80 and 250 characters.
_MSA_TEXT, _USER_TEXT = 80, 250


def answers_for(message: Message | Header) -> Answers:
    """The answers that MSH-15 and MSH-16 ask for.

    Valued either of them, the mode is enhanced, and the empty one asks for nothing.
    """
    header = _header(message)
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


def is_acknowledgement(message: Message) -> bool:
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
    header = _header(request)
    form = _form_for(header, code)
    time, own_id = _time(now, now.utcoffset()), escape(control_id, header.delimiters)
    segments = [
        f"{form.before}{time}{form.between}{own_id}{form.after}",
        _msa(header, form.version, code, errors),
        *_err(header.delimiters, form.version, errors),
    ]
    text = "".join(f"{segment.rstrip(header.delimiters.field)}\r" for segment in segments)
    return text.encode(header.charset, "replace")


class _Form(NamedTuple):
    """An answer's MSH without its time (MSH-7) and control id (MSH-10)."""

    before: str
    between: str
    after: str
    version: tuple[int, ...]


#: A sender's headers differ in little: what follows from the rest of them is kept.
_forms: dict[tuple[object, ...], _Form] = {}
_FORMS_AT_MOST = 1024
_LONGEST_KEPT = 512


@lru_cache(maxsize=16)
def _time(now: datetime, _zone: timedelta | None) -> str:
    """MSH-7; the zone is there to tell apart two ways of saying one moment."""
    return now.strftime("%Y%m%d%H%M%S%z")


def _form_for(header: Header, code: AckCode) -> _Form:
    fields = header.segment.fields
    if len(header.segment.text) > _LONGEST_KEPT:
        return _new_form(header, code)
    key = (code.accept, *fields[1:7], *fields[9:10], *fields[11:21])
    form = _forms.get(key)
    if form is None:
        if len(_forms) >= _FORMS_AT_MOST:
            _forms.clear()
        form = _forms[key] = _new_form(header, code)
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


def _echo(header: Header, number: int) -> str:
    """A field as the request has it; without control characters, which could end our frame."""
    raw = header.field(number)
    return raw if raw.isprintable() else "".join(" " if c < " " else c for c in raw)


def _msh(header: Header, version: tuple[int, ...], code: AckCode) -> list[str]:
    """MSH, field by field: ``[0]`` is its name with MSH-1 and MSH-2, ``[n]`` is MSH-(n+2)."""
    delimiters = header.delimiters
    fields = [""] * 19
    fields[0] = "MSH" + delimiters.field + "".join(delimiters[1:])
    fields[1], fields[2] = _echo(header, 5), _echo(header, 6)
    fields[3], fields[4] = _echo(header, 3), _echo(header, 4)
    fields[7] = _type(header, version)
    fields[9] = _echo(header, 11) or "P"
    fields[10] = _echo(header, 12) or _DEFAULT_VERSION
    if code.accept or answers_for(header).mode == "enhanced":
        fields[13] = fields[14] = When.NE  # an answer is not answered
    fields[16], fields[18] = _echo(header, 18), _echo(header, 20)
    return fields


def _type(header: Header, version: tuple[int, ...]) -> str:
    """MSH-9: the trigger of the request, and the structure since versions know it."""
    delimiters = header.delimiters
    trigger = escape(header.trigger.strip(), delimiters)
    if not trigger or not delimiters.component:
        return "ACK"
    parts = ["ACK", trigger] + (["ACK"] if version >= _STRUCTURE_SINCE else [])
    return delimiters.component.join(parts)


def _msa(
    header: Header, version: tuple[int, ...], code: AckCode, errors: Sequence[MessageError]
) -> str:
    fields = ["MSA", code.value, _echo(header, 10)]
    if errors and version < _NO_TEXT_SINCE:  # from 2.7 on the text has its place in ERR only
        fields.append(escape(errors[0].what[:_MSA_TEXT], header.delimiters))
    return header.delimiters.field.join(fields)


def _err(
    delimiters: Delimiters, version: tuple[int, ...], errors: Sequence[MessageError]
) -> list[str]:
    if not errors:
        return []
    if version >= _ERL_SINCE:
        return [_located_error(delimiters, error) for error in errors]
    eld = [_error_location_and_description(delimiters, version, error) for error in errors]
    if not delimiters.repetition:
        del eld[1:]
    return [f"ERR{delimiters.field}{delimiters.repetition.join(eld)}"]


def _located_error(delimiters: Delimiters, error: MessageError) -> str:
    """ERR since 2.5: ERR-2 where, ERR-3 what (table 0357), ERR-4 how bad, ERR-8 in words."""
    code = [error.code.code, error.code.display, "HL70357"]
    fields = [""] * 9
    fields[0] = "ERR"
    fields[2] = _join(delimiters.component, _erl(error.at), delimiters)
    fields[3] = _join(delimiters.component, code, delimiters)
    fields[4] = error.severity
    fields[8] = escape(error.what[:_USER_TEXT], delimiters)
    return delimiters.field.join(fields)


def _error_location_and_description(
    delimiters: Delimiters, version: tuple[int, ...], error: MessageError
) -> str:
    """ERR-1 before 2.5: segment, its sequence, field, and the code (coded since 2.3.1)."""
    code = [error.code.code]
    if version >= _CODED_ELD_SINCE and delimiters.subcomponent:
        code += [error.code.display, "HL70357"]
    where = [*_erl(error.at), "", "", ""][:3]
    parts = [escape(part, delimiters) for part in where]
    parts.append(_join(delimiters.subcomponent, code, delimiters))
    return delimiters.component.join(parts) if delimiters.component else parts[-1]


def _erl(at: Location | None) -> list[str]:
    if at is None:
        return []
    numbers = (at.sequence, at.field, at.repetition, at.component, at.subcomponent)
    return [at.segment, *("" if number is None else str(number) for number in numbers)]


def _join(separator: str, parts: list[str], delimiters: Delimiters) -> str:
    """Parts of a field without empty ones at the end; the first alone when nothing separates."""
    while parts and not parts[-1]:
        parts = parts[:-1]
    escaped = [escape(part, delimiters) for part in parts]
    return separator.join(escaped) if separator else "".join(escaped[:1])
