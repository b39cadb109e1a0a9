"""The kinds of values that a configuration key can have: how each is read, and its JSON Schema."""

from __future__ import annotations

import codecs
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from engine.config.model import Secret
from engine.documents import Node, suggest
from engine.errors import ConfigurationError, Place, Problem
from engine.mapping.language import parse_condition

Fail = Callable[[Place, str, str | None], None]
_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


class Kind(Protocol):
    """One kind of value."""

    def read(self, node: Node, fail: Fail) -> Any:
        """The value, or None with the problem reported."""

    def schema(self) -> dict[str, Any]:
        """What an editor may offer and complain about."""


@dataclass(frozen=True)
class Reading:
    """Where values that are not in the files come from: environment, files, credentials."""

    environment: Mapping[str, str]
    read_file: Callable[[str], str]


@dataclass(frozen=True)
class Scalar:
    """A value written as one text; ``parse`` raises ValueError with what to write instead."""

    parse: Callable[[str], Any]
    wanted: str
    extra: Mapping[str, Any] | None = None

    def read(self, node: Node, fail: Fail) -> Any:
        """Parse the text."""
        if node.kind != "text":
            fail(node.place, f"expected {self.wanted} here", None)
            return None
        try:
            return self.parse(node.text)
        except ValueError as error:
            fail(node.place, f"'{node.text}' is not {self.wanted}", str(error) or None)
            return None

    def schema(self) -> dict[str, Any]:
        """A string, a number, or an enumeration."""
        return dict(self.extra or {"type": ["string", "number"]})


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or not low <= int(text) <= high:
            raise ValueError(f"write a number from {low} to {high}")
        return int(text)

    return parse


def integer(low: int, high: int) -> Scalar:
    """A whole number in a range."""
    extra = {"type": "integer", "minimum": low, "maximum": high}
    return Scalar(_integer(low, high), "a whole number", extra)


def _boolean(text: str) -> bool:
    if text not in ("true", "false", "yes", "no"):
        raise ValueError("write true or false")
    return text in ("true", "yes")


def _amount(units: Mapping[str, float], example: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text)
        if match is None or match[2].lower() not in units:
            raise ValueError(f"write it like {example}")
        return float(match[1]) * units[match[2].lower()]

    return parse


def _size(text: str) -> int:
    return int(_amount(_BYTES, "32 MiB")(text))


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError("write a name of the time zone database: Europe/Berlin") from None


def _charset(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError("write it like utf-8, iso-8859-1 or windows-1252") from None


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("write it like 10.20.0.0/16 or 10.20.1.7") from None


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError("write it like https://fhir.clinic.example/fhir")
    return text.rstrip("/")


TEXT = Scalar(str, "a text", {"type": "string"})
BOOLEAN = Scalar(_boolean, "true or false", {"type": "boolean"})
SECONDS = Scalar(_amount(_SECONDS, "30s, 5m, 6h or 7d"), "a length of time")
SIZE = Scalar(_size, "a size")
ZONE = Scalar(_zone, "a time zone", {"type": "string"})
CHARSET = Scalar(_charset, "a character set", {"type": "string"})
NETWORK = Scalar(_network, "a network", {"type": "string"})
URL = Scalar(_url, "a URL", {"type": "string", "format": "uri"})


def choice(*options: str) -> Scalar:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(suggest(text, options) or f"write one of: {', '.join(options)}")
        return text

    return Scalar(parse, f"one of {', '.join(options)}", {"enum": list(options)})


class ConditionKind:
    """A condition over a message."""

    def read(self, node: Node, fail: Fail) -> Any:
        """Parse the sentence."""
        try:
            return parse_condition(node.text, node.place)
        except ConfigurationError as error:
            for problem in error.problems:
                fail(problem.place or node.place, problem.what, problem.instead)
            return None

    def schema(self) -> dict[str, Any]:
        """A sentence."""
        return {"type": "string"}


@dataclass(frozen=True)
class ListOf:
    """A list of one kind; a single value is a list of one."""

    kind: Kind

    def read(self, node: Node, fail: Fail) -> tuple[Any, ...]:
        """Read each item."""
        items = node.items if node.kind == "list" else [] if node.kind == "null" else [node]
        return tuple(value for item in items if (value := self.kind.read(item, fail)) is not None)

    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.kind.schema()}


