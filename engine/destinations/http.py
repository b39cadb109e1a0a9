"""HTTP to FHIR servers: the one module that knows aiohttp.

aiohttp lives in asyncio tasks, the engine in Deferreds; both turn in Twisted's asyncio reactor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp
import orjson
from twisted.internet.defer import Deferred

from engine.config import Basic, Bearer, Server

T = TypeVar("T")

_FHIR = "application/fhir+json"


class Unreachable(Exception):  # noqa: N818 - an adjective says it
    """No answer came: refused, reset, timed out, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: ``body`` is its JSON, or None when it is none."""

    status: int
    body: Any
    retry_after: float | None = None


def deferred(coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
    """A coroutine of asyncio, awaited from Twisted; cancelling one cancels the other."""
    return Deferred.fromFuture(asyncio.ensure_future(coroutine))


class Client:
    """A session with one server, opened when it is first used."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        path: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request under the base URL.

        Raises:
            Unreachable: no answer came.

        """
        url = f"{self._server.url}/{path}" if path else self._server.url
        try:
            async with self._open().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.read()
                return Answer(response.status, _json(raw), _after(response.headers))
        except (aiohttp.ClientError, TimeoutError, OSError) as cause:
            raise Unreachable(type(cause).__name__) from cause

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            server = self._server
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=server.concurrency * 2),
                timeout=aiohttp.ClientTimeout(total=server.timeout),
                headers={
                    "Content-Type": _FHIR,
                    "Accept": _FHIR,
                    **server.headers,
                    **_authorization(server),
                },
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _authorization(server: Server) -> dict[str, str]:
    match server.auth:
        case Basic(user, password):
            return {"Authorization": aiohttp.BasicAuth(user, password.reveal()).encode()}
        case Bearer(token):
            return {"Authorization": f"Bearer {token.reveal()}"}
        case _:
            return {}


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None


def _after(headers: Mapping[str, str]) -> float | None:
    """Retry-After (RFC 9110, 10.2.3) in seconds; a date counts from the server's own Date."""
    text = headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        now = parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return None
