"""The shipped demonstration: its channels, mappings and samples, laid out as a configuration."""

from __future__ import annotations

import importlib.resources
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

CONSOLE = 8099
HOST = "127.0.0.1"
_PORT = re.compile(r"^(\s*port:\s*)(\d+)", re.MULTILINE)
_ENGINE = """\
data: data
drain: 10
mapping:
  processes: 0
console:
  port: {console}
log:
  format: console
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A message of our own writing, and the channel that it is for."""

    channel: str
    name: str
    raw: bytes


@dataclass(slots=True)
class Demonstration:
    """A configuration folder that ``mllp-engine run`` takes as it is."""

    folder: Path
    console: int
    #: channel -> its port
    ports: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    @property
    def page(self) -> str:
        """The address of its console."""
        return f"http://{HOST}:{self.console}"


def free_port(wanted: int) -> int:
    """The wanted port, or another when somebody has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def lay_out(folder: Path, port: Callable[[int], int] = free_port) -> Demonstration:
    """Write the shipped configuration into a folder; a port that is taken becomes another."""
    made = Demonstration(folder, port(CONSOLE))
    chosen: dict[str, str] = {}

    def moved(match: re.Match[str]) -> str:
        if match[2] not in chosen:
            chosen[match[2]] = str(port(int(match[2])))
        return match[1] + chosen[match[2]]

    _write(folder / "engine.yaml", _ENGINE.format(console=made.console))
    for file in _files(shipped("demonstration"), ".yaml"):
        text = _PORT.sub(moved, file.read_text(encoding="utf-8"))
        _write(folder / "channels" / file.name, text)
        made.ports[Path(file.name).stem] = _port_of(text)
    for feed in _feeds():
        _copy(feed, folder / "mappings" / feed.name)
    made.samples = samples()
    return made


def samples() -> list[Sample]:
    """The shipped samples: by channel, each in the order of its events."""
    return [
        Sample(channel.name, file.name, file.read_bytes())
        for channel in _sorted(shipped("demonstration").joinpath("samples"))
        for file in _files(channel, ".hl7")
    ]


def shipped(what: str) -> Traversable:
    """What travels with the package; in a checkout it stands in folders of its own."""
    root = Path(__file__).resolve().parents[2]
    if (root / "mappings" / "standard").is_dir():
        return root / {"demonstration": "channels", "feeds": "mappings"}[what]
    return importlib.resources.files(f"engine.{what}")


def _feeds() -> Iterator[Traversable]:
    for folder in _sorted(shipped("feeds")):
        if folder.is_dir() and folder.joinpath("mapping.yaml").is_file():
            yield folder


def _sorted(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda item: item.name)


def _files(folder: Traversable, suffix: str) -> list[Traversable]:
    return [item for item in _sorted(folder) if item.is_file() and item.name.endswith(suffix)]


def _port_of(channel: str) -> int:
    found = _PORT.search(channel)
    return int(found[2]) if found else 0


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in source.iterdir():
        if item.is_dir():
            _copy(item, target / item.name)
        else:
            (target / item.name).write_bytes(item.read_bytes())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
