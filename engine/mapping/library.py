"""Mappings by name, ready to convert: the standard library and the feeds' overlays on it."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from engine.errors import ConfigurationError, Problem
from engine.hl7v2.message import Message
from engine.mapping.compile import Compiler
from engine.mapping.dosage import fold
from engine.mapping.finish import Finisher
from engine.mapping.folders import Folder
from engine.mapping.included import expanded
from engine.mapping.keys import Keys
from engine.mapping.model import Library
from engine.mapping.overlay import LibraryReader
from engine.mapping.result import Context, Mapped
from engine.mapping.runtime import Dialect, Run
from engine.mapping.shapes import OFTEN, Shaped

if TYPE_CHECKING:
    from engine.mapping.explain import TracingMapping

M = TypeVar("M", bound="Mapping")

#: Fields beyond this number exist in no segment of any version, nor in a sane Z-segment.
WIDTH = 120

Plan = dict[str, Shaped]


class Mapping:
    """One compiled mapping; ``convert`` is pure and the same for the same input."""

    run_class: type[Run] = Run
    #: how often a shape of a segment comes before code is compiled for it
    often = OFTEN

    def __init__(self, library: Library, *, trace: bool = False) -> None:
        library = replace(library, segments=expanded(library.segments))
        self.library = library
        self.name = library.name
        self.compiler = Compiler(library, trace=trace)
        self._keys = Keys(library)
        self._plans: dict[str, Plan] = {}
        self._dialects: dict[Any, Dialect] = {}

    def convert(self, message: Message, context: Context) -> Mapped:
        """Map a message: every resource it became, and every issue on the way.

        Bad data never raises: what cannot be converted becomes an issue with its place, and
        the rest of the message is still mapped.
        """
        return self._finished(self.run(message, context))

    def run(self, message: Message, context: Context) -> Run:
        """Map a message as far as the resources in the making."""
        structure = self.structure(message)
        plan = self.plan(structure)
        segments = message.segments
        scopes, parents = self.library.groups.assign(segments, _own_structure(message))
        dialect = self._dialect(message, context)
        run = self.run_class(message, context, dialect, scopes, parents, WIDTH)
        for index, segment in enumerate(segments):
            shaped = plan.get(segment.name)
            if shaped is not None:
                for function in shaped.functions(run, index):
                    function(run, index)
        for made in run.made:
            if "dosageInstruction" in made.body:
                fold(run, made.body)
        return run

    def _finished(self, run: Run) -> Mapped:
        return Finisher(run, self._keys).finish()

    def _dialect(self, message: Message, context: Context) -> Dialect:
        key = (message.delimiters, context.timezone, context.channel, message.charset)
        dialect = self._dialects.get(key)
        if dialect is None:
            if len(self._dialects) > 50:
                self._dialects.clear()
            library = self.library
            dialect = self._dialects[key] = Dialect(
                message.delimiters,
                context.timezone,
                library.systems,
                library.authorities,
                library.codesystems,
            )
        return dialect

    def structure(self, message: Message) -> str:
        """The name of the message map that applies, or the message's own structure."""
        if self.library.pinned:
            return self.library.pinned
        for name in (message.structure, _by_event(message)):
            if name and name in self._structures:
                return self._structures[name]
        return _own_structure(message)

    @property
    def _structures(self) -> dict[str, str]:
        found: dict[str, str] | None = self.__dict__.get("_by_structure")
        if found is None:
            found = {}
            for name, message_map in self.library.messages.items():
                for structure in message_map.structures:
                    found[structure] = name
            self.__dict__["_by_structure"] = found
        return found

    def plan(self, structure: str) -> Plan:
        """The functions that apply to each segment in a structure."""
        if structure not in self.library.messages:
            structure = ""  # all that senders make up have one plan
        plan = self._plans.get(structure)
        if plan is None:
            plan = self._plans[structure] = self._plan(structure)
        return plan

    def maps(self, structure: str) -> dict[str, tuple[str, ...]]:
        """Segment -> names of the segment maps that apply in a structure."""
        message_map = self.library.messages.get(structure)
        own = message_map.maps if message_map else {}
        names = {**self.library.default, **own}
        return {
            segment: tuple(
                f"{segment}[{resource}]"
                for resource in resources
                if f"{segment}[{resource}]" in self.library.segments
            )
            for segment, resources in names.items()
        }

    def _plan(self, structure: str) -> Plan:
        often = None if self.compiler.trace else self.often
        return {
            segment: Shaped([self.compiler.segment(name) for name in names], often)
            for segment, names in self.maps(structure).items()
        }

    def check(self) -> list[Problem]:
        """Every problem that compiling finds."""
        return self.compiler.check() + self._unknown_maps()

    def _unknown_maps(self) -> list[Problem]:
        library = self.library
        # what a feed's own maps: names is checked where it is read
        default = library.default if library.name == "standard" else {}
        places = [(None, default)]
        places += [(item.place, item.maps) for item in library.messages.values()]  # type: ignore[misc]
        return [
            Problem(place, f"no segment map {segment}[{resource}]")
            for place, maps in places
            for segment, resources in maps.items()
            for resource in resources
            if f"{segment}[{resource}]" not in library.segments
        ]


