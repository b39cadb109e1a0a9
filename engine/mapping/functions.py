"""The functions that rules may call: ``system(CWE.3)``, ``join(PID-5.2, PID-5.1)``.

Each takes the run and the texts of its arguments ("" when absent) and gives a value or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from engine.mapping import datatypes
from engine.mapping.coding import V2_TABLE
from engine.mapping.runtime import Body, Run

#: What a feed may not know: an OID is dotted numbers, a UUID is what RFC 9562 draws.
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URI = re.compile(r"(https?|urn|ftp|mailto|oid):\S+")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; ``raw`` ones get texts with their separators in."""

    call: Callable[..., Any]
    raw: bool = False


def join(run: Run, *texts: str) -> str | None:
    """The texts that are there, with a blank between."""
    return " ".join(text for text in texts if text) or None


def concat(run: Run, *texts: str) -> str | None:
    """The texts one after the other, when the first is there."""
    return "".join(texts) if texts and texts[0] else None


def lines(run: Run, *raws: str) -> str | None:
    """Free text, its repetitions as lines."""
    return "\n".join(text for raw in raws if (text := run.text(raw))) or None


def system(run: Run, name: str, oid: str = "") -> str | None:
    """The URI of a coding system: by its name in table 0396 or the feed's own, else by its OID."""
    found = run.dialect.systems.get(name) or run.dialect.systems.get(name.upper())
    if found:
        return found
    for text in (oid, name):
        if text:
            uri = uri_of(run, text)
            if uri:
                return uri
    match = re.fullmatch(r"HL7(\d{4})", name) or re.fullmatch(r"(\d{4})", name)
    return V2_TABLE + match[1] if match else None


def uri_of(run: Run, text: str) -> str | None:
    """An OID, a UUID or a URI as a URI; the table's own URI where it knows the OID."""
    if _OID.fullmatch(text):
        return run.dialect.systems.get(text) or "urn:oid:" + text
    if _UUID.fullmatch(text):
        return "urn:uuid:" + text.lower()
    return text if _URI.fullmatch(text) else None


def _authority(run: Run, raw: str) -> tuple[str, str, str]:
    """Namespace, universal id and its type of an HD, in a component or a field of its own."""
    separator = run.S if run.S in raw else run.C
    parts = [run.clean(part) for part in raw.split(separator)]
    parts += ["", "", ""]
    return parts[0], parts[1], parts[2]


def authority(run: Run, raw: str) -> str | None:
    """The system of an assigning authority: by the feed's table, else by its universal id."""
    return authority_parts(run, *_authority(run, raw)) if raw else None


def authority_parts(run: Run, namespace: str, universal: str, kind: str = "") -> str | None:
    """The same, for an authority that stands in three components (EI.2 to EI.4)."""
    feed = run.dialect.authorities
    found = feed.get(namespace) or feed.get(universal)
    if found:
        return found
    if universal:
        # A universal id may be named in the wrong column: its own shape tells best.
        uri = uri_of(run, universal)
        if uri:
            return uri
        if kind == "DNS" and re.fullmatch(r"[\w.-]+", universal):
            return "urn:dns:" + universal
    return uri_of(run, namespace) if namespace else None


def authority_name(run: Run, raw: str) -> str | None:
    """The namespace of an assigning authority, or its universal id where that is no URI."""
    if not raw:
        return None
    namespace, universal, kind = _authority(run, raw)
    if namespace and uri_of(run, namespace) is None:
        return namespace
    if universal and authority_parts(run, "", universal, kind) is None:
        return universal
    return None


def low(run: Run, text: str) -> Body | None:
    """The lower end of a reference range that can be read, as a Quantity."""
    return _end(text, 0)


def high(run: Run, text: str) -> Body | None:
    """The upper end of a reference range that can be read, as a Quantity."""
    return _end(text, 1)


def _end(text: str, number: int) -> Body | None:
    found = datatypes.reference_range(text) if text else None
    if found is None or found[number] is None:
        return None
    made: Body = {"value": orjson.Fragment(found[number].encode())}
    return made


def upper(run: Run, text: str) -> str | None:
    """The text in capitals."""
    return text.upper() or None


FUNCTIONS: dict[str, Function] = {
    "join": Function(join),
    "concat": Function(concat),
    "lines": Function(lines, raw=True),
    "system": Function(system),
    "authority": Function(authority, raw=True),
    "authority_parts": Function(authority_parts),
    "authority_name": Function(authority_name, raw=True),
    "low": Function(low),
    "high": Function(high),
    "upper": Function(upper),
}
