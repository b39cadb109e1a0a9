"""Code tables: CSV files that a person can edit in a spreadsheet, and how they answer.

A row says what one code of the sender becomes. Its columns, by name, in any order:
``source code``, ``source display``, ``target system``, ``target code``, ``target display`` and
``comment``. A row without a source code is found by its display alone.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.documents import suggest
from engine.errors import ConfigurationError, Place, Problem

#: The columns of a table, as a new file is written.
COLUMNS = ("source code", "source display", "target system", "target code", "target display",
           "comment")  # fmt: skip

_REQUIRED = ("source code", "target code")

#: What happens to a code that a table does not hold: keep the local coding with its text, keep
#: its text only, hold the message for a person, refuse it, or make nothing of it.
POLICIES = ("keep", "text", "hold", "reject", "none")


class Target(NamedTuple):
    """What a code becomes."""

    system: str
    code: str
    display: str

    @property
    def coding(self) -> dict[str, str]:
        """The Coding, without what the table leaves empty."""
        made = {"system": self.system, "code": self.code, "display": self.display}
        return {key: value for key, value in made.items() if value}


class Row(NamedTuple):
    """One line of a table."""

    code: str
    display: str
    target: Target
    comment: str = ""
    place: Place | None = None
    #: where its target code stands
    target_place: Place | None = None


@dataclass(eq=False)
class ConceptMap:
    """A code table that is asked by code and text."""

    name: str
    rows: tuple[Row, ...]
    _exact: dict[str, Target] = field(default_factory=dict, repr=False)
    _folded: dict[str, Target | None] = field(default_factory=dict, repr=False)
    _texts: dict[str, Target | None] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.code:
                self._exact.setdefault(row.code, row.target)
                _note(self._folded, folded(row.code), row.target)
            if row.display:
                _note(self._texts, folded(row.display), row.target)

    def find(self, code: str, text: str = "") -> Target | None:
        """What a code means, or the text beside it when the code says nothing here.

        By the code as it stands, then whatever its case, accents and blanks, then by text. A
        folded code or a text that two rows claim for different targets decides nothing.
        """
        found = self._exact.get(code)
        if found is not None:
            return found
        key = folded(code)
        if key:
            found = self._folded.get(key)
            if found is not None:
                return found
        by_text = self._texts.get(folded(text)) if text else None
        # a sender who writes the word where the code belongs means the word
        return by_text or (self._texts.get(key) if key else None)

    def extended(self, feed: ConceptMap) -> ConceptMap:
        """The table with a feed's rows in place of those of the same code, or added to them.

        What a feed says of a text counts, whatever the rows that stay say of the same text.
        """
        own = {_key(row) for row in feed.rows}
        kept = tuple(row for row in self.rows if _key(row) not in own)
        made = ConceptMap(self.name, feed.rows + kept)
        made._folded.update(feed._folded)
        made._texts.update(feed._texts)
        return made


def _key(row: Row) -> tuple[str, str]:
    return (row.code, "") if row.code else ("", folded(row.display))


def _note(index: dict[str, Target | None], key: str, target: Target) -> None:
    """Index a target; two targets that differ in more than their display make the key moot."""
    known = index.setdefault(key, target)
    if known is not None and known[:2] != target[:2]:
        index[key] = None


_BLANKS = re.compile(r"\s+")


def folded(text: str) -> str:
    """A text without case, accents and blanks: ``Médico  General`` and ``medico general``."""
    if text.isascii():
        return _BLANKS.sub("", text.casefold()) or text.strip()
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return _BLANKS.sub("", bare) or text.strip()


def folded_name(table: str) -> str:
    """A table's name without case, blanks and strokes, which the guide varies."""
    return table.replace("/", "").replace(" ", "").casefold()


# ---------------------------------------------------------------- reading CSV


def load_concept_map(name: str, text: str, file: str) -> ConceptMap:
    """Read a table from the text of a CSV file; every problem is raised at once, with its place."""
    return _Reader(name, text.removeprefix("\ufeff"), file).read()


