"""One FHIR server, as all its destinations share it: base, headers, and how many at once."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import DeferredSemaphore

from engine.config import Basic, Bearer, Server
from engine.destinations.breaker import Breaker
from engine.destinations.http import HttpClient, Unreachable
from engine.destinations.shared import SharedResources
from engine.errors import EngineError
from engine.fhir import bundle, capability
from engine.fhir.outcome import Dead, Down, Hold, Reply, Retry, Verdict, refusal

Body = dict[str, Any]

FHIR_JSON = "application/fhir+json"


class Refusal(EngineError):  # noqa: N818 - the word of the lifecycle
    """A request on the way to a delivery failed; knows what that means for the delivery."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(type(verdict).__name__)
        self.verdict = verdict


class OddAnswer(Refusal):
    """An answer that nobody can use; the next one may be another."""


class FhirServer:
    """The requests that deliveries need, never more at once than the server is meant to get."""

    def __init__(
        self,
        server: Server,
        *,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = server.name
        self.concurrency = server.concurrency
        self._clock = clock
        #: for how long something has been so: a clock that nobody sets
        self.elapsed = elapsed
        #: closed while the server works; the destinations of a server open it together
        self.breaker = Breaker(server.name, elapsed)
        #: what is known of resources that many patients share
        self.shared = SharedResources()
        self._base = server.url.rstrip("/")
        self._turns = DeferredSemaphore(server.concurrency)
        self._http = HttpClient(timeout=server.timeout, headers=_headers(server))

    @property
    def now(self) -> datetime:
        """The moment, for Retry-After with a date."""
        return datetime.fromtimestamp(self._clock(), UTC)

    async def transaction(self, body: bytes) -> Reply:
        """Send a transaction Bundle."""
        return await self._ask("POST", self._base, body, Prefer="return=minimal")

    async def search(self, query: str) -> list[Body]:
        """The resources that a search finds; fails with Refusal.

        A server may answer a search from an earlier one (HAPI does so for a minute); what we are
        about to change must be read as it is.
        """
        reply = await self._ask("GET", f"{self._base}/{query}", Cache_Control="no-cache")
        found = bundle.load(reply.body) if reply.status == 200 else None
        if found is None or found["resourceType"] != "Bundle":
            raise Refusal(_of_a_read(refusal(reply, self.now), reply))
        return _resources(found)

    async def update(self, url: str, body: bytes, if_match: str) -> Reply:
        """Write one resource if nobody has written it since."""
        headers = {"If_Match": if_match} if if_match else {}
        return await self._ask("PUT", f"{self._base}/{url}", body, **headers)

    async def claims(self) -> capability.Claims | None:
        """What the server says it is; None when it does not speak FHIR at its base."""
        reply = await self._ask("GET", f"{self._base}/metadata")
        return capability.read_claims(reply.body) if reply.status == 200 else None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(self, method: str, url: str, body: bytes | None = None, **headers: str) -> Reply:
        await self._turns.acquire()
        try:
            return await self._http.request(method, url, body, **headers)
        except Unreachable as failure:
            raise Refusal(failure.verdict) from failure
        finally:
            self._turns.release()


def _resources(answer: Body) -> list[Body]:
    """The resources of a search's answer; fails with Refusal when it cannot be used."""
    try:
        is_first = any(link.get("relation") == "next" for link in answer.get("link", ()))
        entries = [entry.get("resource", {}) for entry in answer.get("entry", ())]
        resources = [resource for resource in entries if "id" in resource]
        is_odd = not all(isinstance(resource["resourceType"], str) for resource in resources)
    except (AttributeError, KeyError, TypeError):
        is_first, is_odd, resources = False, True, []
    if is_first:
        raise Refusal(Hold("a search by identifier finds more than a page"))
    if is_odd:
        raise OddAnswer(Retry("the answer to a search holds what is no resource"))
    return resources


def _of_a_read(verdict: Verdict, reply: Reply) -> Verdict:
    """What a failed search means: it says nothing about the message unless it names its value."""
    if reply.status == 200:
        return Down(f"HTTP {reply.status} to a search, without a Bundle")
    if isinstance(verdict, Dead) and reply.status == 404:
        return Down("HTTP 404 to a search")
    return verdict


def _headers(server: Server) -> dict[str, str]:
    own = {"Content-Type": FHIR_JSON, "Accept": FHIR_JSON}
    return {**own, **server.headers, **_authorization(server)}


def _authorization(server: Server) -> dict[str, str]:
    match server.auth:
        case Basic(user, password):
            pair = f"{user}:{password.reveal()}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        case Bearer(token):
            return {"Authorization": f"Bearer {token.reveal()}"}
        case _:
            return {}
