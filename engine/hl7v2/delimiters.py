"""What separates the parts of a message: MSH-1 and MSH-2."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from engine.errors import ErrorCode, Location, MessageError

#: Segments whose first field is the field separator itself.
HEADERS = frozenset(("MSH", "FHS", "BHS"))
#: MSH-2 ends before this column, or it holds something else.
_LONGEST = 24


class Delimiters(NamedTuple):
    """MSH-1 and the characters of MSH-2; "" when the message has none for a purpose."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""


STANDARD = Delimiters()


def delimiters_of(header: str) -> Delimiters:
    """The delimiters that an MSH, FHS or BHS segment declares.

    Raises:
        MessageError: there is no such segment, or what stands in MSH-1 or MSH-2 delimits nothing.

    """
    name, separator = header[:3], header[3:4]
    if name not in HEADERS:
        raise MessageError(
            "the message does not start with MSH",
            at=Location("MSH"),
            code=ErrorCode.SEGMENT_SEQUENCE_ERROR,
        )
    if not separator or separator.isalnum() or separator.isspace():
        raise MessageError(
            "the field separator (the character after MSH) is missing",
            at=Location(name, 1, 1),
            code=ErrorCode.REQUIRED_FIELD_MISSING,
        )
    return _delimiters(name, separator, header[4:_LONGEST].partition(separator)[0])


@lru_cache(maxsize=256)
def _delimiters(name: str, separator: str, declared: str) -> Delimiters:
    r"""Read MSH-2, also an irregular one.

    ``^~\\&``, a backslash doubled by some programming language, declares each character once.
    ``^~&`` has no escape character: ``&`` is the subcomponent separator everywhere. Blanks behind
    the characters are padding; before or among them, which is which could only be guessed.
    """
    declared = declared.rstrip()
    if any(character.isspace() for character in declared):
        raise MessageError(
            "a blank is no encoding character",
            at=Location(name, 1, 2),
            code=ErrorCode.DATA_TYPE_ERROR,
        )
    if any(character.isalnum() for character in declared):
        raise MessageError(
            "the encoding characters are missing",
            at=Location(name, 1, 2),
            code=ErrorCode.REQUIRED_FIELD_MISSING,
        )
    characters = list(dict.fromkeys(declared))
    if not characters:
        # Nothing declared: the characters that chapter 2.5.4 recommends.
        characters = [c if c != separator else "" for c in STANDARD[1:5]]
    if len(characters) == 3 and characters[2] == "&":
        characters.insert(2, "")
    characters += [""] * (5 - len(characters))
    return Delimiters(separator, *characters[:5])
