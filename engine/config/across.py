"""What only shows when all channels are seen together: names, ports, destinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.model import Channel, EngineSettings, FhirDestination, FileDestination
from engine.config.values import Fail
from engine.documents import Node, suggest
from engine.errors import Place

_EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Read:
    """A channel with the document that it was read from."""

    channel: Channel
    node: Node
    destinations: tuple[Place, ...]

    def place(self, *keys: str) -> Place:
        """Where a key stands; the nearest block around it when it was left out."""
        node, place = self.node, self.node.place
        for key in keys:
            if key not in node.entries:
                break
            place, node = node.keys[key], node.entries[key]
        return place


def check_names(channels: Sequence[Read], fail: Fail) -> None:
    """A channel's name is its own."""
    first: dict[str, Read] = {}
    for read in channels:
        name = read.channel.name
        other = first.setdefault(name, read)
        if other is not read:
            file = other.node.place.file
            fail(read.place("channel"), f"there is a channel '{name}' already", f"in {file}")


def check_servers(channels: Sequence[Read], settings: EngineSettings, fail: Fail) -> None:
    """The server of a destination is one of engine.yaml."""
    for read in channels:
        for place, item in zip(read.destinations, read.channel.destinations, strict=True):
            if isinstance(item, FhirDestination) and item.server not in settings.servers:
                known = ", ".join(settings.servers)
                there = f"engine.yaml has: {known}" if known else "engine.yaml has no servers: yet"
                advice = suggest(item.server, settings.servers) or there
                fail(place, f"there is no server '{item.server}'", advice)


def check_destinations(channels: Sequence[Read], fail: Fail) -> None:
    """One name is one destination, and one file has one writer.

    Channels that deliver to the same place share its queue: only so does the order of one
    patient's messages hold across them.
    """
    by_name: dict[str, FhirDestination | FileDestination] = {}
    by_file: dict[str, str] = {}
    for read in channels:
        seen: set[str] = set()
        for place, item in zip(read.destinations, read.channel.destinations, strict=True):
            if by_name.setdefault(item.name, item) != item:
                what = f"the destination '{item.name}' is another one elsewhere"
                fail(place, what, "write it alike, or give it a name: of its own")
            elif item.name in seen:
                fail(place, f"the destination '{item.name}' stands here twice", None)
            seen.add(item.name)
            if isinstance(item, FileDestination):
                owner = by_file.setdefault(str(item.path), item.name)
                if owner != item.name:
                    what = f"destination '{owner}' writes to this file already"
                    fail(place, what, f"write name: {owner}, or another file")


def check_ports(channels: Sequence[Read], settings: EngineSettings, fail: Fail) -> None:
    """Channels may share a port when they describe it alike and say what is whose."""
    groups: list[list[Read]] = []
    for read in (read for read in channels if read.channel.source.port):
        group = next((group for group in groups if _meet(group[0], read)), None)
        if group is None:
            groups.append([read])
        else:
            group.append(read)
    for group in groups:
        _check_sharing(group, fail)
        console, source = settings.console, group[0].channel.source
        if console.port == source.port and _overlap(console.host, source.host):
            place = group[0].place("source", "mllp", "port")
            fail(place, f"port {source.port} is the console's", "write another port")


def _meet(one: Read, other: Read) -> bool:
    mine, theirs = one.channel.source, other.channel.source
    return mine.port == theirs.port and _overlap(mine.host, theirs.host)


def _overlap(one: str, other: str) -> bool:
    return one == other or one in _EVERYWHERE or other in _EVERYWHERE


def _check_sharing(group: Sequence[Read], fail: Fail) -> None:
    first = group[0].channel
    for read in group[1:]:
        if read.channel.source != first.source:
            what = f"port {first.source.port} is described otherwise by channel '{first.name}'"
            advice = "channels on one port repeat the same mllp: block"
            fail(read.place("source", "mllp"), what, advice)
    rest = [read for read in group if read.channel.when is None]
    for read in rest[1:]:
        taken = rest[0].channel.name
        what = f"channel '{taken}' takes the rest of port {first.source.port} already"
        fail(read.place("channel"), what, "write when: with what tells the messages apart")