class _Reader:
    """Reads one file; knows where each cell stands."""

    def __init__(self, name: str, text: str, file: str) -> None:
        self._name = name
        self._file = file
        self._lines = text.splitlines()
        head = self._lines[0] if self._lines else ""
        # spreadsheets write semicolons where the comma is the decimal mark
        self._separator = ";" if head.count(";") > head.count(",") else ","
        self._problems: list[Problem] = []
        self._columns: dict[str, int] = {}

    def read(self) -> ConceptMap:
        reader = csv.reader(self._lines, delimiter=self._separator, strict=True)
        rows: list[Row] = []
        width = 0
        try:
            for cells in reader:
                if not self._columns:
                    self._head(cells)
                    width = len(cells)
                    if any(self._columns[title] >= width for title in _REQUIRED):
                        break  # every row would be told to lack what the head lacks
                elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
                    what = f"{len(cells)} cells in a table of {width} columns"
                    self._fail(
                        reader.line_num, width, what, 'a cell with commas stands in quotes: "a, b"'
                    )
                elif any(cell.strip() for cell in cells):
                    self._row(cells, reader.line_num, rows)
        except csv.Error as cause:
            opened = unclosed(self._lines) if "end of data" in str(cause) else 0
            if opened:
                self._fail(opened, 0, "not CSV: a quote that opens here is never closed",
                           'a quote inside quotes is doubled: ""')  # fmt: skip
            else:
                what = f"not CSV: {cause}"
                self._fail(reader.line_num, 0, what, 'a quote inside quotes is doubled: ""')
        if not self._lines:
            self._fail(1, 0, "an empty table", "begin with: " + ",".join(COLUMNS))
        self._duplicates(rows)
        if self._problems:
            raise ConfigurationError(self._problems)
        return ConceptMap(self._name, tuple(rows))

    def _head(self, cells: list[str]) -> None:
        for number, cell in enumerate(cells):
            title = " ".join(cell.lower().replace("_", " ").split())
            if title in COLUMNS:
                self._columns[title] = number
            elif title:
                near = suggest(title, COLUMNS) or "columns: " + ", ".join(COLUMNS)
                self._fail(1, number, f"no column '{cell}'", near)
        for title in _REQUIRED:
            if title not in self._columns:
                self._columns.setdefault(title, len(cells))
                head = self._separator.join(COLUMNS)
                self._fail(1, 0, f"the column '{title}' is missing", f"begin with: {head}")

    def _row(self, cells: list[str], line: int, rows: list[Row]) -> None:
        def cell(title: str) -> str:
            number = self._columns.get(title, len(cells))
            return cells[number].strip() if number < len(cells) else ""

        code, display = cell("source code"), cell("source display")
        target = Target(cell("target system"), cell("target code"), cell("target display"))
        if not code and not display:
            self._fail(line, self._columns["source code"], "a row without a source code or display",
                       "the sender's code, or the text it is found by")  # fmt: skip
        if not target.code:
            self._fail(line, self._columns["target code"], "a row without a target code",
                       "fill it in, or take the row away")  # fmt: skip
        if target.system and not _URI.fullmatch(target.system):
            number = self._columns["target system"]
            self._fail(line, number, f"'{target.system}' is not a URI", "such as http://loinc.org")
        places = self._place(line, 0), self._place(line, self._columns["target code"])
        rows.append(Row(code, display, target, cell("comment"), *places))

    def _duplicates(self, rows: Iterable[Row]) -> None:
        seen: dict[tuple[str, str], Row] = {}
        for row in rows:
            first = seen.setdefault(_key(row), row)
            if first is not row and row.place and first.place:
                what = f"'{row.code or row.display}' stands in line {first.place.line} already"
                self._fail(row.place.line, self._columns["source code"], what, "keep one of them")

    def _fail(self, line: int, number: int, what: str, instead: str | None = None) -> None:
        self._problems.append(Problem(self._place(line, number), what, instead))

    def _place(self, line: int, number: int) -> Place:
        text = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        return Place(self._file, max(line, 1), _column(text, number, self._separator))


def unclosed(lines: Sequence[str]) -> int:
    """The line of the quote that nothing closes, or 0: a CSV reader says the last line."""
    quotes = 0
    opened = 0
    for number, line in enumerate(lines, 1):
        count = line.count('"')
        if count % 2 and quotes % 2 == 0:
            opened = number
        quotes += count
    return opened if quotes % 2 else 0


_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")


def _column(line: str, number: int, separator: str) -> int:
    """Where the n-th cell of a line begins, counting from 1; quoted cells may hold separators."""
    quoted, cell = False, 0
    if number == 0:
        return 1
    for position, character in enumerate(line, 1):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            cell += 1
            if cell == number:
                return position + 1
    return len(line) + 1


# ---------------------------------------------------------------- writing CSV


def dump_concept_map(table: ConceptMap) -> str:
    """The text of the CSV file that reads back as this table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        writer.writerow((row.code, row.display, *row.target, row.comment))
    return out.getvalue()
