"""A configuration folder for one test: real files, free ports."""

import os
import random
import socket
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

#: Below what Linux gives to connections that go out: none of those takes a port of ours.
PORTS = range(20_000, 32_000)
#: Each process of a test run gives others, in another order, and none twice in a row of hundreds:
#: between the choice of a port and its opening nobody holds it.
_WORKERS = 16
_ours = list(PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _WORKERS :: _WORKERS])
random.Random(os.getpid()).shuffle(_ours)
_next = cycle(_ours)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    while True:
        with socket.socket() as probe:
            port = next(_next)
            if probe.connect_ex(("127.0.0.1", port)):
                return port


@dataclass
class Site:
    """engine.yaml, one channel and its store, in one folder."""

    folder: Path
    store: Path | None = None
    server: str = ""
    timeout: float = 2.0
    drain: float = 10.0
    write: str = "create"
    #: where mapping is done: processes of its own, 0 for none, None for the default
    processes: int | None = None
    port: int = field(default_factory=free_port)
    console: int = field(default_factory=free_port)

    @property
    def data(self) -> Path:
        """Where the store lives."""
        return self.store or self.folder / "data"

    @property
    def output(self) -> Path:
        """Where the file destination writes."""
        return self.folder / "bundles.ndjson"

    def write_out(self) -> "Site":
        """Write the configuration."""
        (self.folder / "channels").mkdir(parents=True, exist_ok=True)
        (self.folder / "mappings").mkdir(exist_ok=True)
        self.data.mkdir(exist_ok=True)
        (self.folder / "engine.yaml").write_text(self._engine(), encoding="utf-8")
        self.write_channel(self._channel())
        return self

    def write_channel(self, text: str) -> None:
        """Replace the channel's file."""
        (self.folder / "channels" / "acceptance.yaml").write_text(text, encoding="utf-8")

    def _engine(self) -> str:
        servers = ""
        if self.server:
            servers = f"servers:\n  clinic:\n    url: {self.server}\n    timeout: {self.timeout}\n"
        if self.processes is not None:
            servers += f"mapping:\n  processes: {self.processes}\n"
        return (
            f"data: {self.data}\n"
            f"drain: {self.drain}\n"
            f"console:\n  port: {self.console}\n"
            "log:\n  format: json\n"
            f"{servers}"
        )

    def _channel(self) -> str:
        return (
            "channel: acceptance\n"
            "description: What the acceptance tests send\n"
            "source:\n"
            f"  mllp:\n    port: {self.port}\n"
            "  timezone: UTC\n"
            "assigner:\n  PID-3: urn:oid:2.999.1\n"
            "mapping: standard\n"
            f"destinations:\n{self._destination()}"
        )

    def _destination(self) -> str:
        if not self.server:
            return f"  - file: {self.output}\n"
        return (
            "  - fhir: clinic\n"
            f"    write: {self.write}\n"
            "    retry:\n      initial: 0.1\n      limit: 0.5\n"
        )
