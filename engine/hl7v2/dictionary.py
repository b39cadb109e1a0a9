"""What the HL7 v2 standard says of segments, fields and datatypes, in every version.

The facts are hl7apy's tables, 2.1 to 2.8.2. A version is read when it is first asked for (about
15 ms each); a question without a version is answered by the newest version that still gives a
real answer, because senders go on using fields that later versions withdrew (PID-2, OBR-27).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

#: Every version that the tables know, oldest first.
VERSIONS = (
    "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2",
)  # fmt: skip

NEWEST = VERSIONS[-1]

# Later versions leave tables and the types of withdrawn components out; this one names both.
_LITERATE = "2.5.1"

#: The type of a field whose type the message itself names (OBX-5 by OBX-2).
VARIES = "varies"

# WD marks what a version withdrew; 2.1 calls every structured field CM and does not say how.
_NO_TYPE = frozenset({"", "WD", "CM"})


_PRIMITIVES = frozenset(
    ["DT", "DTM", "FT", "GTS", "ID", "IS", "NM", "SI", "SNM", "ST", "TM", "TS", "TX"]
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a segment; ``table`` is a number as the standard prints it, such as 0203."""

    name: str
    type: str
    table: str | None
    repeats: bool
    required: bool


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a datatype."""

    name: str
    type: str
    table: str | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment, its fields by number; withdrawn fields keep the last meaning they had."""

    name: str
    fields: dict[int, Field]


#: Fields and segments that 2.9 added, which hl7apy does not have yet.
_NEW_IN_2_9 = {
    ("MSH", 26): Field("Security Classification Tag", "CWE", "0952", False, False),
    ("MSH", 27): Field("Security Handling Instructions", "CWE", "0953", True, False),
    ("MSH", 28): Field("Special Access Restriction Instructions", "ST", None, True, False),
    ("NTE", 9): Field("Coded Comment", "CWE", "0611", True, False),
    ("OBX", 31): Field("Action Code", "ID", "0206", False, False),
    ("OBX", 32): Field("Observation Value Absent Reason", "CWE", "0960", True, False),
    ("OBX", 33): Field("Observation Related Specimen Identifier", "EIP", None, True, False),
    ("ORC", 35): Field("Action Code", "ID", "0206", False, False),
    ("ORC", 36): Field("Order Status Date Range", "DR", None, False, False),
    ("ORC", 37): Field("Order Creation Date/Time", "DTM", None, False, False),
    ("ORC", 38): Field("Filler Order Group Number", "EI", None, False, False),
    ("PRT", 23): Field("Preferred Method of Contact", "CWE", "0185", False, False),
    ("PRT", 24): Field("Contact Identifiers", "PLN", None, True, False),
    ("OH1", 1): Field("Set ID", "SI", None, False, True),
    ("OH1", 2): Field("Action Code", "ID", "0206", False, False),
    ("OH1", 3): Field("Employment Status", "CWE", "0957", False, True),
    ("OH1", 4): Field("Employment Status Start Date", "DT", None, False, False),
    ("OH1", 5): Field("Employment Status End Date", "DT", None, False, False),
    ("OH1", 6): Field("Entered Date", "DT", None, False, True),
    ("OH1", 7): Field("Employment Status Unique Identifier", "EI", None, False, False),
    ("OH2", 1): Field("Set ID", "SI", None, False, True),
    ("OH2", 2): Field("Action Code", "ID", "0206", False, False),
    ("OH2", 3): Field("Entered Date", "DT", None, False, False),
    ("OH2", 4): Field("Occupation", "CWE", "0958", False, True),
    ("OH2", 5): Field("Industry", "CWE", "0959", False, True),
    ("OH2", 6): Field("Work Classification", "CWE", "0960", False, False),
    ("OH2", 7): Field("Job Start Date", "DT", None, False, False),
    ("OH2", 8): Field("Job End Date", "DT", None, False, False),
    ("OH2", 9): Field("Work Schedule", "CWE", "0961", False, False),
    ("OH2", 10): Field("Average Hours Worked per Day", "NM", None, False, False),
    ("OH2", 11): Field("Average Days Worked per Week", "NM", None, False, False),
    ("OH2", 12): Field("Employer Organization", "XON", None, False, False),
    ("OH2", 13): Field("Employer Address", "XAD", None, True, False),
    ("OH2", 14): Field("Supervisory Level", "CWE", "0962", False, False),
    ("OH2", 15): Field("Job Duties", "ST", None, True, False),
    ("OH2", 16): Field("Occupational Hazards", "FT", None, True, False),
    ("OH2", 17): Field("Job Unique Identifier", "EI", None, False, False),
    ("OH2", 18): Field("Current Job Indicator", "CWE", "0963", False, False),
    ("OH3", 1): Field("Set ID", "SI", None, False, True),
    ("OH3", 2): Field("Action Code", "ID", "0206", False, False),
    ("OH3", 3): Field("Occupation", "CWE", "0958", False, True),
    ("OH3", 4): Field("Industry", "CWE", "0959", False, True),
    ("OH3", 5): Field("Usual Occupation Duration (Years)", "NM", None, False, False),
    ("OH3", 6): Field("Start Year", "DT", None, False, False),
    ("OH3", 7): Field("Entered Date", "DT", None, False, False),
    ("OH3", 8): Field("Work Unique Identifier", "EI", None, False, False),
    ("OH4", 1): Field("Set ID", "SI", None, False, True),
    ("OH4", 2): Field("Action Code", "ID", "0206", False, False),
    ("OH4", 3): Field("Combat Zone Start Date", "DT", None, False, True),
    ("OH4", 4): Field("Combat Zone End Date", "DT", None, False, False),
    ("OH4", 5): Field("Entered Date", "DT", None, False, False),
    ("OH4", 6): Field("Combat Zone Unique Identifier", "EI", None, False, False),
    ("TXA", 27): Field("Creating Facility", "HD", None, False, False),
    ("TXA", 28): Field("Creating Specialty", "CWE", None, False, False),
}


