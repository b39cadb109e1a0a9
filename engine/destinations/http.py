"""HTTP, for whoever delivers over it: the one place that knows aiohttp and asyncio.

aiohttp lives in asyncio tasks, everything else here in Deferreds; the reactor is asyncio's, so
that both turn together. Every request that we make may be made twice without harm.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import aiohttp
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure
from yarl import URL

from engine import __version__
from engine.errors import EngineError
from engine.fhir.outcome import Down, Reply, Retry

T = TypeVar("T")

#: More than this from a server is no answer of FHIR's that we could want.
LARGEST_ANSWER = 64 * 1024 * 1024
KEEP_ALIVE = 30.0


class Unreachable(EngineError):  # noqa: N818 - an adjective says it
    """No answer came; knows what that means for the delivery."""

    def __init__(self, verdict: Retry | Down) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class HttpClient:
    """A pool of connections with one timeout and the same headers on every request."""

    def __init__(self, *, timeout: float, headers: Mapping[str, str] | None = None) -> None:
        self._timeout = timeout
        self._headers = {"User-Agent": f"mllp-engine/{__version__}", **(headers or {})}
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._urls: dict[str, URL] = {}

    def request(
        self, method: str, url: str, body: bytes | None = None, **headers: str
    ) -> Deferred[Reply]:
        """Ask, and read the whole answer; fails with Unreachable when there is none.

        Header names are given with underscores: ``if_match``. Cancelling it ends the request.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return _deferred(self._request(method, url, body, named))

    def close(self) -> Deferred[None]:
        """Close every connection; what is asked for later gets no answer."""
        self._closed = True
        session, self._session = self._session, None
        return succeed(None) if session is None else _deferred(session.close())

    async def _request(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Reply:
        try:
            try:
                return await self._ask(method, url, body, headers)
            except aiohttp.ServerDisconnectedError:
                # It closed a connection that had been idle, just when we took it again.
                return await self._ask(method, url, body, headers)
        except TimeoutError as cause:
            reason = f"no answer within {self._timeout:g} s"
            raise Unreachable(Retry(reason)) from cause
        except (aiohttp.ClientSSLError, aiohttp.InvalidURL) as cause:
            # Certificates and names do not heal by trying again.
            raise Unreachable(Down(type(cause).__name__)) from cause
        except (aiohttp.ClientError, OSError) as cause:
            raise Unreachable(Retry(_reason(cause))) from cause

    async def _ask(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Reply:
        if self._closed:
            raise Unreachable(Retry("the connections are closed"))
        session = self._session or self._open()
        # A redirect is an answer (the server is not where it was), not a way to go.
        async with session.request(
            method, self._url(url), data=body, headers=headers, allow_redirects=False
        ) as response:
            content = await _content(response.content)
            return Reply(response.status, content, response.headers.get("Retry-After", ""))

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
        )
        return self._session

    def _url(self, url: str) -> URL:
        """A URL that is encoded already; those without a query come again and again."""
        if "?" in url:
            return URL(url, encoded=True)
        found = self._urls.get(url)
        if found is None:
            if len(self._urls) > 1000:
                self._urls.clear()
            found = self._urls[url] = URL(url, encoded=True)
        return found


async def _content(stream: aiohttp.StreamReader) -> bytes:
    """The whole body, if a sane server sent it."""
    parts = [await stream.readany()]
    size = len(parts[0])
    while not stream.at_eof():
        parts.append(await stream.readany())
        size += len(parts[-1])
        if size > LARGEST_ANSWER:
            raise Unreachable(Down(f"an answer larger than {LARGEST_ANSWER} bytes"))
    return b"".join(parts)


def _reason(cause: Exception) -> str:
    """Why there was no answer: the system's words; never a URL, which names patients."""
    error = getattr(cause, "os_error", cause)
    if isinstance(error, OSError) and error.errno:
        known = error.errno in errno.errorcode  # name servers have numbers of their own
        return f"no connection: {os.strerror(error.errno) if known else error.strerror}"
    return f"the connection broke: {type(cause).__name__}"


def pause(seconds: float) -> Deferred[None]:
    """Fires after a time; after none, when everything that is due now has run."""
    return _deferred(asyncio.sleep(seconds))


def _deferred(coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
    deferred: Deferred[T] = Deferred.fromFuture(asyncio.ensure_future(coroutine))
    return deferred.addErrback(_cancelled)


def _cancelled(failure: Failure) -> Failure:
    """Twisted's own word for a task that was cancelled."""
    if isinstance(failure.value, asyncio.CancelledError):
        raise CancelledError
    return failure
