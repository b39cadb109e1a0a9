"""Wireshark's opinion of an exchange: its HL7 dissector reads a capture that we write.

Capturing on a live interface needs privileges that a build machine rarely
gives, so the conversation is written as a pcap file of raw IPv4 packets, which
tshark reads like any other.
"""

import json
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services import need

SENDER, ENGINE = 40000, 2575
SEGMENT = 1400
MAGIC, RAW_IP = 0xA1B2C3D4, 101
ACK, PUSH_ACK = 0x10, 0x18
READ = {"hl7", "_ws.malformed"}
HOW = "apt-get install tshark (or run .ci/services)"


@dataclass(frozen=True)
class Dissected:
    """One packet as Wireshark understands it."""

    from_engine: bool
    segments: tuple[str, ...]
    complaints: tuple[str, ...]


def dissect(exchange: Iterable[tuple[bytes, bytes]], capture: Path) -> list[Dissected]:
    """What tshark reads in an exchange of (sent, answered) byte strings."""
    tshark = need.program("tshark", HOW)
    capture.write_bytes(_pcap(exchange))
    options = ["-d", f"tcp.port=={ENGINE},hl7", "-T", "json", "--no-duplicate-keys"]
    command = [tshark, "-r", str(capture), *options]
    done = subprocess.run(command, capture_output=True, check=True)
    packets = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    return [_dissected(layers) for layers in packets if READ & layers.keys()]


def _dissected(layers: dict[str, Any]) -> Dissected:
    return Dissected(
        from_engine=layers["tcp"]["tcp.srcport"] == str(ENGINE),
        segments=tuple(_segments(layers.get("hl7", []))),
        complaints=tuple(_complaints(layers)),
    )


def _segments(hl7: Any) -> Iterable[str]:
    for tree in hl7 if isinstance(hl7, list) else [hl7]:
        segments = tree.get("hl7.segment", [])
        yield from [segments] if isinstance(segments, str) else segments


def _complaints(tree: Any) -> Iterable[str]:
    """Every error mark in the tree: expert infos and malformed packets."""
    if isinstance(tree, list):
        for part in tree:
            yield from _complaints(part)
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key.startswith(("_ws.expert.message", "_ws.malformed", "hl7.malformed")):
            yield str(value)
        yield from _complaints(value)


def _pcap(exchange: Iterable[tuple[bytes, bytes]]) -> bytes:
    packets = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 65535, RAW_IP)]
    position = {SENDER: 1, ENGINE: 1}
    for sent, answered in exchange:
        for source, target, data in ((SENDER, ENGINE, sent), (ENGINE, SENDER, answered)):
            for start in range(0, len(data), SEGMENT):
                part = data[start : start + SEGMENT]
                packets.append(_packet(source, target, position, part))
                position[source] += len(part)
    return b"".join(packets)


def _packet(source: int, target: int, position: dict[int, int], data: bytes) -> bytes:
    flags = PUSH_ACK if data else ACK
    ports = struct.pack("!HHII", source, target, position[source], position[target])
    tcp = ports + struct.pack("!BBHHH", 5 << 4, flags, 65535, 0, 0) + data
    size = 20 + len(tcp)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, *[b"\x7f\0\0\1"] * 2)
    return struct.pack("<IIII", 0, 0, size, size) + ip + tcp