@dataclass(frozen=True)
class MapOf:
    """Names and values of one kind."""

    kind: Kind

    def read(self, node: Node, fail: Fail) -> dict[str, Any] | None:
        """Read each value."""
        if node.kind != "map":
            fail(node.place, "expected names and values here", None)
            return None
        return {key: self.kind.read(item, fail) for key, item in node.entries.items()}

    def schema(self) -> dict[str, Any]:
        """An object with any names."""
        return {"type": "object", "additionalProperties": self.kind.schema()}


@dataclass(frozen=True)
class SecretKind:
    """A secret: from the environment, a file, or a systemd credential, never from YAML."""

    reading: Reading

    def read(self, node: Node, fail: Fail) -> Secret | None:
        """Resolve it."""
        if node.kind != "map" or len(node.entries) != 1:
            advice = "write {env: NAME}, {file: /path} or {credential: NAME}"
            fail(node.place, "a secret does not stand in a configuration file", advice)
            return None
        ((way, item),) = node.entries.items()
        try:
            return Secret(self._resolve(way, item.text))
        except (KeyError, OSError, ValueError) as error:
            what = f"the secret cannot be read from {way} '{item.text}'"
            fail(item.place, what, str(error) if isinstance(error, ValueError) else None)
            return None

    def _resolve(self, way: str, name: str) -> str:
        if way == "env":
            return self.reading.environment[name]
        if way == "file":
            return self.reading.read_file(name).strip()
        if way == "credential":
            folder = self.reading.environment["CREDENTIALS_DIRECTORY"]
            return self.reading.read_file(f"{folder}/{name}").strip()
        raise ValueError("write {env: NAME}, {file: /path} or {credential: NAME}")

    def schema(self) -> dict[str, Any]:
        """One of the three ways."""
        ways = {way: {"type": "string"} for way in ("env", "file", "credential")}
        return {
            "type": "object",
            "properties": ways,
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class NotBuilt:
    """A key that has a meaning and no code yet: refused, for nothing is accepted without effect."""

    what: str

    def read(self, node: Node, fail: Fail) -> None:
        """Refuse it."""
        fail(node.place, f"{self.what} is not built yet", "leave the key out")

    def schema(self) -> dict[str, Any]:
        """Nothing fits."""
        return {"not": {}}


REQUIRED = object()


@dataclass(frozen=True)
class Key:
    """One key of a block: its only definition, for reading, checking, schema and reference."""

    name: str
    kind: Kind
    doc: str
    default: Any = None
    attribute: str = ""


@dataclass(frozen=True)
class Block:
    """A block of known keys, made into a value by ``make`` from what was written."""

    keys: tuple[Key, ...]
    make: Callable[..., Any]

    def read(self, node: Node, fail: Fail) -> Any:
        """Read every key; unknown ones are refused with the nearest."""
        values = self.values(node, fail)
        return None if values is None else self.make(**values)

    def values(self, node: Node, fail: Fail) -> dict[str, Any] | None:
        """What was written, by attribute; None when a required key is missing or wrong."""
        if node.kind != "map":
            fail(node.place, "expected keys and values here", None)
            return None
        known = {key.name: key for key in self.keys}
        for name, place in node.keys.items():
            if name not in known:
                fail(place, f"unknown key '{name}'", suggest(name, known))
        values: dict[str, Any] = {}
        complete = True
        for key in self.keys:
            item = node.entries.get(key.name)
            if item is None or item.kind == "null":
                if key.default is REQUIRED:
                    fail(node.place, f"missing key '{key.name}'", key.doc)
                    complete = False
                continue
            value = key.kind.read(item, fail)
            if value is not None:
                values[key.attribute or key.name] = value
            elif key.default is REQUIRED:
                complete = False
        return values if complete else None

    def schema(self) -> dict[str, Any]:
        """An object with just these properties."""
        properties = {key.name: {**key.kind.schema(), "description": key.doc} for key in self.keys}
        required = [key.name for key in self.keys if key.default is REQUIRED]
        made: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        return {**made, "required": required} if required else made


def problem_of(place: Place, what: str, instead: str | None) -> Problem:
    """A problem from what a kind reports."""
    return Problem(place, what, instead)
