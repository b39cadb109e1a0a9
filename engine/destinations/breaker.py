"""A circuit breaker: while a destination is down, one try at a time finds out when it is back.

An outage is what every delivery sees. The tries go to one lane after the other, so that one
message which the destination cannot take does not stand before all the others. When another
delivery ends the outage, those that had failed in it are known to fail alone: from then on
their failures are their own, count their attempts, and stop nobody - unless ``FAILURES``
different ones fail with nothing between them that does not.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict

#: So many failures in a row, over all lanes, are the destination's and not a message's.
FAILURES = 5
#: So many dead letters in a row are a fault of ours or of the server's: each needs a person.
DEAD_LETTERS = 20
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Probe:
    """A try at a destination that is down: whoever has it gives it back, whatever came of it."""

    __slots__ = ()


class Breaker:
    """Open while its destination is down; whoever is told so says it once.

    ``clock`` is one that nobody sets: a pause must end also after the wall clock was set back.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], float],
        random01: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        #: called once when an outage begins, with the reason, and once when it ends
        self.told: list[Callable[[str], None]] = []
        self._clock = clock
        self._random01 = random01
        self._failures = 0
        self._dead = 0
        #: deliveries: of this outage; that fail while others do not; of them, those in a row
        self._failed: set[int] = set()
        self._alone: set[int] = set()
        self._alone_in_a_row: set[int] = set()
        self._pauses = 0
        self._until = clock()
        self._probe: Probe | None = None
        self._reason = ""
        self._late = False

    @property
    def is_open(self) -> bool:
        """Whether the destination counts as down."""
        return bool(self._reason)

    @property
    def pause(self) -> float:
        """Seconds until the next try may be made."""
        return max(self._until - self._clock(), 0.0)

    def room(self, wanted: int) -> int:
        """How many deliveries may be tried now."""
        if self.pause:
            return 0
        if not self.is_open:
            return wanted
        return 0 if self._probe is not None else min(wanted, 1)

    def probe(self) -> Probe | None:
        """A try is on its way: until it is given back there is no other. None while it works."""
        self._probe = Probe() if self.is_open else None
        return self._probe

    def give_back(self, probe: Probe | None) -> None:
        """The try is over, or has never been one; what the destination said, `heard` is told."""
        if probe is self._probe:
            self._probe = None

    def heard(self, verdict: Verdict, delivery: int = 0) -> None:
        """The destination has answered a delivery, or has failed to."""
        # Begun before the pause: many are under way when an outage begins, and tell but once
        self._late = self.is_open and self.pause > 0
        match verdict:
            case Down() | Retry(conflict=False):
                if self._fails_alone(delivery):
                    return
                self._failed.add(delivery)
            case _:
                self._alone_in_a_row.clear()
                self.forget(delivery)
        match verdict:
            case Delivered():
                self._closes()
            case Hold() | Retry(conflict=True):
                self._failures = 0
                if self._dead < DEAD_LETTERS:
                    self._answers()  # whatever it was down for, it plainly works
            case Dead():
                self._failures = 0
                self._dead += 1
                if self._dead >= DEAD_LETTERS:
                    self._opens(f"{self._dead} dead letters in a row")
                else:
                    self._answers()
            case Down(reason):
                self._opens(reason)
            case Retry(reason, after):
                self._fails(reason, after)

    def forget(self, delivery: int) -> None:
        """A delivery is over, or no longer fails."""
        self._failed.discard(delivery)
        self._alone.discard(delivery)

    def _fails_alone(self, delivery: int) -> bool:
        """Whether a failure is known to be its delivery's, and not the destination's."""
        if self.is_open or delivery not in self._alone:
            return False
        self._alone_in_a_row.add(delivery)
        if len(self._alone_in_a_row) < FAILURES:
            return True
        self._alone -= self._alone_in_a_row
        self._failures = FAILURES
        return False

    def _fails(self, reason: str, after: float | None) -> None:
        self._failures += 1
        if after is not None:  # the server asks for a pause, which is no outage
            self._until = max(self._until, self._clock() + after)
            if after > LONGEST_PAUSE:  # but as long as one, and somebody should know
                reason, self._failures = f"{reason}, asks for {after:g} s", FAILURES
        if self.is_open or self._failures >= FAILURES:
            self._opens(reason)

    def _opens(self, reason: str) -> None:
        if self._late:
            return
        news = not self.is_open
        self._reason = reason
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._pauses, 10))
        self._pauses += 1
        pause = ceiling * (0.5 + 0.5 * self._random01())
        self._until = max(self._until, self._clock() + pause)
        if news:
            self._tell(reason)

    def _closes(self) -> None:
        self._dead = 0
        self._answers()

    def _answers(self) -> None:
        """The destination works."""
        self._failures = self._pauses = 0
        failed, self._failed = self._failed, set()
        if self.is_open:
            self._alone |= failed
            self._reason = ""
            self._until = self._clock()
            self._tell("")

    def _tell(self, reason: str) -> None:
        for told in self.told:
            told(reason)
