"""ERR: where a message is wrong, in the form that its version knows."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Location, MessageError
from engine.hl7v2.delimiters import Delimiters
from engine.hl7v2.escape import escape

#: Versions from which on a form holds.
_CODED_ELD_SINCE = (2, 3, 1)
_ERL_SINCE = (2, 5)
#: ERR-8 holds 250 characters.
_USER_TEXT = 250


def err_segments(
    delimiters: Delimiters, version: tuple[int, ...], errors: Sequence[MessageError]
) -> list[str]:
    """The ERR segments that say these errors, of which there is one at least."""
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
