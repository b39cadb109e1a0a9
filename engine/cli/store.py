"""Which store a command means, without what only a running engine needs (secrets, mappings)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from engine.config import EngineSettings
from engine.documents import load_document
from engine.errors import ConfigurationError, Place, Problem

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def store_of(folder: Path) -> Path:
    """The file of the store that the configuration in a folder names.

    Raises:
        ConfigurationError: the folder is no configuration, or its engine.yaml is not YAML.

    """
    file = folder / "engine.yaml"
    if not file.exists():
        if not (folder / "channels").is_dir():
            what = f"'{folder}' has neither engine.yaml nor channels/"
            raise ConfigurationError([Problem(Place("engine.yaml", 1, 1), what)])
        return EngineSettings(folder / "data").store
    document = load_document(file.read_text(encoding="utf-8"), "engine.yaml")
    data = document.entries.get("data")
    return EngineSettings(folder / (data.text if data is not None else "data")).store


def moment(seconds: float | None) -> str:
    """A time of the store as people and scripts read it."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
