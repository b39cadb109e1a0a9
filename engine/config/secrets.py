"""Secrets: from the environment, a file or a systemd credential; never from YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from engine.config.model import Secret
from engine.config.values import Fail
from engine.documents import Node, suggest

WAYS = ("env", "file", "credential")
_ADVICE = "write {env: NAME}, {file: /path} or {credential: NAME}"
#: Words in the name of an HTTP header whose value is a secret.
_SECRETIVE = ("auth", "token", "key", "secret", "cookie", "password")


class Secrets(Enum):
    """What becomes of secrets when a configuration is read."""

    #: the engine starts or reloads: one that is missing is an error
    NEEDED = "needed"
    #: one that only the engine's own process is given is a warning
    ELSEWHERE = "elsewhere"
    #: nobody logs in anywhere: none is looked for
    UNREAD = "unread"


@dataclass(frozen=True)
class Reading:
    """Where what is not in the files comes from."""

    environment: Mapping[str, str]
    read_file: Callable[[str], str]
    secrets: Secrets = Secrets.NEEDED
    #: how such a warning is told
    warn: Fail | None = None


@dataclass(frozen=True)
class SecretKind:
    """A secret, read when the configuration is: a missing one is found before it is needed."""

    reading: Reading

    def read(self, node: Node, fail: Fail) -> Secret | None:
        """Say where it is kept, and fetch it from there."""
        if node.kind != "map":
            # The text is not repeated: it may be the secret.
            fail(node.place, "a secret does not stand in a configuration file", _ADVICE)
            return None
        ways = [way for way in node.entries if way in WAYS]
        if len(node.entries) != 1 or not ways:
            wrong = next((key for key in node.entries if key not in WAYS), "")
            fail(node.place, "this says not where the secret is", suggest(wrong, WAYS) or _ADVICE)
            return None
        item = node.entries[ways[0]]
        if self.reading.secrets is Secrets.UNREAD:
            return Secret("")
        try:
            return Secret(self._fetch(ways[0], item.text))
        except _ElsewhereError as missing:
            if self.reading.secrets is Secrets.ELSEWHERE and self.reading.warn is not None:
                self.reading.warn(item.place, missing.told, None)
                return Secret("")
            fail(item.place, missing.what, missing.instead)
        except _MissingError as missing:
            fail(item.place, missing.what, missing.instead)
        return None

    def _fetch(self, way: str, name: str) -> str:
        environment = self.reading.environment
        if way == "env":
            if not environment.get(name):
                what = f"the environment has no variable '{name}', or an empty one"
                raise _ElsewhereError(what, told=f"the environment variable '{name}'")
            return environment[name]
        if way == "file":
            return self._file(name)
        folder = environment.get("CREDENTIALS_DIRECTORY")
        if not folder:
            what = f"there is no credential '{name}': CREDENTIALS_DIRECTORY is not set"
            how = "systemd sets it for a unit with LoadCredential="
            raise _ElsewhereError(what, how, told=f"the credential '{name}'")
        return self._file(f"{folder}/{name}")

    def _file(self, name: str) -> str:
        try:
            text = self.reading.read_file(name).strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise _MissingError(f"the secret's file '{name}' cannot be read: {why}") from error
        if not text:
            raise _MissingError(f"the secret's file '{name}' is empty")
        return text

    def schema(self) -> dict[str, Any]:
        """One of the three ways."""
        return {
            "type": "object",
            "properties": {way: {"type": "string"} for way in WAYS},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }


class _MissingError(Exception):
    """A secret that is not where the configuration says."""

    def __init__(self, what: str, instead: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead


class _ElsewhereError(_MissingError):
    """A secret that a process is given when it starts, and this one was not."""

    def __init__(self, what: str, instead: str | None = None, *, told: str) -> None:
        super().__init__(what, instead)
        self.told = f"{told} is not set here; the engine will need it"


@dataclass(frozen=True)
class HeadersKind:
    """HTTP headers: plain texts, or secrets where their names say so."""

    reading: Reading

    def read(self, node: Node, fail: Fail) -> dict[str, str] | None:
        """Read each; a plain text in a header that carries a secret is refused."""
        if node.kind != "map":
            fail(node.place, "expected headers and their values here", None)
            return None
        headers: dict[str, str] = {}
        for name, item in node.entries.items():
            if item.kind == "map" or any(word in name.lower() for word in _SECRETIVE):
                secret = SecretKind(self.reading).read(item, fail)
                headers[name] = secret.reveal() if secret else ""
            elif item.kind == "text":
                headers[name] = item.text
            else:
                fail(item.place, "expected a text here", None)
        return headers

    def schema(self) -> dict[str, Any]:
        """Texts or secrets by name."""
        values = [{"type": "string"}, SecretKind(self.reading).schema()]
        return {"type": "object", "additionalProperties": {"anyOf": values}}
