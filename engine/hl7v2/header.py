"""The MSH of anything that came in, even when the rest is broken: what an answer needs of it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8

from engine.errors import MessageError
from engine.hl7v2.charset import decode, wide_codec
from engine.hl7v2.delimiters import STANDARD, Delimiters, delimiters_of
from engine.hl7v2.kind import Headed, Kind, kind_of
from engine.hl7v2.message import Message
from engine.hl7v2.segment import Segment

#: How far into a broken frame an MSH is looked for, and how long it may be.
_REACH = 64 * 1024
_MSH = re.compile(rb"(?:^|[\r\n\x0b])[ \t]*(MSH[^A-Za-z0-9\s\x00-\x1f][^\r\n\x00]*)")


class Header(Headed):
    """An MSH by itself, with the delimiters and the codec to answer in."""

    __slots__ = ("charset", "delimiters", "kind", "msh")

    def __init__(
        self, msh: Segment, delimiters: Delimiters, charset: str, kind: Kind | None = None
    ) -> None:
        self.msh = msh
        self.kind = kind or kind_of(msh, delimiters, charset)
        self.delimiters = delimiters
        self.charset = charset

    @classmethod
    def of(cls, message: Message) -> Header:
        """The header of a message that could be read."""
        return cls(message.msh, message.delimiters, message.charset, message.kind)

    @classmethod
    def read(cls, raw: bytes) -> Header | None:
        """The first MSH in bytes that are no message, or None.

        What cannot be decoded is read as Latin-1 and goes back as the bytes it came as.
        """
        wide = wide_codec(raw)
        if wide:
            raw = raw[:_REACH].decode(wide, "ignore").encode()
        found = _MSH.search(raw.removeprefix(BOM_UTF8)[:_REACH])
        if found is None:
            return None
        text, charset = _decoded(found[1])
        try:
            delimiters = delimiters_of(text)
        except MessageError:  # MSH-2 delimits nothing, or MSH-1 is no ASCII character
            delimiters = STANDARD._replace(field=text[3])
        charset = wide or charset
        return cls(Segment("MSH", 0, 1, text, delimiters, charset), delimiters, charset)

    def field(self, number: int) -> str:
        """The raw text of a field of MSH, "" when absent."""
        return self.msh.field(number)

    def value(self, number: int, component: int = 1) -> str:
        """One decoded value of MSH, "" when absent."""
        return self.msh.value(number, 1, component)


def _decoded(line: bytes) -> tuple[str, str]:
    for default in ("utf-8", "iso8859-1"):
        try:
            return decode(line, default)
        except MessageError:
            continue
    return line.decode("iso8859-1"), "iso8859-1"
