"""Read a configuration folder: engine.yaml, channels/*.yaml."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.config.keys import CHANNEL, engine
from engine.config.kinds import Reading
from engine.config.model import (
    Channel,
    Configuration,
    EngineSettings,
    FhirDestination,
    FileDestination,
)
from engine.documents import Node, load_document, suggest
from engine.errors import ConfigurationError, Place, Problem
from engine.hl7v2.path import Path as FieldPath


def load_configuration(
    folder: Path, *, environment: Mapping[str, str] | None = None
) -> Configuration:
    """Read everything of a folder, or raise with everything that is wrong in it.

    Raises:
        ConfigurationError: every problem, with file, line and column.

    """
    return _Loader(folder, os.environ if environment is None else environment).load()


class _Loader:
    """One reading of one folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._problems: list[Problem] = []
        self._texts: list[str] = []
        self._reading = Reading(environment, lambda name: Path(name).read_text(encoding="utf-8"))

    def load(self) -> Configuration:
        settings = self._engine()
        channels = self._channels(settings)
        if self._problems:
            raise ConfigurationError(sorted(set(self._problems), key=_order))
        digest = hashlib.sha256("\x00".join(self._texts + self._mappings()).encode()).hexdigest()
        return Configuration(settings, channels, digest[:16], self._folder)

    def _mappings(self) -> list[str]:
        """What the mapping files say: a delivery remembers under which it was made."""
        files = sorted((self._folder / "mappings").rglob("*"))
        return [f.read_text(encoding="utf-8") for f in files if f.suffix in (".yaml", ".csv")]

    def _fail(self, place: Place, what: str, instead: str | None = None) -> None:
        self._problems.append(Problem(place, what, instead))

    def _document(self, file: Path) -> Node | None:
        label = str(file.relative_to(self._folder))
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._fail(Place(label, 1, 1), f"cannot be read: {error}")
            return None
        self._texts.append(f"{label}\n{text}")
        try:
            return load_document(text, label)
        except ConfigurationError as error:
            self._problems += error.problems
            return None

    # ------------------------------------------------------------ engine.yaml

    def _engine(self) -> EngineSettings:
        file = self._folder / "engine.yaml"
        if not file.is_file():
            advice = "'mllp-engine init' writes one"
            self._fail(
                Place("engine.yaml", 1, 1), f"there is no engine.yaml in {self._folder}", advice
            )
            return EngineSettings(self._folder / "data")
        node = self._document(file)
        values = engine(self._reading).read(node, self._fail) if node is not None else None
        values = dict(values or {})
        data = self._folder / values.pop("data", "data")
        servers = {
            name: replace(server, name=name)
            for name, server in values.pop("servers", {}).items()
            if server is not None
        }
        return EngineSettings(data, servers, **values)

    # ------------------------------------------------------------ channels

    def _channels(self, settings: EngineSettings) -> tuple[Channel, ...]:
        files = sorted((self._folder / "channels").glob("*.yaml"))
        if not files:
            place = Place("channels", 1, 1)
            self._fail(place, "there is no channel", "write channels/NAME.yaml")
        found: list[tuple[Channel, Node]] = []
        for file in files:
            node = self._document(file)
            values = CHANNEL.read(node, self._fail) if node is not None else None
            if node is not None and values is not None:
                found.append((self._channel(values, node, settings), node))
        self._unique(found)
        self._ports(found)
        return tuple(channel for channel, _ in found)

    def _channel(self, values: dict[str, Any], node: Node, settings: EngineSettings) -> Channel:
        source = values.pop("source")
        values["destinations"] = tuple(
            self._destination(item, node, settings) for item in values["destinations"]
        )
        for path, place in self._keys(node, "assigner").items():
            try:
                FieldPath.parse(path)
            except ValueError as error:
                self._fail(place, str(error))
        if not values["destinations"]:
            place = node.entries["destinations"].place
            self._fail(place, "a channel needs a destination", "write fhir: NAME or file: PATH")
        mllp = source.pop("mllp")
        return Channel(name=values.pop("channel"), source=mllp, **source, **values)

    def _keys(self, node: Node, name: str) -> Mapping[str, Place]:
        entry = node.entries.get(name)
        return entry.keys if entry is not None else {}

    def _destination(self, item: Any, node: Node, settings: EngineSettings) -> Any:
        place = node.entries["destinations"].place
        if isinstance(item, FhirDestination) and item.server not in settings.servers:
            known = ", ".join(settings.servers) or "none yet"
            advice = suggest(item.server, settings.servers) or f"engine.yaml names: {known}"
            self._fail(place, f"no server '{item.server}'", advice)
        if isinstance(item, FileDestination):
            return replace(item, path=self._folder / item.path)
        return item

    def _unique(self, found: Sequence[tuple[Channel, Node]]) -> None:
        names: set[str] = set()
        destinations: dict[str, Any] = {}
        for channel, node in found:
            if channel.name in names:
                place = node.entries["channel"].place
                self._fail(place, f"a second channel '{channel.name}'", "names are unique")
            names.add(channel.name)
            for item in channel.destinations:
                known = destinations.setdefault(item.name, item)
                if known != item:
                    place = node.entries["destinations"].place
                    advice = "one name means one destination: give this one a name: of its own"
                    self._fail(
                        place, f"'{item.name}' says something else in another channel", advice
                    )

    def _ports(self, found: Sequence[tuple[Channel, Node]]) -> None:
        """Channels may share a port when they say so alike, and all but one say which is theirs."""
        by_port: dict[tuple[str, int], list[tuple[Channel, Node]]] = {}
        for channel, node in found:
            if channel.source.port:
                slot = (channel.source.host, channel.source.port)
                by_port.setdefault(slot, []).append((channel, node))
        for (_, port), sharing in by_port.items():
            first = sharing[0][0]
            for channel, node in sharing[1:]:
                if channel.source != first.source:
                    place = node.entries["source"].place
                    what = f"port {port} is said otherwise by channel '{first.name}'"
                    self._fail(place, what, "channels on one port repeat the same mllp: block")
            rest = [item for item in sharing if item[0].when is None]
            for channel, node in rest[1:]:
                what = f"'{channel.name}' and '{rest[0][0].name}' both take the rest of port {port}"
                self._fail(node.place, what, "write when: with what tells their messages apart")


def _order(problem: Problem) -> tuple[str, int, int, str]:
    place = problem.place
    return (place.file, place.line, place.column, problem.what) if place else ("", 0, 0, "")
