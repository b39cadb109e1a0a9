"""Read a configuration folder: engine.yaml and channels/*.yaml."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.config import across
from engine.config.engine_keys import engine_block
from engine.config.keys import CHANNEL, Written
from engine.config.model import Channel, Configuration, EngineSettings, FileDestination
from engine.config.secrets import Reading, Secrets
from engine.documents import Node, read_document
from engine.errors import ConfigurationError, Place, Problem

#: Where the kernel lets nobody make a folder, whatever the permissions say.
_KERNEL = {Path("/proc"), Path("/sys")}


def load_configuration(
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    secrets: Secrets = Secrets.NEEDED,
) -> Configuration:
    """Read everything of a folder, or raise with everything that is wrong in it.

    Raises:
        ConfigurationError: every problem, with file, line and column.

    """
    loader = Loader(folder, environment, secrets)
    if loader.problems:
        raise ConfigurationError(in_order(loader.problems))
    return loader.configuration


def in_order(problems: list[Problem]) -> list[Problem]:
    """Each problem once, by file, line and column."""
    return sorted(dict.fromkeys(problems), key=_position)


def _position(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return (place.file, place.line, place.column) if place else ("", 0, 0)


class Loader:
    """One reading of one folder: the configuration, and what is wrong with it."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        secrets: Secrets = Secrets.NEEDED,
    ) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        #: what the process that runs the engine may have, and this one lacks
        self.warnings: list[Problem] = []
        self._hash = hashlib.sha256()
        self._reading = Reading(
            os.environ if environment is None else environment,
            lambda name: (folder / name).read_text(encoding="utf-8"),
            secrets,
            self.warn,
        )
        self.settings = self._engine()
        self.channels = self._channels()
        self._check()

    @cached_property
    def configuration(self) -> Configuration:
        """What the folder says; to be used when there are no problems."""
        # Of the channels on one port, those with a condition are asked first.
        last = sorted((read.channel for read in self.channels), key=lambda c: c.when is None)
        self._mappings()
        return Configuration(self.settings, tuple(last), self._hash.hexdigest()[:16], self.folder)

    def fail(self, place: Place, what: str, instead: str | None = None) -> None:
        """Note a problem and go on: every problem is told at once."""
        self.problems.append(Problem(place, what, instead))

    def warn(self, place: Place, what: str, instead: str | None = None) -> None:
        """Note what is only wrong if it is so for the engine as well."""
        self.warnings.append(Problem(place, what, instead))

    # --- files -------------------------------------------------------------------------------

    def _document(self, file: Path) -> Node | None:
        label = str(file.relative_to(self.folder))
        try:
            raw = file.read_bytes()
            self._digest(label, raw)
            node, problems = read_document(raw.decode("utf-8"), label)
            self.problems += problems
            return node
        except OSError as error:
            self.fail(Place(label, 1, 1), f"the file cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.fail(Place(label, line, 1), "the file is not UTF-8", "save it as UTF-8")
        return None

    def _digest(self, label: str, raw: bytes) -> None:
        self._hash.update(f"{label}\0{len(raw)}\0".encode())
        self._hash.update(raw)

    def _mappings(self) -> None:
        """The mapping files count too: a delivery remembers under what it was made."""
        for file in sorted((self.folder / "mappings").rglob("*")):
            if file.suffix in (".yaml", ".csv", ".py") and file.is_file():
                self._digest_of(file)

    def _digest_of(self, file: Path) -> None:
        label = str(file.relative_to(self.folder))
        try:
            self._digest(label, file.read_bytes())
        except OSError as error:
            what = f"the file cannot be read: {error.strerror}"
            raise ConfigurationError([Problem(Place(label, 1, 1), what)]) from error

    # --- engine.yaml -------------------------------------------------------------------------

    def _engine(self) -> EngineSettings:
        values: dict[str, Any] = {}
        node: Node | None = None
        file = self.folder / "engine.yaml"
        if file.exists():
            node = self._document(file)
            if node is not None:
                values = engine_block(self._reading).read(node, self.fail) or {}
        elif not (self.folder / "channels").is_dir():
            place = Place("engine.yaml", 1, 1)
            what = f"'{self.folder}' has neither engine.yaml nor channels/"
            self.fail(place, what, f"'mllp-engine init {self.folder}' lays them out")
        data = self.folder / values.pop("data", "data")
        self._data(data, node)
        servers = {
            name: replace(server, name=name) for name, server in values.pop("servers", {}).items()
        }
        return EngineSettings(data, servers, **values)

    def _data(self, data: Path, node: Node | None) -> None:
        """The folder of the store: one that is there, or can be made."""
        written = node.entries.get("data") if node is not None else None
        place = written.place if written is not None else Place("engine.yaml", 1, 1)
        try:
            there = next(path for path in (data, *data.parents) if path.exists())
        except OSError as error:
            self.warn(place, f"the folder '{data}' cannot be looked at: {error.strerror}")
            return
        if not there.is_dir():
            self.fail(place, f"'{there}' is a file, not a folder", "write another folder for data:")
        elif _KERNEL & {there, *there.parents}:
            self.fail(place, f"no folder can be made in '{there}'", "write another for data:")
        elif not os.access(there, os.W_OK | os.X_OK):
            what = f"'{there}' cannot be written to by who asks: the engine must be able to"
            self.warn(place, what, "give it to the user that the engine runs as")

    # --- channels/*.yaml ---------------------------------------------------------------------

    def _channels(self) -> list[across.Read]:
        folder = self.folder / "channels"
        for stray in sorted(folder.glob("*.yml")):
            label = str(stray.relative_to(self.folder))
            self.fail(Place(label, 1, 1), "this file is not read", "channels end in .yaml")
        found: list[across.Read] = []
        for file in sorted(folder.glob("*.yaml")):
            node = self._document(file)
            values = CHANNEL.read(node, self.fail) if node is not None else None
            if node is not None and values is not None:
                found.append(self._channel(values, node))
        if not found and not self.problems:
            advice = "write channels/NAME.yaml; 'mllp-engine init' shows how"
            self.fail(Place("channels", 1, 1), "there is no channel", advice)
        return found

    def _channel(self, values: dict[str, Any], node: Node) -> across.Read:
        source = values.pop("source")
        written: tuple[Written, ...] = values.pop("destinations")
        if not written and not node.entries["destinations"].items:
            place = node.entries["destinations"].place
            self.fail(place, "a channel needs a destination", "write fhir: NAME or file: PATH")
        channel = Channel(
            name=values.pop("channel"),
            source=source.pop("mllp"),
            destinations=tuple(self._located(item.value) for item in written),
            **source,
            **values,
        )
        return across.Read(channel, node, tuple(item.place for item in written))

    def _located(self, item: Any) -> Any:
        if isinstance(item, FileDestination):
            return replace(item, path=self.folder / item.path)
        return item

    # --- all of it ---------------------------------------------------------------------------

    def _check(self) -> None:
        across.check_names(self.channels, self.fail)
        unread = any(p.place is not None and p.place.file == "engine.yaml" for p in self.problems)
        if not unread:  # else its servers may be there, and only not readable
            across.check_servers(self.channels, self.settings, self.fail)
        across.check_destinations(self.channels, self.fail)
        across.check_ports(self.channels, self.settings, self.fail)
        for read in self.channels:
            size = read.channel.source.max_frame
            if size > self.settings.memory:
                place = read.place("source", "mllp", "max_frame")
                what = "a frame could be larger than all memory that engine.yaml allows"
                self.fail(place, what, "write a smaller max_frame:, or a larger memory:")
