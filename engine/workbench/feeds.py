"""Which mapping a command means: by name, by folder, or as a channel has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from engine.config import load_configuration
from engine.errors import EngineError
from engine.hl7v2.message import Message
from engine.mapping import dates
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.result import Context


class NoSuchFeed(EngineError):  # noqa: N818 - it says what there is not
    """A mapping or channel that is not there, and which are."""


@dataclass(frozen=True)
class Feed:
    """A mapping with what it needs to know of the messages that it maps."""

    library: MappingLibrary
    mapping: str
    timezone: tzinfo = UTC
    charset: str = "utf-8"
    channel: str = "convert"
    assigner: Mapping[str, str] = field(default_factory=dict)

    def context(self, message: Message) -> Context:
        """The context of a message that nobody received: its own time stands for the receipt."""
        return Context(self.timezone, _sent_at(message, self.timezone), self.channel, self.assigner)


def _sent_at(message: Message, zone: tzinfo) -> datetime:
    try:
        text = dates.date_time(message.value("MSH-7"), zone) or ""
        return datetime.fromisoformat(text) if "T" in text else datetime(1970, 1, 1, tzinfo=UTC)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)


def feed(
    config: Path | None, channel: str | None, mapping: str | None, mappings: Path | None
) -> Feed:
    """The feed that a command's options name; the standard library when they name none.

    Raises:
        NoSuchFeed: the channel or mapping is not there.
        ConfigurationError: what there is cannot be read.

    """
    if channel is not None:
        return _of_channel(config or Path(), channel, mapping)
    folders = [folder for folder in (mappings, config / "mappings" if config else None) if folder]
    name = mapping or "standard"
    if (Path(name) / "mapping.yaml").is_file():
        own = Path(name).resolve()
        folders, name = [*folders, own.parent], own.name
    library = load_library(folders)
    if name not in library.names:
        raise NoSuchFeed(f"no mapping '{name}'; there are: {', '.join(library.names)}")
    return Feed(library, name)


def _of_channel(config: Path, name: str, mapping: str | None) -> Feed:
    channels = {channel.name: channel for channel in load_configuration(config).channels}
    if name not in channels:
        raise NoSuchFeed(f"no channel '{name}'; there are: {', '.join(channels)}")
    found = channels[name]
    library = load_library([config / "mappings"])
    return Feed(
        library, mapping or found.mapping, found.timezone, found.charset, name, found.assigner
    )