# ---------------------------------------------------------------- versions


def nearest_version(text: str) -> str:
    """The version that reads a message best which says it is ``text`` (MSH-12).

    The same version, else the nearest lower one; the lowest for anything below, the newest for
    what is no number at all (`` ``, ``2.x``): newer versions define more.
    """
    match = re.match(r"\d+(?:\.\d+)*", text.strip())
    if match is None or "." not in match[0]:
        return NEWEST
    wanted = tuple(int(part) for part in match[0].split("."))
    lower = [version for version in VERSIONS if _numbers(version) <= wanted]
    return lower[-1] if lower else VERSIONS[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _search_order(version: str | None) -> tuple[str, ...]:
    """Versions to ask, best first: the one given, those before it, then those after it."""
    if version is None:
        return VERSIONS[::-1]
    place = VERSIONS.index(version if version in VERSIONS else nearest_version(version))
    return VERSIONS[place::-1] + VERSIONS[place + 1 :]


@cache
def _tables(version: str) -> ModuleType:
    return import_module("hl7apy.v" + version.replace(".", "_"))


# ---------------------------------------------------------------- fields


# More than all fields of all segments; a sender may write any number of others.
@lru_cache(maxsize=16_384)
def field(segment: str, number: int, version: str | None = None) -> Field | None:
    """What a field is, or None when no version ever had it.

    With a version: as that version defines it. Where that version has no such field, or has
    withdrawn it, the nearest older definition counts, then the nearest newer one: feeds use
    fields before and after the standard does.
    """
    key = f"{segment}_{number}"
    for candidate in _search_order(version):
        found = _field(key, segment, candidate)
        if found is not None:
            return found
    return _NEW_IN_2_9.get((segment, number))


def _field(key: str, segment: str, version: str) -> Field | None:
    # FIELDS and SEGMENTS contradict each other where a version withdrew a field (OBR-27 of 2.7
    # has the type of OBR-26 in SEGMENTS), so the type is FIELDS' and the cardinality SEGMENTS'.
    tables = _tables(version)
    reference = tables.FIELDS.get(key)
    if reference is None or _type(reference) in _NO_TYPE:
        return None
    low, high = _cardinality(tables, segment, key)
    if high == 0:
        return None  # withdrawn, though FIELDS may keep a type that it never had
    return Field(
        name=_spelled(reference[3]),
        type=_type(reference),
        table=_table(reference) or _table(_tables(_LITERATE).FIELDS.get(key)),
        repeats=high == -1 or high > 1,
        required=low > 0,
    )


def _cardinality(tables: ModuleType, segment: str, key: str) -> tuple[int, int]:
    for child in _children(tables, segment):
        if child[0] == key:
            low, high = child[2]
            return low, high
    return (0, 0)


def _children(tables: ModuleType, segment: str) -> Iterator[Any]:
    definition = tables.SEGMENTS.get(segment, ("sequence", ()))
    # one of hl7apy's segments (ORO of 2.1) and its wildcard are not of the usual shape
    if definition[0] == "sequence":
        yield from definition[1]


@cache
def field_count(segment: str) -> int:
    """The highest field number that any version gave the segment; 0 for an unknown segment."""
    numbers = [0, *(number for name, number in _NEW_IN_2_9 if name == segment)]
    for version in VERSIONS:
        numbers += [_number(child[0]) for child in _children(_tables(version), segment)]
    return max(numbers)


@cache
def is_segment(name: str) -> bool:
    """Whether some version has a segment of this name; asks the newest first."""
    return any(name in _tables(version).SEGMENTS for version in reversed(VERSIONS))


@cache
def segment(name: str) -> Segment | None:
    """A segment with every field it ever had, or None when no version knows it."""
    fields = {}
    for number in range(1, field_count(name) + 1):
        found = field(name, number)
        if found is not None:
            fields[number] = found
    return Segment(name, fields) if fields else None


# ---------------------------------------------------------------- datatypes


@cache
def types() -> frozenset[str]:
    """The names of all datatypes of all versions."""
    found = {name for version in VERSIONS for name in _tables(version).DATATYPES_STRUCTS}
    found |= {_type(item) for version in VERSIONS for item in _tables(version).FIELDS.values()}
    return frozenset(name for name in found - _NO_TYPE if "_" not in name) | _PRIMITIVES


def is_type(name: str) -> bool:
    """Whether some version has a datatype of this name; the one of OBX-5 varies."""
    if name in _PRIMITIVES or name.lower() == VARIES or components(name):
        return True
    return name in types()  # which reads every version: only for names that look wrong


@cache
def leaf(datatype: str) -> str:
    """The primitive datatype of the first part of a datatype: NM of CQ, ST of XPN."""
    seen = set()
    while (parts := components(datatype)) and datatype not in seen:
        seen.add(datatype)
        datatype = parts[0].type
    return datatype


@cache
def components(datatype: str) -> tuple[Component, ...]:
    """The components of a datatype, in order; empty for a primitive or unknown one.

    The newest version that has the datatype says how many; a component that it withdrew
    (XTN-1, XON-3) keeps the last type it had.
    """
    for version in reversed(VERSIONS):
        children = _tables(version).DATATYPES_STRUCTS.get(datatype)
        if children:
            return tuple(_component(child, datatype) for child in children)
    return ()


def _component(child: Any, datatype: str) -> Component:
    key, reference = child[0], child[1]
    literate = _component_reference(key, datatype, _LITERATE)
    if _type(reference) in _NO_TYPE:
        reference = literate or reference
    table = _table(reference) or _table(literate)
    return Component(_spelled(reference[3]), _type(reference), table)


def _component_reference(key: str, datatype: str, version: str) -> Any:
    children = _tables(version).DATATYPES_STRUCTS.get(datatype, ())
    return next((child[1] for child in children if child[0] == key), None)


# ---------------------------------------------------------------- spelling


def _type(reference: Any) -> str:
    # hl7apy writes DR_SIMPLE for a DR inside another type: its parts are subcomponents
    name: str = (reference[2] or "").removesuffix("_SIMPLE")
    return name.upper() if name != VARIES else name


def _table(reference: Any) -> str | None:
    table = reference[4] if reference is not None and len(reference) > 4 else None
    if not isinstance(table, str) or table in ("", "HL79999"):  # 9999: "no table suggested"
        return None
    return table.removeprefix("HL7")


def _number(key: str) -> int:
    last = key.rpartition("_")[2]
    return int(last) if last.isdecimal() else 0


_SMALL = frozenset({"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or",
                    "s", "that", "the", "thereof", "to", "was", "with"})  # fmt: skip
_CAPITALS = frozenset({"CPT", "DEA", "DRG", "FDA", "HCD", "HL7", "ICD", "ID", "MD", "NDC", "PBR",
                       "PHI", "SNOMED", "SPI", "SSN", "UB", "UPIN", "URL", "VIP"})  # fmt: skip


def _spelled(name: str) -> str:
    """A field's name as the standard prints it: MOTHER_S_MAIDEN_NAME, Mother's Maiden Name."""
    words = name.replace("DATE_TIME", "DATE/TIME").replace("E_G_", "e.g._").split("_")
    text = " ".join(_word(word, first=place == 0) for place, word in enumerate(words))
    return text.replace(" s ", "'s ")


def _word(word: str, *, first: bool) -> str:
    if word in _CAPITALS or word == "e.g." or re.search("[A-Z][0-9]", word):
        return word
    if word.lower() in _SMALL and not first:
        return word.lower()
    return "/".join(part.capitalize() for part in word.split("/"))
