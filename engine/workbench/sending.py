"""Many messages over some connections, at a rate, and what became of them in numbers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.workbench.mllp_client import Connection, Outcome, Sent

#: How long answers that may or may not come are waited for when everything is sent.
LINGER = 2.0
_SHOWN = 20


@dataclass(slots=True)
class Tally:
    """Answers and outcomes, counted."""

    sent: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    seconds: float = 0.0
    strays: int = 0
    waits: list[float] = field(default_factory=list)
    #: the first of those that went wrong
    problems: list[Sent] = field(default_factory=list)

    def add(self, sent: Sent) -> None:
        """Count one message."""
        outcome = sent.outcome
        self.sent += outcome is not Outcome.UNSENT
        self.outcomes[outcome] += 1
        self.codes.update(answer.code for answer in sent.answers)
        if sent.answers:
            self.waits.append(sent.seconds)
        if outcome not in (Outcome.POSITIVE, Outcome.SILENT) and len(self.problems) < _SHOWN:
            self.problems.append(sent)

    @property
    def good(self) -> bool:
        """Whether every message got what it asked for, and nothing negative."""
        return self.outcomes.keys() <= {Outcome.POSITIVE, Outcome.SILENT}

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.sent / self.seconds if self.seconds else 0.0

    def wait(self, share: float) -> float:
        """The time within which this share of the answers came, in milliseconds."""
        ordered = sorted(self.waits)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 if ordered else 0.0

    def as_json(self) -> dict[str, Any]:
        """What a script wants to know."""
        return {
            "sent": self.sent,
            "answers": dict(sorted(self.codes.items())),
            "outcomes": {outcome.value: self.outcomes[outcome] for outcome in Outcome},
            "unexpected_answers": self.strays,
            "seconds": round(self.seconds, 3),
            "rate": round(self.rate, 1),
            "answer_ms": {"p50": round(self.wait(0.5), 2), "p99": round(self.wait(0.99), 2)},
            "problems": [
                {
                    "message": sent.name,
                    "control_id": sent.control_id,
                    "outcome": sent.outcome.value,
                    "codes": [answer.code for answer in sent.answers],
                    "text": describe(sent),
                }
                for sent in self.problems
            ],
        }


def describe(sent: Sent) -> str:
    """Why a message did not go well, in the receiver's words where it had any."""
    words = [answer.text for answer in sent.answers if answer.text]
    return "; ".join([*words, *([sent.problem] if sent.problem else [])])


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send, and how."""

    host: str
    port: int
    connections: int = 1
    #: messages per second over all connections; None: as fast as they are answered
    rate: float | None = None
    timeout: float = 30.0


class Sending:
    """One run: workers take from one stream of messages, each over its own connection."""

    def __init__(
        self, target: Target, messages: Iterator[tuple[str, bytes]], seen: Callable[[Sent], None]
    ) -> None:
        self._target = target
        self._messages = messages
        self._seen = seen
        self._taken = 0
        self.tally = Tally()

    async def run(self) -> Tally:
        """Send everything.

        Raises:
            OSError: nobody listens there.

        """
        target = self._target
        first = Connection(target.host, target.port, timeout=target.timeout)
        await first.connect()
        others = (
            Connection(target.host, target.port, timeout=target.timeout)
            for _ in range(target.connections - 1)
        )
        self._begin = time.perf_counter()
        await asyncio.gather(*(self._work(connection) for connection in (first, *others)))
        return self.tally

    async def _work(self, connection: Connection) -> None:
        open_ended = []
        for name, raw in self._messages:
            await self._due()
            sent = await connection.send(name, raw)
            self._seen(sent)
            if sent.more:
                open_ended.append(sent)
            else:
                self.tally.add(sent)
        self.tally.seconds = time.perf_counter() - self._begin
        await connection.finish(min(LINGER, self._target.timeout))
        self.tally.strays += connection.strays
        for sent in open_ended:
            self.tally.add(sent)

    async def _due(self) -> None:
        """Wait for the time of the next message."""
        number, self._taken = self._taken, self._taken + 1
        if self._target.rate:
            due = self._begin + number / self._target.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
