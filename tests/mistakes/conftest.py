"""The standard library is read once for all mistakes: it is the same in each."""

from __future__ import annotations

from functools import cache

import pytest

from engine.mapping.library import standard_folder
from engine.mapping.model import Library
from engine.mapping.overlay import LibraryReader

_read = LibraryReader.standard


@cache
def standard() -> Library:
    """The standard library."""
    reader = LibraryReader()
    library = _read(reader, standard_folder(), "mappings/standard")
    reader.problems.raise_any()
    return library


@pytest.fixture(autouse=True)
def standard_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every installation of a test has it."""
    monkeypatch.setattr(LibraryReader, "standard", lambda *_: standard())
