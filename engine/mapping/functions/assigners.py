"""Who assigns identifiers, and which application speaks: HD, EI."""

from __future__ import annotations

from urllib.parse import quote

from engine.mapping import authorities
from engine.mapping.runtime import Run


def authority(run: Run, raw: str) -> str | None:
    """The system of an assigning authority: by the feed's table, else by its universal id."""
    return authorities.system_of(run.dialect, *_authority(run, raw)) if raw else None


def authority_parts(run: Run, namespace: str, universal: str, kind: str = "") -> str | None:
    """The same, for an authority that stands in three components (EI.2 to EI.4)."""
    return authorities.system_of(run.dialect, namespace, universal, kind)


def authority_name(run: Run, raw: str) -> str | None:
    """The namespace of an assigning authority, or its universal id where that is no URI."""
    if not raw:
        return None
    namespace, universal, kind = _authority(run, raw)
    if namespace and authorities.uri_of(run.dialect, namespace) is None:
        return namespace
    if universal and authorities.system_of(run.dialect, "", universal, kind) is None:
        return universal
    return None


def endpoint(run: Run, raw: str) -> str | None:
    """An application (HD) as the URL of a MessageHeader: its universal id, else its name."""
    if not raw:
        return None
    namespace, universal, kind = _authority(run, raw)
    found = authorities.system_of(run.dialect, "", universal, kind)
    if found:
        return found
    named = "-".join(text for text in (namespace, universal) if text)
    return "urn:mllp:" + quote(named) if named else None


def _authority(run: Run, raw: str) -> tuple[str, str, str]:
    """Namespace, universal id and its type of an HD, in a component or a field of its own."""
    separator = run.S if run.S in raw else run.C
    parts = [run.clean(part) for part in raw.split(separator)]
    parts += ["", "", ""]
    return parts[0], parts[1], parts[2]
