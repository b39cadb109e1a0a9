"""Functions cut to the shape of a segment: what cannot apply is not even asked.

``OBX[Observation]`` has rules for every field and every type of OBX-2; a feed fills a dozen
fields with two types, the same ones in each message. So for shapes that come often, the code of
the segment's maps is compiled again without the rules of empty fields and of other values: a
message costs what it holds, not what the library knows. The result is the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.mapping.cut import Shape, cut
from engine.mapping.runtime import Run

SegmentFunction = Callable[[Run, int], None]
Functions = tuple[SegmentFunction, ...]
#: Whether each field is filled, whether anything repeats, and first values that rules ask for.
Key = tuple[Any, ...]

#: A shape that has come so often is worth compiling for, which takes some hundredths of a second.
OFTEN = 32
#: Shapes of one segment; a feed has a few, and those beyond are mapped by the general code.
AT_MOST = 24
#: Shapes that are counted at once; then counting begins again.
COUNTED = 1024
#: A field in the code of a map.
_FIELD = re.compile(r"\bf\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class SegmentCode:
    """A compiled segment map: its function for every segment, and what it was written as."""

    function: SegmentFunction
    source: str
    names: dict[str, Any]
    filename: str
    #: field -> the texts that rules compare its first value with
    compared: dict[int, frozenset[str]]


class Shaped:
    """The maps of one segment in one structure, for whatever shape it has."""

    def __init__(self, codes: Sequence[SegmentCode], often: int | None = OFTEN) -> None:
        self._codes = codes
        self._often = often
        self._general = tuple(code.function for code in codes)
        read = [int(number) for code in codes for number in _FIELD.findall(code.source)]
        self._end = max(read, default=0) + 1
        compared: dict[int, dict[str, str]] = {}
        for code in codes:
            for number, texts in code.compared.items():
                known = compared.setdefault(number, {"": ""})
                known.update((text, text) for text in texts)
        self._compared = [(number, texts.get) for number, texts in sorted(compared.items())]
        self._counts: dict[Key, int] = {}
        self._cut: dict[Key, Functions] = {}

    def functions(self, run: Run, index: int) -> Functions:
        """The functions to call for a segment, in their order."""
        if self._often is None:
            return self._general
        fields, segment = run.fields(index), run.message.segments[index]
        # what is padded is empty, and not looked at
        filled = bytes(map(bool, fields[: min(self._end, len(segment.fields))]))
        key: Key = (filled, run.R in segment.text)
        for number, known in self._compared:
            text = fields[number]
            key += (known(text if not text or text.isalnum() else run.head(text)),)
        functions = self._cut.get(key)
        return self._counted(key) if functions is None else functions

    def _counted(self, key: Key) -> Functions:
        count = self._counts.get(key, 0) + 1
        if self._often is None or count < self._often or len(self._cut) >= AT_MOST:
            if len(self._counts) >= COUNTED:
                self._counts.clear()
            self._counts[key] = count
            return self._general
        filled, repeats, *values = key
        numbers = [number for number, _ in self._compared]
        filled = filled.ljust(self._end, b"\0")
        shape = Shape(filled, repeats, dict(zip(numbers, values, strict=True)))
        functions = [cut(code.source, code.names, code.filename, shape) for code in self._codes]
        self._cut[key] = found = tuple(function for function in functions if function)
        return found
