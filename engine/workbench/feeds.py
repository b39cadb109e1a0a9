"""Which mapping a command means: by name, by folder, or as a channel has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from engine.config import Channel, FhirDestination, Secrets, load_configuration
from engine.documents import load_document, suggest
from engine.errors import ConfigurationError, NothingSuchError
from engine.hl7v2.message import Message
from engine.mapping import dates
from engine.mapping.library import MappingLibrary, load_library
from engine.mapping.result import Context

#: The receipt time of a message that nobody received and that does not say when it was made:
#: the same for ever, and plainly no real time.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class NoSuchFeed(NothingSuchError):  # noqa: N818 - it says what there is not
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

    #: how a Bundle of it is written to a server
    write: str = "upsert"
    #: whether fields without a FHIR home are reported or kept as extensions
    unmapped: str = "report"

    def context(self, message: Message) -> Context:
        """The context of a message that nobody received: its own time stands for the receipt."""
        sent = sent_at(message, self.timezone) or NO_TIME
        return Context(self.timezone, sent, self.channel, self.assigner)


def sent_at(message: Message, zone: tzinfo) -> datetime | None:
    """MSH-7 as a moment; None when it is none."""
    try:
        text = dates.date_time(message.value("MSH-7"), zone)
        if not text:
            return None
        moment = datetime.fromisoformat(text + "-01" * (2 - text[:10].count("-")))
    except ValueError:  # no such moment; or a leap second, which Python lacks
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


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
    return _named(Feed(*_library(folders, mapping or "standard")))


def _of_channel(config: Path, name: str, mapping: str | None) -> Feed:
    channels = {
        channel.name: channel
        for channel in load_configuration(config, secrets=Secrets.UNREAD).channels
    }
    if name not in channels:
        raise NoSuchFeed(_missing("channel", name, channels))
    found = channels[name]
    made = Feed(
        *_library([config / "mappings"], mapping or found.mapping),
        found.timezone,
        found.charset,
        name,
        found.assigner,
        _write_mode(found),
        found.unmapped,
    )
    return _named(made)


def _library(folders: list[Path], name: str) -> tuple[MappingLibrary, str]:
    """The library of these folders, and a mapping's name; or of the mapping's own folder."""
    feed = Path(name)
    if (feed / "mapping.yaml").is_file():
        feed = feed.resolve()
        folders, name = [*folders, feed.parent], mapping_of(feed)
    return load_library(folders), name


def mapping_of(folder: Path) -> str:
    """The name of the mapping in a folder: the folder may be called otherwise."""
    file = folder / "mapping.yaml"
    try:
        document = load_document(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError, ConfigurationError):
        return folder.name
    node = document.entries.get("mapping")
    return node.text if node is not None else folder.name


def _named(made: Feed) -> Feed:
    names = made.library.names
    if made.mapping not in names:
        raise NoSuchFeed(_missing("mapping", made.mapping, names))
    return made


def _missing(what: str, name: str, there: Collection[str]) -> str:
    near = suggest(name, there)
    more = f" ({near})" if near else f"; there are: {', '.join(there) or 'none'}"
    return f"no {what} '{name}'{more}"


def _write_mode(channel: Channel) -> str:
    """How the channel writes to its first server; a file destination has no say in it."""
    servers = [item for item in channel.destinations if isinstance(item, FhirDestination)]
    return servers[0].write if servers else "upsert"
