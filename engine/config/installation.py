"""A configuration together with the mappings that it names, checked as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config.across import Read
from engine.config.load import Loader, in_order
from engine.config.model import Configuration
from engine.config.secrets import Secrets
from engine.documents import suggest
from engine.errors import ConfigurationError, Problem
from engine.mapping.library import MappingLibrary, Reading, read_library


@dataclass(frozen=True)
class Installation:
    """All that a start or a reload needs, and nothing that is wrong."""

    configuration: Configuration
    mappings: MappingLibrary
    #: what is only wrong if it is so for the engine's own process as well
    warnings: tuple[Problem, ...] = ()


def load_installation(
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    secrets: Secrets = Secrets.NEEDED,
) -> Installation:
    """Read engine.yaml, channels/ and mappings/, and compile every mapping.

    Raises:
        ConfigurationError: every problem of every file.

    """
    loader = Loader(folder, environment, secrets)
    problems = list(loader.problems)
    read = read_library([folder / "mappings"])
    mappings = read.library
    problems += read.check()
    problems += _unknown(loader.channels, read)
    if problems:
        raise ConfigurationError(in_order(problems))
    return Installation(loader.configuration, mappings, tuple(in_order(loader.warnings)))


def _unknown(channels: list[Read], read: Reading) -> list[Problem]:
    names = read.library.names
    if any(problem.place and problem.place.file == "mappings" for problem in read.problems):
        return []  # the folder cannot be read: any may be there
    return [
        Problem(
            channel.place("mapping"),
            f"there is no mapping '{name}'",
            _held(name, read.folders) or suggest(name, names) or f"there are: {', '.join(names)}",
        )
        for channel in channels
        if (name := channel.channel.mapping) not in {*names, *read.unread}
    ]


def _held(name: str, folders: Mapping[str, str]) -> str | None:
    """What stands in the folder that may be meant: it can be called otherwise."""
    held = folders.get(name)
    return held and f"the folder mappings/{name} holds the mapping '{held}'"
