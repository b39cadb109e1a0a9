"""Deliver to a FHIR server: one transaction per message, which may be sent twice without harm."""

from __future__ import annotations

from engine.config import FhirDestination
from engine.destinations.reader import Reader
from engine.destinations.server import FhirServer, Refusal
from engine.destinations.writing import TRIES, Writing
from engine.fhir import bundle
from engine.fhir.outcome import Dead, Delivered, Down, Retry, Verdict, judge
from engine.mapping.prepared import Prepared


class FhirSender:
    """Writes the resources of messages to one server, in one of the three ways to write."""

    def __init__(self, destination: FhirDestination, server: FhirServer, reader: Reader) -> None:
        self.name = destination.name
        self.concurrency = server.concurrency
        self.breaker = server.breaker
        self.write = self._write = destination.write
        self._server = server
        self._reader = reader

    async def deliver(
        self,
        prepared: Prepared,
        *,
        delivery_id: int,  # noqa: ARG002 - one shape for all senders
        replayed: bool = False,  # noqa: ARG002
    ) -> Verdict:
        """Write one message; cancelling it leaves open whether the server has it."""
        if not prepared.entries:
            return Delivered("the message became no resource")
        try:
            verdict = await self._deliver(prepared)
        except Refusal as refusal:
            verdict = refusal.verdict
        return await self._doubted(verdict) if isinstance(verdict, Dead) else verdict

    async def close(self) -> None:
        """Nothing is open for this destination alone: connections are its server's."""

    async def _deliver(self, prepared: Prepared) -> Verdict:
        if self._write != "create":
            return await Writing(self._server, self._reader, prepared, self._write).deliver()
        body = bundle.joined(prepared.entries)
        verdict: Verdict = Retry("two writers met", conflict=True)
        for _ in range(TRIES):
            reply = await self._server.transaction(body)
            verdict, _ = judge(reply, prepared.entries, self._server.now)
            if not (isinstance(verdict, Retry) and verdict.conflict):
                break
        return verdict

    async def _doubted(self, verdict: Dead) -> Verdict:
        """A 404 may be about the Bundle, or because there is no FHIR where we look for it."""
        if verdict.status != 404:
            return verdict
        try:
            claims = await self._server.claims()
        except Refusal as refusal:
            return refusal.verdict
        return verdict if claims is not None else Down("HTTP 404, and no metadata at the base URL")
