"""A message: segments split at once, fields when they are asked for, escapes when read."""

from __future__ import annotations

from functools import lru_cache

from engine.errors import ErrorCode, MessageError
from engine.hl7v2.charset import decode
from engine.hl7v2.delimiters import STANDARD, Delimiters, delimiters_of
from engine.hl7v2.escape import unescape
from engine.hl7v2.kind import Headed, Kind, kind_of
from engine.hl7v2.path import Path
from engine.hl7v2.segment import Segment, is_odd, part

__all__ = ["STANDARD", "Delimiters", "Message", "Segment", "unescape"]

#: A segment costs a hundred times the memory of its shortest text. The longest messages that
#: there are, days of a monitor's values, have some tens of thousands.
SEGMENTS_AT_MOST = 500_000

_path = lru_cache(maxsize=4096)(Path.parse)


class Message(Headed):
    """An HL7 v2 message as its sender wrote it, read in place."""

    __slots__ = (
        *("_by_name", "_lines", "_names", "charset", "delimiters", "kind", "msh", "segments"),
        "text",
    )

    #: every segment in its order; made when it is first asked for: an answer needs but a few
    segments: list[Segment]
    #: what MSH says apart from the time and the control id
    kind: Kind

    def __init__(self, text: str, delimiters: Delimiters, lines: list[str], charset: str) -> None:
        self.text = text
        self.delimiters = delimiters
        self.charset = charset
        #: the first segment
        self.msh = Segment(lines[0][:3], 0, 1, lines[0], delimiters, charset)
        self._lines = lines
        self._names: list[str] | None = None
        self._by_name: dict[str, list[Segment]] = {}

    def __getattr__(self, name: str) -> object:
        """Fill a slot that is still empty; Python asks here for no other."""
        if name == "segments":
            self._make_all()
        elif name == "kind":
            self.kind = kind_of(self.msh, self.delimiters, self.charset)
        else:
            raise AttributeError(name)
        return getattr(self, name)

    def _make_all(self) -> None:
        made = {segment.index: segment for some in self._by_name.values() for segment in some}
        made[0] = self.msh
        separator, charset = self.delimiters.field, self.charset
        segments: list[Segment] = []
        by_name: dict[str, list[Segment]] = {}
        for index, line in enumerate(self._lines):
            name = line[:3]
            if (line[3:4] != separator and len(line) != 3) or separator in name:
                name = line.partition(separator)[0]
            same = by_name.get(name)
            if same is None:
                same = by_name[name] = []
            segment = made.get(index)
            if segment is None:
                segment = Segment(name, index, len(same) + 1, line, self.delimiters, charset)
            same.append(segment)
            segments.append(segment)
        self.segments, self._by_name = segments, by_name
        self._lines = self._names = []  # nothing is left to be found

    def _named(self, name: str) -> list[Segment]:
        found = self._by_name.get(name)
        if found is None:
            found = self._made(name)
            self._by_name[name] = found
        return found

    def _made(self, name: str) -> list[Segment]:
        """The segments of a name, without making the others."""
        separator = self.delimiters.field
        if len(name) != 3 or separator in name:
            return [segment for segment in self.segments if segment.name == name]
        names = self._names
        if names is None:
            names = self._names = [line[:3] for line in self._lines]
        found: list[Segment] = []
        index = -1
        for _ in range(names.count(name)):
            index = names.index(name, index + 1)
            line, place = self._lines[index], len(found) + 1
            if index == 0:
                found.append(self.msh)
            elif line[3:4] == separator or len(line) == 3:
                found.append(Segment(name, index, place, line, self.delimiters, self.charset))
        return found

    @classmethod
    def parse(cls, text: str, charset: str = "utf-8") -> Message:
        """Read decoded text; CR, LF or CRLF end a segment, blank lines and a BOM are skipped.

        Raises:
            MessageError: it does not start with a usable MSH, or never ends.

        """
        if text[:1] == "\ufeff":
            text = text[1:]
        lines = text
        if "\n" in lines:
            # Not splitlines(): it also splits at VT, FS, NEL and LS, which may stand in a value.
            lines = lines.replace("\r\n", "\r").replace("\n", "\r")
        if lines.count("\r") > SEGMENTS_AT_MOST:
            what = f"more than {SEGMENTS_AT_MOST} segments"
            raise MessageError(what, code=ErrorCode.SEGMENT_SEQUENCE_ERROR)
        kept = list(filter(str.strip, lines.split("\r")))
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
        found = self._named(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Segment]:
        """Every segment of a name, in the message's order."""
        return list(self._named(name))

    def strays(self) -> list[Segment]:
        """Lines that are no segments, such as the rest of a text that went on after a CR."""
        segments = self.segments  # which makes the list of names whole
        if not any(map(is_odd, self._by_name)):
            return []
        return [segment for segment in segments if segment.odd]

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
        segments = self._named(path.segment)
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
        found = self._named(path.segment)
        number = (path.sequence or 1) - 1
        return found[number] if number < len(found) else None

    def unescape(self, value: str) -> str:
        """The text that a raw value of this message stands for."""
        if self.delimiters.escape in value:
            return unescape(value, self.delimiters, self.charset)
        return value

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"