class MappingLibrary:
    """All mappings of an installation by name; "standard" always exists."""

    def __init__(self, libraries: dict[str, Library]) -> None:
        self._libraries = libraries
        self._mappings: dict[tuple[str, str], Mapping] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return MappingLibrary, (self._libraries,)  # compiled functions go into no other process

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all mappings."""
        return tuple(self._libraries)

    def library(self, name: str = "standard") -> Library:
        """A mapping as it was written."""
        return self._libraries[name]

    def mapping(self, name: str = "standard", *, unmapped: str = "report") -> Mapping:
        """A mapping, compiled as it is used.

        ``unmapped="extension"`` keeps fields without a FHIR home as extensions; it costs about
        as much again as mapping does.

        Raises:
            KeyError: there is no mapping of that name.

        """
        if unmapped == "extension":
            from engine.mapping.residue import KeepingMapping

            return self._compiled(name, KeepingMapping)
        return self._compiled(name, Mapping)

    def tracing(self, name: str = "standard") -> TracingMapping:
        """The same mapping, compiled to tell where each value comes from."""
        from engine.mapping.explain import TracingMapping

        return self._compiled(name, TracingMapping)

    def _compiled(self, name: str, kind: Callable[[Library], M]) -> M:
        slot = (name, getattr(kind, "__name__", ""))
        mapping = self._mappings.get(slot)
        if mapping is None:
            mapping = self._mappings[slot] = kind(self._libraries[name])
        return cast(M, mapping)

    def check(self) -> list[Problem]:
        """Every problem of every mapping, each once."""
        found: list[Problem] = []
        for name in self.names:
            found += [problem for problem in self.mapping(name).check() if problem not in found]
        return found


def _by_event(message: Message) -> str:
    return f"{message.code}_{message.trigger}" if message.trigger else message.code


def _own_structure(message: Message) -> str:
    """What the message says it is: groups depend on that, also where it has another one's maps."""
    return message.structure or _by_event(message)


def standard_folder() -> Folder:
    """The standard library as it was installed, or as it stands in the checkout."""
    checkout = Path(__file__).resolve().parents[2] / "mappings" / "standard"
    if checkout.is_dir():
        return checkout
    return importlib.resources.files("engine.standard")


@dataclass(frozen=True)
class Reading:
    """As much of the mappings as can be read, and what is wrong with them."""

    library: MappingLibrary
    problems: tuple[Problem, ...]
    #: folders of feeds that are there, and whose ``mapping.yaml`` cannot be read
    unread: frozenset[str]
    #: folder of a feed -> the mapping that it holds
    folders: dict[str, str]

    def check(self) -> list[Problem]:
        """What is wrong, compiling included, without what follows from what cannot be read."""
        found = self.library.check()
        return [*self.problems, *(one for one in found if not _follows(one, self.problems))]


_NUMBER = re.compile(r"'.*' is not a field number of (\w+)")


def _follows(problem: Problem, earlier: Sequence[Problem]) -> bool:
    """Whether a rule only meets what is told elsewhere: of a type, a field or a folder."""
    what = problem.what.partition(": ")[2]
    numbers = (_NUMBER.fullmatch(other.what) for other in earlier)
    unread = any(match and what.startswith(f"{match[1]}-") for match in numbers)
    closed = any(other.place and other.place.file.endswith("/conceptmaps") for other in earlier)
    if (unread and "is not known" in what) or (closed and what.startswith("no table ")):
        return True
    return any(what == other.what for other in earlier)


def load_library(folders: Sequence[Path] = (), standard: Folder | None = None) -> MappingLibrary:
    """Read the standard library, and each feed's folder that holds a ``mapping.yaml``.

    Raises:
        ConfigurationError: with every problem of every file.

    """
    reading = read_library(folders, standard)
    if reading.problems:
        raise ConfigurationError(reading.problems)
    return reading.library


def read_library(folders: Sequence[Path] = (), standard: Folder | None = None) -> Reading:
    """The same, with what is wrong told beside what could be read."""
    reader = LibraryReader()
    base = reader.standard(standard or standard_folder(), "mappings/standard")
    libraries = {"standard": base}
    seen: set[Path] = set()
    unread: set[str] = set()
    holds: dict[str, str] = {}
    for feed in [feed for folder in folders for feed in reader.feeds(folder)]:
        if feed.resolve() in seen:
            continue
        seen.add(feed.resolve())
        overlay = reader.overlay(base, feed, f"{feed.parent.name}/{feed.name}")
        if overlay is base:
            unread.add(feed.name)
            continue
        if overlay.name == f"{feed.parent.name}/{feed.name}":  # it says no name
            unread.add(feed.name)
        else:
            holds[feed.name] = overlay.name
        other = libraries.setdefault(overlay.name, overlay)
        if other is not overlay:
            where = f"the other is {other.place or 'the standard library'}: write another name"
            reader.problems.add(overlay.place, f"a second mapping '{overlay.name}'", where)
    made = MappingLibrary(libraries)
    return Reading(made, tuple(reader.problems.found), frozenset(unread), holds)


__all__ = [
    "ConfigurationError",
    "Mapping",
    "MappingLibrary",
    "Reading",
    "load_library",
    "read_library",
    "standard_folder",
]
