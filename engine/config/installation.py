"""A configuration together with the mappings that it names, checked as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config.across import Read
from engine.config.load import Loader, in_order
from engine.config.model import Configuration
from engine.documents import suggest
from engine.errors import ConfigurationError, Problem
from engine.mapping.library import MappingLibrary, load_library


@dataclass(frozen=True)
class Installation:
    """All that a start or a reload needs, and nothing that is wrong."""

    configuration: Configuration
    mappings: MappingLibrary


def load_installation(
    folder: Path, *, environment: Mapping[str, str] | None = None
) -> Installation:
    """Read engine.yaml, channels/ and mappings/, and compile every mapping.

    Raises:
        ConfigurationError: every problem of every file.

    """
    loader = Loader(folder, environment)
    problems = list(loader.problems)
    try:
        mappings = load_library([folder / "mappings"])
    except ConfigurationError as error:
        raise ConfigurationError(in_order([*problems, *error.problems])) from error
    problems += mappings.check()
    problems += _unknown(loader.channels, mappings.names)
    if problems:
        raise ConfigurationError(in_order(problems))
    return Installation(loader.configuration, mappings)


def _unknown(channels: list[Read], names: tuple[str, ...]) -> list[Problem]:
    return [
        Problem(
            read.place("mapping"),
            f"there is no mapping '{read.channel.mapping}'",
            suggest(read.channel.mapping, names) or f"there are: {', '.join(names)}",
        )
        for read in channels
        if read.channel.mapping not in names
    ]
