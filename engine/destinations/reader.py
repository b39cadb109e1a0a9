"""Find what a server holds: searches that wait at the same time go together."""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from engine.destinations.http import pause
from engine.destinations.server import FhirServer, OddAnswer, Refusal
from engine.fhir.criterion import Criterion
from engine.fhir.outcome import Dead, Hold

Body = dict[str, Any]

#: What comes sooner than this after another, in seconds, waits as long for more of its kind: five
#: searches for each message would be most of what a busy engine does.
SOON = 0.01
#: Tokens in one search; a URL of 2,000 characters passes every proxy.
TOGETHER = 12

_Waiting = dict[Criterion, list[Deferred[list[Body]]]]


class Reader:
    """Reads resources by their criteria, one search per type and parameter at a time.

    What is asked for while a search is under way, or soon after another, goes into one with what
    follows (``identifier=a,b,c`` finds any of them, R4 3.1.1.4.4): a busy server gets few
    searches, and a quiet one no delay.
    """

    def __init__(self, server: FhirServer) -> None:
        self._server = server
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._busy: set[tuple[str, str]] = set()
        #: when each topic was asked for last
        self._asked: dict[tuple[str, str], float] = {}

    def find(self, kind: str, criterion: str) -> Deferred[list[Body]]:
        """The resources of a type that match; fails with Refusal."""
        parsed = Criterion.parse(criterion)
        topic = kind, parsed.name
        found: Deferred[list[Body]] = Deferred()
        self._waiting.setdefault(topic, {}).setdefault(parsed, []).append(found)
        now = self._server.elapsed()
        is_busy = 0 <= now - self._asked.get(topic, -math.inf) < SOON
        self._asked[topic] = now
        if topic not in self._busy:
            self._busy.add(topic)
            ensureDeferred(self._work(topic, SOON if is_busy else 0.0))
        return found

    async def _work(self, topic: tuple[str, str], patience: float) -> None:
        """Search until nothing waits; deliveries that begin together ask together."""
        try:
            await pause(patience)
            while waiting := self._waiting.pop(topic, None):
                criteria = list(waiting)
                for start in range(0, len(criteria), TOGETHER):
                    part = criteria[start : start + TOGETHER]
                    await self._search(topic, {criterion: waiting[criterion] for criterion in part})
        finally:
            self._busy.discard(topic)

    async def _search(self, topic: tuple[str, str], asked: _Waiting) -> None:
        """Search for some and tell whoever waits for them, whatever comes of it."""
        try:
            found = await self._found(topic, asked)
        except Refusal as refusal:
            of_one = isinstance(refusal, OddAnswer) or isinstance(refusal.verdict, Dead | Hold)
            if len(asked) > 1 and of_one:
                await self._one_by_one(topic, asked)  # one of them is to blame, not all
            else:
                _fail(asked, refusal)
        except Exception as fault:
            _fail(asked, fault)
        else:
            if found is None:
                await self._one_by_one(topic, asked)
                return
            for criterion, deferreds in asked.items():
                _succeed(deferreds, found[criterion])

    async def _found(
        self, topic: tuple[str, str], asked: _Waiting
    ) -> dict[Criterion, list[Body]] | None:
        """What each of them finds; None when the server compares otherwise, say without case."""
        kind, name = topic
        tokens = ",".join(criterion.token for criterion in asked)
        count = 2 * len(asked) + 2
        found = await self._server.search(f"{kind}?{name}={tokens}&_count={count}")
        resources = [resource for resource in found if resource["resourceType"] == kind]
        if len(asked) == 1:
            return dict.fromkeys(asked, resources)
        if not all(any(criterion.matches(r) for criterion in asked) for r in resources):
            return None
        return {criterion: [r for r in resources if criterion.matches(r)] for criterion in asked}

    async def _one_by_one(self, topic: tuple[str, str], asked: _Waiting) -> None:
        for criterion, deferreds in asked.items():
            await self._search(topic, {criterion: deferreds})


def _succeed(deferreds: list[Deferred[list[Body]]], resources: list[Body]) -> None:
    for deferred in deferreds:
        if not deferred.called:  # cancelled by whoever waited
            deferred.callback(resources)


def _fail(asked: _Waiting, fault: Exception) -> None:
    for deferreds in asked.values():
        for deferred in deferreds:
            if not deferred.called:
                deferred.errback(fault)
