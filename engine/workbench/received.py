"""Messages that a channel received, from the store, as coverage reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.lifecycle import Outcome
from engine.store.reader import Reader
from engine.store.search import Search

#: Messages before ``since`` that are looked at for what is not new, the newest of them.
BEFORE_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    """The numbers of a channel's accepted messages since a time, and of those before it."""

    store: Path
    since: tuple[int, ...]
    before: tuple[int, ...]

    def raw(self, numbers: tuple[int, ...]) -> Iterator[bytes]:
        """Their bytes as they came; one that was purged meanwhile is left out."""
        with Reader(self.store) as reader:
            for number in numbers:
                raw = reader.raw(number)
                if raw is not None:
                    yield raw


def received(store: Path, channel: str, since: float | None) -> Received:
    """What a channel accepted, the oldest first; without ``since`` all that the store holds."""
    with Reader(store) as reader:
        late = reader.numbers(Search(channel=channel, outcome=Outcome.ACCEPTED, since=since,
                                     limit=-1))[::-1]  # fmt: skip
        if since is None:
            return Received(store, tuple(late), ())
        most = len(late) + BEFORE_AT_MOST
        newest = reader.numbers(Search(channel=channel, outcome=Outcome.ACCEPTED, limit=most))
    new = set(late)
    early = [number for number in newest if number not in new][:BEFORE_AT_MOST]
    return Received(store, tuple(late), tuple(early[::-1]))
