"""Which delivery is the try at a destination that is down."""

from __future__ import annotations

from collections.abc import Sequence

from engine.destinations.breaker import Breaker, Probe
from engine.store.records import Claimed


class Probes:
    """A try is one delivery's until that is sent, held, broken off or put back.

    Then it is given back to the breaker, whatever came of it: no destination of the server could
    make another one otherwise.
    """

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._by_delivery: dict[int, Probe] = {}

    def begin(self, probe: Probe | None, found: Sequence[Claimed]) -> None:
        """The first of what was found is the try; where nothing was, there is none."""
        if probe is None:
            return
        if found:
            self._by_delivery[found[0].delivery_id] = probe
        else:
            self._breaker.give_back(probe)

    def over(self, claimed: Claimed) -> None:
        """Nothing more is to be learned from this one, if it was a try."""
        probe = self._by_delivery.pop(claimed.delivery_id, None)
        if probe is not None:
            self._breaker.give_back(probe)
