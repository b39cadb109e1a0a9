"""One segment, and the parts of its fields."""

from __future__ import annotations

from functools import lru_cache

from engine.hl7v2.delimiters import HEADERS, Delimiters
from engine.hl7v2.escape import unescape

#: What a line that is no segment is called: its own first words may be a patient's.
LINE = "line"


class Segment:
    """One segment; its fields are split on first use.

    ``name`` is what stands before the first field separator, even when that is no segment name
    (see ``odd``): such a line is kept, never dropped.
    """

    __slots__ = ("_charset", "_delimiters", "_fields", "index", "name", "sequence", "text")

    def __init__(
        self,
        name: str,
        index: int,
        sequence: int,
        text: str,
        delimiters: Delimiters,
        charset: str,
    ) -> None:
        self.name = name
        self.index = index
        self.sequence = sequence
        self.text = text
        self._delimiters = delimiters
        self._charset = charset
        self._fields: list[str] | None = None

    @property
    def fields(self) -> list[str]:
        """The raw fields: ``fields[n]`` is field n, ``fields[0]`` the segment's name."""
        fields = self._fields
        if fields is None:
            separator = self._delimiters.field
            fields = self._fields = self.text.split(separator)
            if self.name in HEADERS:
                fields.insert(1, separator)
        return fields

    @property
    def odd(self) -> bool:
        """Whether the line starts with something that is no segment name."""
        return is_odd(self.name)

    @property
    def label(self) -> str:
        """The segment's name, for reports: never a text of the message."""
        return LINE if is_odd(self.name) else self.name

    def field(self, number: int) -> str:
        """The raw text of a field, with its repetitions; "" when absent."""
        fields = self.fields
        return fields[number] if number < len(fields) else ""

    def repetitions(self, number: int) -> list[str]:
        """The raw repetitions of a field; none when it is empty."""
        text = self.field(number)
        if not text:
            return []
        separator = self._delimiters.repetition
        if not separator or separator not in text or self.is_delimiters(number):
            return [text]
        return text.split(separator)

    def value(
        self, number: int, repetition: int = 1, component: int = 1, subcomponent: int = 1
    ) -> str:
        """One decoded value; "" when absent."""
        fields = self.fields
        text = fields[number] if number < len(fields) else ""
        if not text:
            return ""
        if number <= 2 and self.is_delimiters(number):
            return text if repetition == component == subcomponent == 1 else ""
        if text.isalnum():  # no delimiter is a letter or a digit: the field has one part
            return text if repetition == component == subcomponent == 1 else ""
        delimiters = self._delimiters
        if repetition > 1 or delimiters.repetition in text:
            text = part(text, repetition, delimiters.repetition)
        if component > 1 or delimiters.component in text:
            text = part(text, component, delimiters.component)
        if subcomponent > 1 or delimiters.subcomponent in text:
            text = part(text, subcomponent, delimiters.subcomponent)
        if delimiters.escape and delimiters.escape in text:
            return unescape(text, delimiters, self._charset)
        return text

    def is_delimiters(self, number: int) -> bool:
        """Whether a field holds delimiters (MSH-1, MSH-2): then it has no parts."""
        return number <= 2 and self.name in HEADERS

    def __repr__(self) -> str:
        # The content is patient data and a repr ends up in logs.
        return f"<Segment {self.index}: {len(self.text)} characters>"


def is_odd(name: str) -> bool:
    """Whether this is no segment name: a letter, then two letters or digits, all capitals."""
    return len(name) != 3 or _is_odd(name)


@lru_cache(maxsize=1024)
def _is_odd(name: str) -> bool:
    return not (name.isascii() and name.isalnum() and name.isupper()) or name[0].isdigit()


def part(text: str, number: int, separator: str) -> str:
    """The nth part of a text, from 1; without separators the text is its only part."""
    if not separator or separator not in text:
        return text if number == 1 else ""
    if number == 1:
        return text[: text.index(separator)]
    parts = text.split(separator, number)
    return parts[number - 1] if number <= len(parts) else ""
