"""What a configuration says, as frozen values; times are seconds, sizes are bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.mapping.language import MessageCondition

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never printed."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __str__(self) -> str:
        return "********"


@dataclass(frozen=True, slots=True)
class NoAuth:
    """A server that asks nobody who they are."""


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic (RFC 7617)."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Bearer:
    """A bearer token (RFC 6750)."""

    token: Secret


@dataclass(frozen=True, slots=True)
class Server:
    """A FHIR server that destinations name."""

    name: str
    url: str
    auth: NoAuth | Basic | Bearer = NoAuth()
    timeout: float = 30.0
    concurrency: int = 8
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Where /metrics, /health and /ready are served."""

    host: str = "127.0.0.1"
    port: int = 8099


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How log lines look, and which are written."""

    format: str = "json"
    level: str = "info"


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """Where stored messages are mapped: ``processes`` 0 is in the engine itself."""

    #: None: one less than there are cores, at most 8
    processes: int | None = None
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What holds for the whole process."""

    data: Path
    servers: Mapping[str, Server] = field(default_factory=dict)
    console: ConsoleSettings = ConsoleSettings()
    log: LogSettings = LogSettings()
    mapping: MappingSettings = MappingSettings()
    drain: float = 30.0
    memory: int = 256 << 20
    retention_days: int = 30

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.data / "engine.db"


@dataclass(frozen=True, slots=True)
class MllpSource:
    """A port that listens for MLLP."""

    port: int
    host: str = "127.0.0.1"
    allow: tuple[Network, ...] = ()
    max_frame: int = 32 << 20
    frame_timeout: float = 30.0
    idle_timeout: float = 0.0
    connections: int = 200
    tolerant: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """When the original or application acknowledgement leaves."""

    when: str = "stored"
    timeout: float = 30.0
    on_timeout: str = "AE"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a delivery is tried again: ``attempts`` None is for ever."""

    initial: float = 1.0
    limit: float = 300.0
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class FhirDestination:
    """Deliver to a FHIR server of engine.yaml."""

    name: str
    server: str
    write: str = "upsert"
    retry: Retry = Retry()
    on_dead: str = "continue"


@dataclass(frozen=True, slots=True)
class FileDestination:
    """Append one transaction Bundle per line to a file."""

    name: str
    path: Path
    retry: Retry = Retry()
    on_dead: str = "continue"


Destination = FhirDestination | FileDestination


@dataclass(frozen=True, slots=True)
class Channel:
    """One way of messages: where from, what is accepted, how it is mapped, where to."""

    name: str
    source: MllpSource
    timezone: ZoneInfo
    destinations: tuple[Destination, ...]
    mapping: str = "standard"
    description: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    when: MessageCondition | None = None
    charset: str = "utf-8"
    strict: bool = False
    ack: Ack = Ack()
    accept: tuple[MessageCondition, ...] = ()
    drop: tuple[MessageCondition, ...] = ()
    assigner: Mapping[str, str] = field(default_factory=dict)
    #: what becomes of fields that no rule reads: "report", or "extension" to keep them
    unmapped: str = "report"
    #: what becomes of a message with values that cannot be converted: "deliver", "hold", "reject"
    issues: str = "deliver"
    duplicates: float = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole configuration folder; ``hash`` names what every file of it said."""

    engine: EngineSettings
    channels: tuple[Channel, ...]
    hash: str
    folder: Path
