"""What a feed calls an assigning authority or a coding system, as the URI of that system."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from engine.mapping.coding import V2_TABLE

#: The arc of the HL7 v2 tables: .364 is table 0364.
_TABLE_OID = re.compile(r"2\.16\.840\.1\.113883\.12\.(\d{1,4})")
#: What a feed may not know: an OID is dotted numbers, a UUID is what RFC 9562 draws.
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URI = re.compile(r"(https?|urn|ftp|mailto|oid):\S+")


class Names(Protocol):
    """What a feed says of names, by its own tables."""

    @property
    def authorities(self) -> Mapping[str, str]:
        """Assigning authority, by its namespace or universal id -> system."""
        ...

    @property
    def systems(self) -> Mapping[str, str]:
        """Coding system, by its name or OID -> URI."""
        ...


def uri_of(names: Names, text: str) -> str | None:
    """An OID, a UUID or a URI as a URI; the table's own URI where it knows the OID."""
    # an OID that short is an arc of the standards bodies, and nobody's system
    if _OID.fullmatch(text) and text.rindex(".") > 3:
        numbered = _TABLE_OID.fullmatch(text)
        table_uri = V2_TABLE + numbered[1].zfill(4) if numbered else ""
        return names.systems.get(text) or table_uri or "urn:oid:" + text
    if _UUID.fullmatch(text):
        return "urn:uuid:" + text.lower()
    return text if _URI.fullmatch(text) else None


def system_of(names: Names, namespace: str, universal: str, kind: str = "") -> str | None:
    """The system of an assigning authority (HD): by the feed's table, else by its universal id.

    None when neither names one.
    """
    feed = names.authorities
    found = feed.get(namespace) or feed.get(universal)
    if found:
        return found
    if universal:
        # A universal id may be named in the wrong column: its own shape tells best.
        uri = uri_of(names, universal)
        if uri:
            return uri
        if kind == "DNS" and re.fullmatch(r"[\w.-]+", universal):
            return "urn:dns:" + universal
    return uri_of(names, namespace) if namespace else None
