"""Texts, and names in one line."""

from __future__ import annotations

from html import escape

from engine.mapping import datatypes
from engine.mapping.runtime import Run


def join(run: Run, *texts: str) -> str | None:
    """The texts that are there, with a blank between."""
    return " ".join(text for text in texts if text) or None


def concat(run: Run, *texts: str) -> str | None:
    """The texts one after the other, when the first is there."""
    return "".join(texts) if texts and texts[0] else None


def joined(run: Run, separator: str, *texts: str) -> str | None:
    """The texts that are there, with a separator of one's own between."""
    return separator.join(text for text in texts if text) or None


def lines(run: Run, *raws: str) -> str | None:
    """Free text, its repetitions as lines."""
    return "\n".join(text for raw in raws if (text := run.text(raw))) or None


def texts(run: Run, raw: str) -> str | None:
    """The texts of all repetitions of a coded field, a code where there is no text."""
    found = [
        run.value(item, 2) or run.value(item, 9) or run.value(item, 1) for item in raw.split(run.R)
    ]
    return ", ".join(text for text in found if text) or None


def upper(run: Run, text: str) -> str | None:
    """The text in capitals."""
    return text.upper() or None


def narrative(run: Run, text: str) -> str | None:
    """A text as the XHTML of a narrative (R4, 2.8)."""
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(text)}</div>' if text else None


def name(run: Run, raw: str) -> str | None:
    """A person's name in one line, of an XPN."""
    parts = [run.clean(part.split(run.S, 1)[0]) for part in raw.split(run.R, 1)[0].split(run.C)]
    return datatypes.person_name(parts)


def phone(run: Run, country: str, area: str, local: str, extension: str = "") -> str | None:
    """A telephone number from its parts, as the guide composes it."""
    return datatypes.contact_value(["", "", "", "", country, area, local, extension])
