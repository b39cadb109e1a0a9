"""The search that finds one resource on a server, as text, as a URL's query, and as a test.

A criterion is written ``identifier=<system>|<value>`` with nothing escaped. The backslashes that
R4 3.1.1.4.1 wants before separators, and what a URL wants, are added here, once.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", "|": "\\|", "$": "\\$"})
#: Characters that a query may hold as they are (RFC 3986 3.4) and that no server takes amiss.
_SAFE = ":/.-_~"


class Criterion(NamedTuple):
    """A parameter of a token type with its system and value."""

    name: str
    system: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Criterion:
        """Read ``name=system|value``; the value may hold any character.

        Raises:
            ValueError: an identifier without a system, by which two feeds' 123 would be one.

        """
        name, _, token = text.partition("=")
        system, bar, value = token.partition("|")
        if name == "identifier" and not (system and bar):
            raise ValueError("an identifier without a system finds somebody else")
        return cls(name, system, value) if bar else cls(name, "", token)

    @property
    def token(self) -> str:
        """What stands behind the parameter's name, ready for a URL.

        Several tokens of one parameter, joined with commas, find any of them.
        """
        value = quote(self.value.translate(_ESCAPES), safe=_SAFE)
        if not self.system:
            return value
        return f"{quote(self.system.translate(_ESCAPES), safe=_SAFE)}%7C{value}"

    def matches(self, resource: dict[str, Any]) -> bool:
        """Whether a resource is one that this criterion finds."""
        match self.name:
            case "_id":
                return bool(resource.get("id") == self.value)
            case "_tag":
                meta = resource.get("meta")
                tags = meta.get("tag") if isinstance(meta, dict) else None
                return any(self._is(tag, "code") for tag in _items(tags))
        return any(self._is(item, "value") for item in _items(resource.get(self.name)))

    def _is(self, item: dict[str, Any], key: str) -> bool:
        return item.get("system", "") == self.system and item.get(key) == self.value


def _items(found: Any) -> list[dict[str, Any]]:
    """What stands in an element, whether it repeats or not; a server may hold anything."""
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def encoded(criterion: str) -> str:
    """A criterion as the query of a URL."""
    parsed = Criterion.parse(criterion)
    return f"{parsed.name}={parsed.token}"
