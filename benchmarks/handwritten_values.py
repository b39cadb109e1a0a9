"""The datatypes of the converter written by hand: one function for each that its feed uses."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha1
from re import compile as pattern
from typing import Any

import orjson

Json = dict[str, Any]

TERMS = "http://terminology.hl7.org/CodeSystem/"
SYSTEMS = {
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "SCT": "http://snomed.info/sct",
}
GENDER = {"F": "female", "M": "male", "O": "other", "U": "unknown", "A": "other"}
NAME_USE = {"L": "official", "M": "maiden", "N": "nickname", "A": "anonymous"}
ADDRESS_USE = {"H": "home", "B": "work", "O": "work", "BA": "old", "C": "temp"}
PHONE_USE = {"PRN": "home", "WPN": "work", "ORN": "home"}
MARITAL = {"M": "Married", "S": "Never Married", "D": "Divorced", "W": "Widowed"}
CLASS = {
    "O": ("AMB", "ambulatory"),
    "I": ("IMP", "inpatient encounter"),
    "E": ("EMER", "emergency"),
}
KINDS = {
    "MR": "Medical record number",
    "SS": "Social Security number",
    "PI": "Patient internal identifier",
}
FLAGS = {
    "N": "Normal",
    "H": "High",
    "L": "Low",
    "HH": "Critical high",
    "LL": "Critical low",
    "A": "Abnormal",
}
OBSERVED = {
    "F": "final",
    "P": "preliminary",
    "C": "corrected",
    "R": "registered",
    "X": "cancelled",
}
ORDERED = {"CM": "completed", "IP": "active", "CA": "revoked", "HD": "on-hold"}
RACES = "urn:oid:2.16.840.1.113883.6.238"
NUMBER = pattern(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
RANGE = pattern(r"(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)")
ESCAPES = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", ".br": "\n"}
ESCAPE = pattern(r"\\(F|S|T|R|E|\.br)\\")


def text(value: str) -> str:
    return value if "\\" not in value else ESCAPE.sub(lambda found: ESCAPES[found[1]], value)


def uuid(*seed: str) -> str:
    text = sha1("|".join(seed).encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def instant(value: str) -> str | None:
    """A DTM to the second with its offset."""
    day = f"{value[:4]}-{value[4:6]}-{value[6:8]}"
    time = f"{day}T{value[8:10]}:{value[10:12]}:{value[12:14]}{value[14:17]}:{value[17:19]}"
    try:
        datetime.fromisoformat(time)
    except ValueError:
        return None
    return time


def day(value: str) -> str | None:
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}" if len(value) == 8 and value.isdigit() else None


def decimal(value: str) -> Any:
    return orjson.Fragment(value.encode()) if NUMBER.fullmatch(value) else None


def part(parts: list[str], number: int) -> str:
    if len(parts) < number:
        return ""
    value = parts[number - 1]
    return value if "\\" not in value else text(value)


def concept(value: str) -> Json | None:
    """A CWE of one coding."""
    if not value:
        return None
    parts = value.split("^")
    coding: Json = {}
    if code := part(parts, 1):
        coding["code"] = code
    if display := part(parts, 2):
        coding["display"] = display
    if system := part(parts, 3):
        coding["system"] = SYSTEMS.get(system, system)
    concept: Json = {"coding": [coding]}
    if text := part(parts, 9) or display:
        concept["text"] = text
    return concept


def coded(system: str, code: str) -> Json:
    return {"coding": [{"system": TERMS + system, "code": code}]}


def labelled(system: str, table: Mapping[str, str], code: str) -> Json:
    coding = {"system": TERMS + system, "code": code}
    if code in table:
        coding["display"] = table[code]
    return {"coding": [coding]}


def human_name(value: str) -> Json:
    parts = value.split("^")
    name: Json = {}
    if use := NAME_USE.get(part(parts, 7)):
        name["use"] = use
    name["family"] = part(parts, 1)
    if given := [found for found in (part(parts, 2), part(parts, 3)) if found]:
        name["given"] = given
    if prefix := part(parts, 5):
        name["prefix"] = [prefix]
    return name


def address(value: str) -> Json:
    parts = value.split("^")
    address: Json = {}
    if use := ADDRESS_USE.get(part(parts, 7)):
        address["use"] = use
    if lines := [found for found in (part(parts, 1), part(parts, 2)) if found]:
        address["line"] = lines
    for number, element in ((3, "city"), (4, "state"), (5, "postalCode"), (6, "country")):
        if found := part(parts, number):
            address[element] = found
    return address


def phone(value: str) -> Json:
    parts = value.split("^")
    country, area, local = part(parts, 5), part(parts, 6), part(parts, 7)
    extensions = [
        {"url": "http://hl7.org/fhir/StructureDefinition/contactpoint-" + name, "valueString": part}
        for name, part in (("country", country), ("area", area), ("local", local))
        if part
    ]
    return {
        "use": PHONE_USE.get(part(parts, 2), "home"),
        "system": "phone",
        "value": f"+{country} {area} {local}",
        "extension": extensions,
    }


def language(value: str) -> Json:
    parts = value.split("^")
    display = part(parts, 2)
    coding = {"system": "urn:ietf:bcp:47", "code": part(parts, 1), "display": display}
    return {"coding": [coding], "text": display}


def quantity(value: str, units: str) -> Json:
    parts = units.split("^")
    quantity: Json = {"value": decimal(value)}
    if unit := part(parts, 2) or part(parts, 1):
        quantity["unit"] = unit
        quantity["code"] = part(parts, 1)
        if system := part(parts, 3):
            quantity["system"] = SYSTEMS.get(system, system)
    return quantity


def reference_range(value: str) -> Json:
    found = RANGE.fullmatch(value)
    if found is None:
        return {"text": text(value)}
    return {
        "low": {"value": decimal(found[1])},
        "high": {"value": decimal(found[2])},
        "text": value,
    }
