"""A message: segments split at once, fields when they are asked for, escapes when read."""

from __future__ import annotations

from functools import lru_cache

from engine.hl7v2.charset import decode
from engine.hl7v2.delimiters import STANDARD, Delimiters, delimiters_of
from engine.hl7v2.escape import unescape
from engine.hl7v2.path import Path
from engine.hl7v2.segment import Segment, part

__all__ = ["STANDARD", "Delimiters", "Message", "Segment", "unescape"]

_path = lru_cache(maxsize=4096)(Path.parse)


class Message:
    """An HL7 v2 message as its sender wrote it, read in place."""

    __slots__ = ("_by_name", "charset", "delimiters", "segments", "text")

    def __init__(self, text: str, delimiters: Delimiters, lines: list[str], charset: str) -> None:
        self.text = text
        self.delimiters = delimiters
        self.charset = charset
        self.segments: list[Segment] = []
        self._by_name: dict[str, list[Segment]] = {}
        separator, segments, by_name = delimiters.field, self.segments, self._by_name
        for index, line in enumerate(lines):
            name = line[:3]
            if (line[3:4] != separator and len(line) != 3) or separator in name:
                name = line.partition(separator)[0]
            same = by_name.get(name)
            if same is None:
                same = by_name[name] = []
            segment = Segment(name, index, len(same) + 1, line, delimiters, charset)
            same.append(segment)
            segments.append(segment)

    @classmethod
    def parse(cls, text: str, charset: str = "utf-8") -> Message:
        """Read decoded text; CR, LF or CRLF end a segment, blank lines and a BOM are skipped.

        Raises:
            MessageError: it does not start with a usable MSH.

        """
        if text[:1] == "\ufeff":
            text = text[1:]
        lines = text
        if "\n" in lines:
            # Not splitlines(): it also splits at VT, FS, NEL and LS, which may stand in a value.
            lines = lines.replace("\r\n", "\r").replace("\n", "\r")
        kept = [line for line in lines.split("\r") if line and not line.isspace()]
        return cls(text, delimiters_of(kept[0] if kept else ""), kept, charset)

    @classmethod
    def read(cls, raw: bytes, *, default_charset: str = "utf-8") -> Message:
        """Read bytes in the character set that MSH-18 names, else in the default.

        Raises:
            MessageError: it does not start with a usable MSH, or is not in its character set.

        """
        text, charset = decode(raw, default_charset)
        return cls.parse(text, charset)

    def segment(self, name: str) -> Segment | None:
        """The first segment of a name."""
        found = self._by_name.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Segment]:
        """Every segment of a name, in the message's order."""
        return list(self._by_name.get(name, ()))

    def text_of(self, path: Path | str) -> str:
        """The raw text at a path, as it stands in the message, nothing decoded; "" when absent."""
        path = _path(path) if isinstance(path, str) else path
        segment = self._at(path)
        if segment is None:
            return ""
        if path.field is None:
            return segment.text
        text = segment.field(path.field)
        if segment.is_delimiters(path.field):
            return text
        delimiters = self.delimiters
        if path.repetition is not None or path.component is not None:
            text = part(text, path.repetition or 1, delimiters.repetition)
        if path.component is not None:
            text = part(text, path.component, delimiters.component)
        if path.subcomponent is not None:
            text = part(text, path.subcomponent, delimiters.subcomponent)
        return text

    def value(self, path: Path | str) -> str:
        """The first value at a path, decoded; "" when absent."""
        path = _path(path) if isinstance(path, str) else path
        segment = self._at(path)
        if segment is None:
            return ""
        return segment.value(
            path.field or 0, path.repetition or 1, path.component or 1, path.subcomponent or 1
        )

    def values(self, path: Path | str) -> list[str]:
        """The decoded values at a path, of every segment and every repetition that it leaves open.

        Absent ones are left out.
        """
        path = _path(path) if isinstance(path, str) else path
        segments = self._by_name.get(path.segment, [])
        if path.sequence is not None:
            segments = segments[path.sequence - 1 : path.sequence]
        number = path.field or 0
        found = []
        for segment in segments:
            count = len(segment.repetitions(number))
            wanted = range(1, count + 1) if path.repetition is None else (path.repetition,)
            found += [
                segment.value(number, repetition, path.component or 1, path.subcomponent or 1)
                for repetition in wanted
            ]
        return [value for value in found if value]

    def _at(self, path: Path) -> Segment | None:
        found = self._by_name.get(path.segment)
        number = (path.sequence or 1) - 1
        return found[number] if found and number < len(found) else None

    def unescape(self, value: str) -> str:
        """The text that a raw value of this message stands for."""
        if self.delimiters.escape in value:
            return unescape(value, self.delimiters, self.charset)
        return value

    @property
    def _header(self) -> Segment:
        return self.segments[0]

    @property
    def control_id(self) -> str:
        """MSH-10, the message's identity for its sender."""
        return self._header.value(10)

    @property
    def code(self) -> str:
        """MSH-9.1, the kind of message: ORU."""
        return self._header.value(9)

    @property
    def trigger(self) -> str:
        """MSH-9.2, the event that it reports: R01."""
        return self._header.value(9, 1, 2)

    @property
    def structure(self) -> str:
        """MSH-9.3, its abstract structure: ORU_R01."""
        return self._header.value(9, 1, 3)

    @property
    def version(self) -> str:
        """MSH-12.1, the version of the standard it claims: 2.5.1."""
        return self._header.value(12)

    @property
    def processing_id(self) -> str:
        """MSH-11.1: production, training or debugging."""
        return self._header.value(11)

    @property
    def sender(self) -> str:
        """Sending application and facility, as written: whose control ids these are."""
        return f"{self._header.field(3)}|{self._header.field(4)}"

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"
