"""Codes that somebody has found meanings for, as they come back: the CSV or FHIR of ``export``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from engine.documents import suggest
from engine.errors import ConfigurationError, Place, Problem
from engine.mapping.conceptmap import COLUMNS, ConceptMap, Row, Target, unclosed
from engine.mapping.terminology import from_fhir

_TABLE, _CHANNEL = "table", "channel"


@dataclass(slots=True)
class Imported:
    """Rows for one table; ``channel`` is "" where the file names none."""

    table: str
    channel: str
    rows: list[Row] = field(default_factory=list)
    #: rows whose target nobody has filled in yet
    left: int = 0


def read(file: Path, table: str) -> list[Imported]:
    """What a file holds, by table and channel; ``table`` is meant where the file names none.

    Raises:
        ConfigurationError: it is neither, or says no table; every problem.

    """
    raw = file.read_bytes()
    if raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _of_fhir(raw, str(file), table)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(file, "this is neither CSV in UTF-8 nor JSON", None) from None
    return _Csv(text, str(file), table).read()


def _wrong(file: Path | str, what: str, instead: str | None, line: int = 1) -> ConfigurationError:
    return ConfigurationError([Problem(Place(str(file), line, 1), what, instead)])


# ---------------------------------------------------------------- FHIR


def _of_fhir(raw: bytes, file: str, table: str) -> list[Imported]:
    try:
        resource = orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        line = raw.count(b"\n", 0, error.pos) + 1
        raise _wrong(file, f"this is not JSON: {error.msg}", None, line) from None
    maps = list(_maps(resource))
    if not maps:
        what = "this is neither a FHIR ConceptMap nor a Bundle of them"
        raise _wrong(file, what, "as unmapped export writes it")
    if table and len(maps) > 1:
        raise _wrong(file, f"there are {len(maps)} tables here", "leave --table out")
    return [_of_map(made, file, table) for made in maps]


def _maps(resource: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(resource, dict):
        return
    if resource.get("resourceType") == "ConceptMap":
        yield resource
    if resource.get("resourceType") == "Bundle":
        for entry in resource.get("entry", ()):
            yield from _maps(entry.get("resource") if isinstance(entry, dict) else None)


def _of_map(resource: dict[str, Any], file: str, table: str) -> Imported:
    name = table or str(resource.get("title") or resource.get("name") or "")
    if not name:
        raise _wrong(file, "the ConceptMap names no table", "name it with --table")
    try:
        made = from_fhir(resource, name)
        count = sum(len(group["element"]) for group in resource.get("group", ()))
    except ConfigurationError as error:
        place = Place(file, 1, 1)
        problems = [replace(problem, place=place) for problem in error.problems]
        raise ConfigurationError(problems) from error
    except (AttributeError, LookupError, TypeError):
        raise _wrong(file, "this is not a FHIR ConceptMap", None) from None
    return Imported(name, "", list(made.rows), max(count - len(made.rows), 0))


# ---------------------------------------------------------------- CSV


class _Csv:
    """Reads the CSV of ``export``, or a table as it stands in conceptmaps/."""

    def __init__(self, text: str, file: str, table: str) -> None:
        self._lines = text.splitlines()
        self._file = file
        self._table = table
        self._problems: list[Problem] = []
        self._found: dict[tuple[str, str], Imported] = {}

    def read(self) -> list[Imported]:
        head = self._lines[0] if self._lines else ""
        separator = ";" if head.count(";") > head.count(",") else ","
        reader = csv.reader(self._lines, delimiter=separator, strict=True)
        try:
            titles = [" ".join(c.lower().replace("_", " ").split()) for c in next(reader, [])]
            self._head(titles)
            for cells in reader:
                if any(cell.strip() for cell in cells) and not self._problems:
                    self._row(dict(zip(titles, map(str.strip, cells), strict=False)),
                              reader.line_num)  # fmt: skip
        except csv.Error as cause:
            ended = "end of data" in str(cause)
            line = (unclosed(self._lines) if ended else 0) or reader.line_num
            self._fail(line, f"not CSV: {cause}", 'a quote inside quotes is doubled: ""')
        if self._problems:
            raise ConfigurationError(self._problems)
        return list(self._found.values())

    def _fail(self, line: int, what: str, instead: str | None) -> None:
        self._problems.append(Problem(Place(self._file, line, 1), what, instead))

    def _head(self, titles: Sequence[str]) -> None:
        known = (_TABLE, _CHANNEL, *COLUMNS)
        for title in titles:
            if title and title not in known:
                near = suggest(title, known) or "columns: " + ", ".join(known)
                self._fail(1, f"no column '{title}'", near)
        for title in ("source code", "target code"):
            if title not in titles:
                self._fail(1, f"the column '{title}' is missing", "as unmapped export writes it")
        if _TABLE not in titles and not self._table:
            self._fail(1, "no column says which table each row is for", "name it with --table")

    def _row(self, cells: Mapping[str, str], line: int) -> None:
        table, channel = cells.get(_TABLE) or self._table, cells.get(_CHANNEL, "")
        if self._table and table != self._table:
            return
        made = self._found.setdefault((table, channel), Imported(table, channel))
        system, code, display = (cells.get(f"target {name}", "")
                                 for name in ("system", "code", "display"))  # fmt: skip
        if not code:
            made.left += 1
            return
        target = Target(system, code, display)
        place = Place(self._file, line, 1)
        # what was counted when it went out is no remark on the row
        row = Row(cells.get("source code", ""), cells.get("source display", ""), target, "", place)
        if not row.code and not row.display:
            self._fail(line, "a row without a source code or display", None)
        made.rows.append(row)


def as_table(name: str, rows: Sequence[Row]) -> ConceptMap:
    """Rows of several channels as one table: what two say alike stands once.

    Raises:
        ConfigurationError: one code is to become two.

    """
    kept: dict[tuple[str, str], Row] = {}
    problems: list[Problem] = []
    for row in rows:
        first = kept.setdefault((row.code, "" if row.code else row.display), row)
        if first.target[:2] != row.target[:2]:
            said = f"'{row.code or row.display}' has two targets"
            what = f"{said}, {first.target.code} and {row.target.code}"
            problems.append(Problem(row.place, what, "keep one of them"))
    if problems:
        raise ConfigurationError(problems)
    return ConceptMap(name, tuple(kept.values()))
