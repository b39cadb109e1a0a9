"""What mapping makes of a channel's messages, by the configuration that is in force."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.intake import Authorities
from engine.mapping.library import MappingLibrary
from engine.mapping.prepared import Prepared, prepare
from engine.mapping.result import Context, Mapped, Severity
from engine.mapping.writable import writable

if TYPE_CHECKING:
    from engine.config import Channel, Installation


class Work(NamedTuple):
    """A stored message that is to be mapped, and the way in which its destination is written."""

    channel: str
    write: str
    raw: bytes
    received_at: float


class Feed(NamedTuple):
    """What mapping needs to know of a channel."""

    mapping: str
    timezone: ZoneInfo
    charset: str
    assigner: dict[str, str]
    unmapped: str
    issues: str


def feed_of(channel: Channel) -> Feed:
    """What mapping needs to know of a channel."""
    return Feed(
        channel.mapping,
        channel.timezone,
        channel.charset,
        dict(channel.assigner),
        channel.unmapped,
        channel.issues,
    )


def judged(mapped: Mapped, issues: str) -> Mapped:
    """A mapped message under the channel's policy for values that could not be converted."""
    if issues != "deliver":
        grave = [issue for issue in mapped.issues if issue.severity is not Severity.INFORMATION]
        if grave:
            more = f" and {len(grave) - 1} more" if len(grave) > 1 else ""
            first = f"{grave[0].at}: {grave[0].what}{more}"
            if issues == "hold":
                mapped.hold = mapped.hold or first
            else:
                mapped.reject = mapped.reject or first
    return mapped


class Conversions:
    """The channels' mappings."""

    def __init__(self, mappings: MappingLibrary, feeds: Mapping[str, Feed]) -> None:
        self._mappings = mappings
        self._feeds = dict(feeds)
        self._authorities: dict[str, Authorities] = {}

    @classmethod
    def of(cls, installation: Installation) -> Conversions:
        """Those of a configuration folder."""
        channels = installation.configuration.channels
        return cls(installation.mappings, {one.name: feed_of(one) for one in channels})

    @cached_property
    def packed(self) -> bytes:
        """For another process. Conversions of the same files are packed alike."""
        return pickle.dumps(self, 5)

    def __reduce__(self) -> tuple[object, ...]:
        return Conversions, (self._mappings, self._feeds)

    def compile(self) -> None:
        """Compile what would be compiled with the first messages."""
        for feed in self._feeds.values():
            self._mappings.mapping(feed.mapping, unmapped=feed.unmapped).check()

    def message(self, channel: str, feed: Feed, message: Message, received_at: float) -> Mapped:
        """The resources of a message that has been read."""
        context = Context(
            timezone=feed.timezone,
            received_at=datetime.fromtimestamp(received_at, UTC),
            channel=channel,
            assigner=feed.assigner,
        )
        mapping = self._mappings.mapping(feed.mapping, unmapped=feed.unmapped)
        return judged(mapping.convert(message, context), feed.issues)

    def mapped(self, channel: str, raw: bytes, received_at: float) -> Mapped:
        """The resources of a stored message, from its raw bytes.

        Raises:
            MessageError: it cannot be read, or its channel is gone from the configuration.

        """
        feed = self._feeds.get(channel)
        if feed is None:
            raise MessageError(f"the channel {channel} is no longer configured")
        message = Message.read(raw, default_charset=feed.charset)
        return self.message(channel, feed, message, received_at)

    def prepared(self, work: Work) -> Prepared:
        """A stored message as its destination wants it.

        Raises:
            MessageError: it cannot be read, or its channel is gone from the configuration.

        """
        begun = time.perf_counter()
        mapped = self.mapped(work.channel, work.raw, work.received_at)
        try:
            made = prepare(mapped, work.write)
        except TypeError:  # a value that cannot be written is the message's, not ours
            told = judged(writable(mapped), self._feeds[work.channel].issues)
            made = prepare(told, work.write)
        return made._replace(seconds=time.perf_counter() - begun)

    def authorities(self, channel: str) -> Authorities:
        """What the channel's mapping knows of assigning authorities."""
        known = self._authorities.get(channel)
        if known is None:
            library = self._mappings.mapping(self._feeds[channel].mapping).library
            known = Authorities(library.authorities, library.systems)
            self._authorities[channel] = known
        return known
