"""MSH-18 and a channel's default -> the codec that a message's bytes are in.

HL7 table 0211. Decoding is strict: a byte that is not in the declared character set means that
somebody's name would be stored wrongly, and only the sender can say what it was.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from functools import lru_cache

from engine.errors import ErrorCode, Location, MessageError

#: HL7 table 0211, with the names that senders write instead, in capitals without blanks.
_TABLE_0211 = {
    "ASCII": "ascii",
    "ISOIR6": "ascii",
    "ISOIR14": "shift_jis",  # its single bytes are JIS X 0201, katakana included
    "ISOIR87": "iso2022_jp_ext",
    "ISOIR159": "iso2022_jp_ext",
    "GB18030-2000": "gb18030",
    "KSX1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODEUTF-8": "utf-8",
    "UNICODEUTF-16": "utf-16",
    "UNICODEUTF-32": "utf-32",
}
#: What of Python's codecs is a character set that ASCII letters can be read in.
_FAMILIES = (
    *("ascii", "utf-8", "utf-16", "utf-32", "iso8859", "iso2022", "cp", "koi8", "mac"),
    *("gb", "big5", "euc", "shift_jis", "tis-620"),
)
#: Which alternates (MSH-18, second repetition on) are switched to by which ISO 2022 codec.
_SWITCHED = {"iso2022_jp_ext": "iso2022_jp_ext", "shift_jis": "iso2022_jp_ext"}
_SWITCHED |= {"euc_kr": "iso2022_kr"}
_ESCAPE = b"\x1b"
#: Within so many bytes an MSH ends.
_REACH = 64 * 1024
#: More than MSH-18 can need; what it names is remembered.
_LONGEST_NAMES = 200
_WIDE_STARTS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    ("M".encode("utf-32-le"), "utf-32-le"),
    ("M".encode("utf-32-be"), "utf-32-be"),
    ("M".encode("utf-16-le"), "utf-16-le"),
    ("M".encode("utf-16-be"), "utf-16-be"),
)


@lru_cache(maxsize=256)
def codec(name: str) -> str | None:
    """Python's name for a character set of table 0211 or of common use; None when unknown."""
    key = "".join(name.upper().split()).replace("/", "-")
    known = _TABLE_0211.get(key, key)
    if known.startswith("8859"):  # 8859/1, and 8859-1 as some write it
        known = f"iso{known}"
    elif known.startswith("ISOIR"):  # registered numbers outside of the table
        known = known.replace("ISOIR", "iso-ir-").replace("--", "-")
    try:
        info = codecs.lookup(known)
    except (LookupError, ValueError):
        return None
    return info.name if info.name.startswith(_FAMILIES) else None


def codec_for(repetitions: Sequence[str], default: str) -> str:
    """The codec of a message whose MSH-18 holds these repetitions.

    Raises:
        MessageError: the character set is none that we know.

    """
    return _codecs(tuple(repetitions), default)[0]


@lru_cache(maxsize=256)
def _codecs(repetitions: tuple[str, ...], default: str) -> tuple[str, ...]:
    """The codec to read with, then those that MSH-18 names besides.

    An empty first repetition before others is ASCII (chapter 2.14.9.18), an empty MSH-18 is
    the default.
    """
    names = [name.strip().strip('"') for name in repetitions]  # "" deletes: none is named
    if not any(names):
        names = [default]
    elif not names[0]:
        names[0] = "ASCII"
    found = [codec(name) for name in names if name]
    if None in found:
        raise MessageError(
            "the character set is not one that can be read here",
            at=Location("MSH", 1, 18),
            code=ErrorCode.TABLE_VALUE_NOT_FOUND,
        )
    return tuple(dict.fromkeys(name for name in found if name))


def decode(raw: bytes, default: str) -> tuple[str, str]:
    """The text of a message and the codec it was in.

    Raises:
        MessageError: the character set is unknown, or a byte does not belong to it.

    """
    wide = wide_codec(raw)
    if wide:
        return _strictly(raw, wide), wide
    if raw[:3] == codecs.BOM_UTF8:
        return _strictly(raw[3:], "utf-8"), "utf-8"
    names = _narrow(_declared(raw), default)
    if len(names) > 1 and _ESCAPE in raw:
        switched = [_SWITCHED[name] for name in names if name in _SWITCHED]
        names = (*switched[:1], *names)
    for name in names[:-1]:
        # More than one is declared: what is not in the first is in one of the others.
        try:
            return raw.decode(name), name
        except UnicodeDecodeError:
            continue
    return _strictly(raw, names[-1]), names[-1]


def wide_codec(raw: bytes) -> str | None:
    """The codec when a character takes two or four bytes: seen at the first letter or the BOM."""
    if raw[:1] == b"M" and raw[1:2] == b"S":
        return None
    return next((name for start, name in _WIDE_STARTS if raw.startswith(start)), None)


@lru_cache(maxsize=256)
def _narrow(declared: str, default: str) -> tuple[str, ...]:
    """The codecs to try for what MSH-18 declares.

    MSH-18 was readable byte by byte, so what it says cannot be UTF-16 or UTF-32.
    """
    found = _codecs(tuple(declared.split("~", 16)), default)
    return tuple("utf-8" if name.startswith(("utf-16", "utf-32")) else name for name in found)


def _declared(raw: bytes) -> str:
    """MSH-18, found in the bytes: only its value says how to decode them."""
    begin = 0 if raw[:1] == b"M" else len(raw) - len(raw.lstrip())
    end = raw.find(b"\r", begin, _REACH)
    line = raw[begin : end if end > 0 else len(raw)]
    end = line.find(b"\n", 0, _REACH)
    if end > 0:
        line = line[:end]
    separator = line[3:4] or b"|"
    if line.count(separator) < 17:
        return ""
    return line.split(separator, 18)[17][:_LONGEST_NAMES].decode("ascii", "replace")


def _strictly(raw: bytes, name: str) -> str:
    try:
        return raw.decode(name)
    except UnicodeDecodeError as failure:
        raise MessageError(
            f"bytes that are not {name}",
            at=_place(raw, failure.start),
            code=ErrorCode.DATA_TYPE_ERROR,
        ) from None


def _place(raw: bytes, offset: int) -> Location:
    """Segment, its number and field where a byte stands."""
    lines = raw[:offset].replace(b"\n", b"\r").split(b"\r")
    separator = raw.lstrip(b"\r\n")[3:4] or b"|"
    name = lines[-1][:3]
    named = len(name) == 3 and name.isalnum() and name.isupper()
    if not named or lines[-1][3:4] not in (separator, b""):
        return Location("MSH", 1)  # a line that is no segment: its first letters are a value
    sequence = sum(line[:3] == name for line in lines)
    field = lines[-1].count(separator) + (name == b"MSH")
    return Location(name.decode("ascii", "replace"), sequence, max(field, 1))
