"""Codes and the systems that they belong to."""

from __future__ import annotations

import re
from urllib.parse import quote

from engine.fhir.uris import URIS
from engine.mapping import authorities, coding
from engine.mapping.coding import V2_TABLE
from engine.mapping.runtime import Run


def system(run: Run, name: str, oid: str = "") -> str | None:
    """The URI of a coding system: by its name in table 0396 or the feed's own, else by its OID."""
    found = run.dialect.systems.get(name) or run.dialect.systems.get(name.upper())
    if found:
        return found
    for text in (oid, name):
        if text:
            uri = authorities.uri_of(run.dialect, text)
            if uri:
                return uri
    match = re.fullmatch(r"HL7(\d{4})", name) or re.fullmatch(r"(\d{4})", name)
    return V2_TABLE + match[1] if match else None


def other_oid(run: Run, name: str, oid: str) -> str | None:
    """The OID of a coding system (CWE.14) where the name beside it (CWE.3) says another one.

    The name counts; an OID of the same system says nothing new.
    """
    if not name or not oid or system(run, "", oid) == system(run, name):
        return None
    return oid


def system_of(run: Run, code: str, name: str, oid: str = "") -> str | None:
    """The same for a code of it; of a code that it does not have it is not the system."""
    return _holding(run, code, system(run, name, oid))


def table(run: Run, code: str, number: str) -> str | None:
    """The system of an HL7 table, when it has the code."""
    return _holding(run, code, V2_TABLE + number) if code else None


def currency(run: Run, code: str) -> str | None:
    """A code of ISO 4217, in capitals as it writes them."""
    made = code.upper()
    return made if made and _holding(run, made, "urn:iso:std:iso:4217") else None


def _holding(run: Run, code: str, uri: str | None) -> str | None:
    if uri is None or not code or not run.dialect.codesystems.lacks(uri, code):
        return uri
    run.note("", 0, coding.FOREIGN)
    return None


def local_system(run: Run, name: str) -> str | None:
    """The channel's own system for a name that nobody registered.

    It means what this sender means by it: L of one laboratory is not L of another. A feed that
    knows better names the URI under ``systems:``.
    """
    if not name:
        return None
    return f"urn:mllp-engine:{quote(run.context.channel, safe='')}:{quote(name, safe='')}"


def known(run: Run, code: str, name: str, oid: str = "") -> str | None:
    """A code whose system can be named; without one it says nothing to a receiver (qty-3)."""
    return code if code and system(run, name, oid) else None


def uri_system(run: Run, text: str) -> str | None:
    """The system of an identifier that is a URI itself (R4, Identifier.value)."""
    return URIS if text and authorities.uri_of(run.dialect, text) else None
