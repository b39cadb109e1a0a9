"""What mapping makes of a message, by the configuration that is in force."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.config import Channel, Installation
from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.intake import Authorities
from engine.mapping.result import Context, Mapped, Severity
from engine.store.records import Claimed


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
    """The channels' mappings; a reload exchanges them between two messages."""

    def __init__(self, installation: Installation) -> None:
        self.use(installation)

    def use(self, installation: Installation) -> None:
        """Map by this installation from now on."""
        self._mappings = installation.mappings
        self._channels = {channel.name: channel for channel in installation.configuration.channels}
        self._authorities = {
            name: self._known_by(channel) for name, channel in self._channels.items()
        }

    def message(self, channel: Channel, message: Message, received_at: float) -> Mapped:
        """The resources of a message that has been read."""
        context = Context(
            timezone=channel.timezone,
            received_at=datetime.fromtimestamp(received_at, UTC),
            channel=channel.name,
            assigner=channel.assigner,
        )
        mapping = self._mappings.mapping(channel.mapping, unmapped=channel.unmapped)
        return judged(mapping.convert(message, context), channel.issues)

    def claimed(self, claimed: Claimed) -> Mapped:
        """The resources of a stored message, from its raw bytes.

        Raises:
            MessageError: it cannot be read, or its channel is gone from the configuration.

        """
        channel = self._channels.get(claimed.channel)
        if channel is None:
            raise MessageError(f"the channel {claimed.channel} is no longer configured")
        message = Message.read(claimed.raw, default_charset=channel.charset)
        return self.message(channel, message, claimed.received_at)

    def authorities(self, channel: Channel) -> Authorities:
        """What the channel's mapping knows of assigning authorities."""
        return self._authorities[channel.name]

    def _known_by(self, channel: Channel) -> Authorities:
        library = self._mappings.mapping(channel.mapping).library
        return Authorities(library.authorities, library.systems)
