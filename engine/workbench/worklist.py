"""The worklist as files that people and terminology servers take, and as rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from engine.mapping.conceptmap import COLUMNS, ConceptMap, Row, Target, folded
from engine.mapping.terminology import to_fhir
from engine.store.records import UnmappedCode


def meant(found: Iterable[UnmappedCode], said: str) -> list[UnmappedCode]:
    """Entries that a person means by a code, or by a text where there is no code."""
    return [one for one in found if folded(one.code or one.text) == folded(said)]


def row_of(said: str, entries: Sequence[UnmappedCode], target: Target) -> Row:
    """The row that makes these entries a code.

    What was typed as text, if into the field of the code, is found by text: then it is found
    wherever else it is typed.
    """
    typed = bool(entries) and not any(one.code for one in entries)
    if typed or len(said.split()) > 1:
        return Row("", said, target)
    texts = {folded(one.text): one.text for one in entries if one.text}
    return Row(said, next(iter(texts.values())) if len(texts) == 1 else "", target)


def as_csv(found: Iterable[UnmappedCode]) -> str:
    """Rows with empty targets, to be filled in; the table is the first column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "channel", *COLUMNS))
    for one in found:
        writer.writerow((one.table, one.channel, one.code, one.text, "", "", "", _comment(one)))
    return out.getvalue()


def as_fhir(found: Iterable[UnmappedCode]) -> dict[str, Any]:
    """A ConceptMap of what is unmatched; of several tables, a collection of them."""
    tables: dict[str, dict[tuple[str, str], Row]] = {}
    for one in found:
        row = Row(one.code, one.text, Target("", "", ""), _comment(one))
        tables.setdefault(one.table, {}).setdefault((one.code, one.text), row)
    maps = [_unmatched(name, tuple(rows.values())) for name, rows in tables.items()]
    if len(maps) == 1:
        return maps[0]
    entries = [{"resource": made} for made in maps]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    return {**bundle, "entry": entries} if entries else bundle


def _unmatched(name: str, rows: tuple[Row, ...]) -> dict[str, Any]:
    made = to_fhir(ConceptMap(name, rows), status="draft")
    for group in made["group"]:
        for element in group["element"]:
            for target in element["target"]:
                target["equivalence"] = "unmatched"
    return made


def _comment(one: UnmappedCode) -> str:
    return f"in {one.count} messages of {one.channel}, such as {one.example}"
