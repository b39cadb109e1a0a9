"""Which store a command means, without what only a running engine needs (secrets, mappings)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from engine.config import EngineSettings
from engine.documents import load_document, suggest
from engine.errors import ConfigurationError, NothingSuchError, Place, Problem
from engine.store.reader import Reader

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


def channels_of(folder: Path) -> dict[str, str]:
    """Each channel of a folder and its mapping, without what only a running engine needs."""
    found: dict[str, str] = {}
    for file in sorted((folder / "channels").glob("*.yaml")):
        document = load_document(file.read_text(encoding="utf-8"), f"channels/{file.name}")
        name, mapping = document.entries.get("channel"), document.entries.get("mapping")
        found[name.text if name is not None else file.stem] = (
            mapping.text if mapping is not None else "standard"
        )
    return found


def require_channel(folder: Path, name: str | None, reader: Reader) -> None:
    """A channel that is asked for is one of the folder, or one that the store has heard of.

    Raises:
        NothingSuchError: it is neither.

    """
    if not name:
        return
    heard = {account.channel for account in reader.ledger(verify=False).messages}
    there = sorted({*channels_of(folder), *heard} - {""})
    if name not in there:
        near = suggest(name, there) or f"there are: {', '.join(there) or 'none'}"
        raise NothingSuchError(f"no channel '{name}' ({near})")


def moment(seconds: float | None) -> str:
    """A time of the store as people and scripts read it."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
