"""Rules that no case reaches: of the standard library by segment map, of a feed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.errors import MessageError
from engine.mapping.library import MappingLibrary
from engine.mapping.model import Library
from engine.workbench.cases import STANDARD, Case, feed_of, library_of, message_of


def untested(cases: list[Case]) -> dict[str, list[str]]:
    """For each mapping that has cases, what none of them reaches, by address.

    A rule is reached when something of it stands in a case's Bundle, if only a second time.
    """
    library = library_of(cases)
    reached: dict[str, set[str]] = {}
    for case in cases:
        name = feed_of(case, library).mapping
        reached.setdefault(name, set()).update(_reached(case, library))
    return {
        name: sorted(set(_own(library, name)) - _with_maps(rules))
        for name, rules in sorted(reached.items())
    }


def _own(library: MappingLibrary, name: str) -> Iterator[str]:
    """What a mapping brings: the standard's maps that have rules, a feed's own rules."""
    standard = library.library(STANDARD)
    if name == STANDARD:
        yield from (key for key, item in standard.segments.items() if item.rules)
        return
    yield from _changed(library.library(name), standard)


def _changed(feed: Library, standard: Library) -> Iterator[str]:
    for key, item in feed.segments.items():
        known = standard.segments.get(key)
        old: Mapping[str, object] = known.rules if known is not None else {}
        yield from (rule.address for name, rule in item.rules.items() if old.get(name) is not rule)


def _reached(case: Case, library: MappingLibrary) -> set[str]:
    feed = feed_of(case, library)
    try:
        message = message_of(case, feed)
    except MessageError:
        return set()
    explained = library.tracing(feed.mapping).explain(message, feed.context(message))
    found: set[str] = set()
    for origin in (*explained.origins, *explained.constants, *explained.links()):
        found |= {origin.rule, origin.through}
    return found


def _with_maps(addresses: set[str]) -> set[str]:
    """The addresses, and the maps that they stand in."""
    return addresses | {
        address.partition("].")[0] + "]" for address in addresses if "]." in address
    }
