"""Code tables as FHIR ConceptMap resources, out and in: for terminology servers and reviewers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import ConfigurationError, Problem
from engine.mapping.conceptmap import ConceptMap, Row, Target

#: Equivalences that say two concepts are not the same; such targets are not taken in.
_NOT_THE_SAME = frozenset({"unmatched", "disjoint"})


def to_fhir(table: ConceptMap, *, url: str = "", status: str = "active") -> dict[str, Any]:
    """A table as an R4 ConceptMap; one group for each target system.

    Rows found by text alone have no code to give and are left to their display.
    """
    groups: dict[str, list[Row]] = {}
    for row in table.rows:
        groups.setdefault(row.target.system, []).append(row)
    made: dict[str, Any] = {"resourceType": "ConceptMap"}
    if url:
        made["url"] = url
    made |= {"name": _computable(table.name), "title": table.name, "status": status}
    made["group"] = [_group(system, rows) for system, rows in groups.items()]
    return made


def _group(system: str, rows: list[Row]) -> dict[str, Any]:
    made: dict[str, Any] = {"target": system} if system else {}
    made["element"] = [_element(row) for row in rows]
    return made


def _element(row: Row) -> dict[str, Any]:
    target = {"code": row.target.code, "display": row.target.display, "equivalence": "equivalent"}
    if row.comment:
        target["comment"] = row.comment
    made: dict[str, Any] = {"code": row.code, "display": row.display}
    made = {key: value for key, value in made.items() if value}
    made["target"] = [{key: value for key, value in target.items() if value}]
    return made


def _computable(name: str) -> str:
    """A name as R4 wants it of a ConceptMap: letters, digits and underscores."""
    bare = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_")
    return bare if bare[:1].isalpha() else f"Map_{bare}"


def from_fhir(resource: Mapping[str, Any], name: str = "") -> ConceptMap:
    """A ConceptMap resource as a table; a code with two targets is refused, each of them named."""
    if resource.get("resourceType") != "ConceptMap":
        raise ConfigurationError([Problem(None, "not a FHIR ConceptMap")])
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[str, Target] = {}
    for row in _rows(resource):
        known = seen.setdefault(row.code or row.display, row.target)
        if known != row.target:
            what = (
                f"'{row.code or row.display}' has two targets, {known.code} and {row.target.code}"
            )
            problems.append(Problem(None, what, "keep one of them"))
        elif not rows or row != rows[-1]:
            rows.append(row)
    if problems:
        raise ConfigurationError(problems)
    return ConceptMap(name or str(resource.get("title") or resource.get("name", "")), tuple(rows))


def _rows(resource: Mapping[str, Any]) -> Iterator[Row]:
    for group in resource.get("group", ()):
        for element in group.get("element", ()):
            for target in element.get("target", ()):
                if target.get("code") and target.get("equivalence") not in _NOT_THE_SAME:
                    yield Row(
                        element.get("code", ""),
                        element.get("display", ""),
                        Target(group.get("target", ""), target["code"], target.get("display", "")),
                        target.get("comment", ""),
                    )
