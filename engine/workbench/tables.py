"""Add rows to the code tables of a feed: a file as people write it, changed by a line."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.documents import suggest
from engine.errors import ConfigurationError, NothingSuchError
from engine.mapping.conceptmap import (
    COLUMNS,
    ConceptMap,
    Row,
    Target,
    dump_concept_map,
    load_concept_map,
)
from engine.mapping.library import load_library
from engine.mapping.model import Library
from engine.mapping.uses import types_of
from engine.workbench.feeds import mapping_of


class NoSuchTable(NothingSuchError):  # noqa: N818 - it says what there is not
    """A table, mapping or coding system that is not there, and which are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A table's file as it is, and as it is to be."""

    file: Path
    before: str | None
    after: str

    def diff(self) -> str:
        """What changes, as people read it."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            "/dev/null" if self.before is None else str(self.file),
            str(self.file),
            n=1,
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def make(self, mappings: Path) -> None:
        """Write it; when the mappings are not right with it, the file is as it was.

        Raises:
            ConfigurationError: every problem of the mappings.

        """
        make_all([self], mappings)

    def write(self) -> None:
        """Write the file as it is to be."""
        self.file.parent.mkdir(exist_ok=True)
        _write(self.file, self.after)

    def take_back(self) -> None:
        """Write the file as it was."""
        if self.before is None:
            self.file.unlink()
        else:
            _write(self.file, self.before)


def make_all(changes: Sequence[Change], mappings: Path) -> None:
    """Make several changes, or none of them when the mappings are not right with all of them.

    Raises:
        ConfigurationError: every problem of the mappings.

    """
    for change in changes:
        change.write()
    try:
        problems = load_library([mappings]).check()
        if problems:
            raise ConfigurationError(problems)
    except ConfigurationError:
        for change in reversed(changes):
            change.take_back()
        raise


def require_system(library: Library, table: str, target: Target) -> None:
    """A code of a Coding says of which system it is; one of a plain code element need not.

    Raises:
        NoSuchTable: it must, and does not.

    """
    if target.system:
        return
    coded = types_of(library, table) - {"code", "string", "uri", "boolean"}
    if coded:
        kinds = ", ".join(sorted(coded - {""})) or "codings"
        what = f"'{target.code}' needs its system: rules make {kinds} through '{table}'"
        raise NoSuchTable(f"{what}; write --to SYSTEM#{target.code or 'CODE'}")


def _write(file: Path, text: str) -> None:
    """An engine that reads at this moment finds the old file or the new one."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8", newline="")
    beside.replace(file)


def feed_folder(mappings: Path, name: str) -> Path:
    """The folder of the mapping of that name.

    Raises:
        NoSuchTable: it is the standard, which is not edited for a feed; or there is none.

    """
    if name == "standard":
        raise NoSuchTable("standard/ is not edited for a feed: name one of yours with --mapping")
    files = sorted(mappings.glob("*/mapping.yaml"))
    found = {mapping_of(file.parent): file.parent for file in files}
    if name not in found:
        raise NoSuchTable(f"no mapping '{name}' in {mappings}; there are: {', '.join(found)}")
    return found[name]


def require_table(table: str, tables: Sequence[str]) -> None:
    """A table must be asked by a rule of somebody before rows help: it is known by its name.

    Raises:
        NoSuchTable: there is none of that name.

    """
    if table not in tables:
        nearest = suggest(table, tables)
        more = f" ({nearest})" if nearest else ""
        raise NoSuchTable(f"no table '{table}'{more}")


def added(folder: Path, table: str, rows: Sequence[Row]) -> Change:
    """The change that adds rows to a feed's table, in the columns and with the ends that it has.

    Raises:
        ConfigurationError: with them the file would not be a table, such as with a code twice.

    """
    file = folder / "conceptmaps" / f"{table}.csv"
    if not file.exists():
        after = dump_concept_map(ConceptMap(table, tuple(rows)))
        change = Change(file, None, after)
    else:
        before = file.read_bytes().decode("utf-8")
        change = Change(file, before, _appended(before, rows))
    load_concept_map(table, change.after, str(file))
    return change


def _appended(before: str, rows: Sequence[Row]) -> str:
    head = before.removeprefix("\ufeff").splitlines()[:1] or [",".join(COLUMNS)]
    separator = ";" if head[0].count(";") > head[0].count(",") else ","
    titles = [" ".join(cell.lower().replace("_", " ").split())
              for cell in next(csv.reader(head, delimiter=separator))]  # fmt: skip
    end = "\r\n" if "\r\n" in before else "\n"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=end)
    for row in rows:
        cells = dict(zip(COLUMNS, (row.code, row.display, *row.target, row.comment), strict=True))
        writer.writerow([cells.get(title, "") for title in titles])
    whole = before or end.join([*head, ""])
    return whole + ("" if whole.endswith("\n") else end) + out.getvalue()


def system_of(name: str, systems: Mapping[str, str]) -> str:
    """The URI of a coding system by its short name, or itself.

    Raises:
        NoSuchTable: it is neither.

    """
    found = systems.get(name, name)
    if found and ":" not in found:
        nearest = suggest(name, systems)
        more = f" ({nearest})" if nearest else "; write its URI"
        raise NoSuchTable(f"no coding system '{name}'{more}")
    return found
