"""Values that are written as one text: how each is read, and what an editor may know of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from engine.documents import Node, suggest
from engine.errors import Place
from engine.hl7v2.charset import codec

Fail = Callable[[Place, str, str | None], None]

_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


class SecretError(ValueError):
    """A text that must not be repeated in a message about it."""


@dataclass(frozen=True)
class Scalar:
    """A value written as one text; ``parse`` raises ValueError saying what to write instead."""

    parse: Callable[[str], Any]
    wanted: str
    shape: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})

    def read(self, node: Node, fail: Fail) -> Any:
        """Parse the text; None, and the problem told, when it does not fit."""
        if node.kind != "text":
            fail(node.place, f"expected {self.wanted} here, not a {node.kind}", None)
            return None
        try:
            return self.parse(node.text)
        except SecretError as error:
            fail(node.place, f"this is not {self.wanted}", str(error))
        except ValueError as error:
            fail(node.place, f"'{node.text}' is not {self.wanted}", str(error) or None)
        return None

    def schema(self) -> dict[str, Any]:
        """A string, a number, or an enumeration."""
        return dict(self.shape)


def integer(low: int, high: int) -> Scalar:
    """A whole number in a range."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]+", text) or not low <= int(text) <= high:
            raise ValueError(f"write a number from {low} to {high}")
        return int(text)

    shape = {"type": "integer", "minimum": low, "maximum": high}
    return Scalar(parse, "a whole number in its range", shape)


def choice(*options: str) -> Scalar:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(suggest(text, options) or f"write one of: {', '.join(options)}")
        return text

    return Scalar(parse, f"one of {', '.join(options)}", {"enum": list(options)})


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("write true or false")
    return text == "true"


def _amount(text: str, units: Mapping[str, float], advice: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([a-zA-Z]*)", text)
    if match is None or match[2].lower() not in units:
        raise ValueError(advice)
    return float(match[1]) * units[match[2].lower()]


def _seconds(text: str) -> float:
    seconds = _amount(text, _SECONDS, "write it like 30s, 5m, 6h or 7d")
    if seconds < 0.001:
        raise ValueError("1ms is the least")
    return seconds


def _seconds_or_never(text: str) -> float:
    """A length of time, or 0 for never."""
    try:
        return 0.0 if text == "never" else _seconds(text)
    except ValueError as error:
        raise ValueError(f"{error}; or never") from None


def _size(text: str) -> int:
    size = int(_amount(text, _BYTES, "write it like 512 KiB, 32 MiB or 1 GiB"))
    if size < 1024:
        raise ValueError("1 KiB is the least")
    return size


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        near = suggest(text, available_timezones())
        advice = near or "write a name of the time zone database, like Europe/Berlin"
        raise ValueError(advice) from None


def _charset(text: str) -> str:
    found = codec(text)
    if found is None:
        raise ValueError("write it like utf-8, iso-8859-1 or windows-1252")
    return found


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        advice = "the address has bits beyond the network" if "host bits" in str(error) else ""
        raise ValueError(advice or "write it like 10.20.0.0/16 or 10.20.1.7") from None


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("write an address like 127.0.0.1, or 0.0.0.0 for all") from None


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("write it like https://fhir.clinic.example/fhir")
    if parts.username or parts.password:
        raise SecretError("a secret does not stand in a URL: write auth:")
    if parts.query or parts.fragment:
        raise ValueError("a base URL ends before the '?'")
    return text.rstrip("/")


def _uri(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+", text):
        raise ValueError("write it like urn:oid:2.16.840.1.113883.19.4.6 or https://...")
    return text


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError("write letters, digits, '-', '_' and '.', without blanks")
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("write something, or leave the key out")
    return text


_AMOUNT = r"^[0-9]+(\.[0-9]+)? *"

TEXT = Scalar(_text, "a text")
WORD = Scalar(_word, "a name", {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"})
BOOLEAN = Scalar(_boolean, "true or false", {"type": "boolean"})
SECONDS = Scalar(
    _seconds,
    "a length of time",
    {"type": ["string", "number"], "pattern": f"{_AMOUNT}(ms|s|m|h|d)?$", "exclusiveMinimum": 0},
)
SECONDS_OR_NEVER = Scalar(
    _seconds_or_never,
    "a length of time",
    {**SECONDS.shape, "pattern": f"^never$|{SECONDS.shape['pattern']}"},
)
SIZE = Scalar(
    _size,
    "a size",
    {"type": ["string", "number"], "pattern": f"{_AMOUNT}(B|KiB|MiB|GiB)?$"},
)
ZONE = Scalar(_zone, "a time zone")
CHARSET = Scalar(_charset, "a character set")
NETWORK = Scalar(_network, "a network")
HOST = Scalar(_host, "an address of this machine")
URL = Scalar(_url, "the base URL of a server", {"type": "string", "format": "uri"})
URI = Scalar(_uri, "a URI", {"type": "string", "format": "uri"})
PORT = integer(0, 65535)
