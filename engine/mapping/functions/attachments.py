"""Documents and what they are."""

from __future__ import annotations

from engine.mapping import datatypes
from engine.mapping.runtime import Run


def mime(run: Run, kind: str, subtype: str = "", data: str = "") -> str | None:
    """The MIME type of a document, by table 0834 and its like, else by how its data begin."""
    return datatypes.content_type(kind, subtype, data)


def document(run: Run, encoding: str, data: str) -> str | None:
    """The data of an ED as base64."""
    return datatypes.encoded(data, encoding)


def pointer(run: Run, text: str) -> str | None:
    """The URL of an RP."""
    return datatypes.pointer(text)
