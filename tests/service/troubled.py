"""A way to a FHIR server on which requests are slow, refused, or done without an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.web import resource, server
from twisted.web.http import Request

from engine.fhir.outcome import Reply
from tests.destinations.memory_server import JSON, refusal

#: What happens to a request: not done and refused, or done and not answered.
TROUBLES = ("conflict", "busy", "cut off", "lost", "late")
#: the server that does what gets through: method, path and query, content, headers
Behind = Callable[[str, str, bytes, dict[str, str]], Awaitable[Reply]]


def pause(seconds: float) -> Deferred[None]:
    """Fires after a time."""
    over: Deferred[None] = Deferred()
    cast(Any, reactor).callLater(seconds, over.callback, None)
    return over


class Troubled(resource.Resource):
    """Stands before a server; ``share`` of the requests get into trouble, all take their time.

    ``patience`` is what an answer that comes late takes: more than the engine waits.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(
        self, behind: Behind, dice: Random, *, share: float, slow: float, patience: float
    ) -> None:
        super().__init__()
        self.met: Counter[str] = Counter()
        self._share = share
        self._serving: set[Deferred[None]] = set()
        self._behind = behind
        self._dice = dice
        self._slow = slow
        self._patience = patience

    def open(self) -> str:
        """Listen; the base URL."""
        self._port = cast(Any, reactor).listenTCP(0, server.Site(self), interface="127.0.0.1")
        return f"http://127.0.0.1:{self._port.getHost().port}/fhir"

    async def close(self) -> None:
        """Stop listening, and let end what is under way."""
        await self._port.stopListening()
        await gatherResults(list(self._serving))

    def render(self, request: Request) -> Any:
        """Take a request."""
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        serving = ensureDeferred(self._serve(request, gone))
        self._serving.add(serving)
        serving.addBoth(lambda _: self._serving.discard(serving))
        return server.NOT_DONE_YET

    async def _serve(self, request: Request, gone: list[object]) -> None:
        trouble = self._trouble()
        await pause(self._dice.random() * self._slow)
        if trouble == "cut off":
            self._cut(request, gone)
            return
        if trouble in ("conflict", "busy"):
            self._answer(request, gone, refusal(409 if trouble == "conflict" else 503))
            return
        reply = await self._behind(
            request.method.decode(),
            request.uri.decode().removeprefix("/fhir"),
            request.content.read(),
            {
                name: value
                for name in ("Prefer", "Cache-Control")
                if (value := request.getHeader(name))
            },
        )
        await pause(self._patience if trouble == "late" else self._dice.random() * self._slow)
        if trouble == "lost":
            self._cut(request, gone)
        else:
            self._answer(request, gone, (reply.status, reply.body, {}))

    def _trouble(self) -> str:
        trouble = self._dice.choice(TROUBLES) if self._dice.random() < self._share else ""
        self.met[trouble] += 1
        return trouble

    def _cut(self, request: Request, gone: list[object]) -> None:
        if not gone:
            request.channel.transport.abortConnection()

    def _answer(
        self, request: Request, gone: list[object], reply: tuple[int, bytes, dict[str, str]]
    ) -> None:
        if gone:
            return
        status, body, _ = reply
        request.setResponseCode(status)
        request.setHeader("Content-Type", JSON)
        request.write(body)
        request.finish()
