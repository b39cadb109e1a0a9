"""The pages of the console: what there is, metrics, health and readiness."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from engine import __version__
from engine.console.checks import Check, Checks
from engine.metrics import Metrics

_TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mllp-engine</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}}
table{{border-collapse:collapse}}td,th{{text-align:left;padding:.2rem 1.5rem .2rem 0}}
.well{{color:#137333}}.unwell{{color:#b3261e}}</style>
<h1>mllp-engine {version}</h1>
<p class="{tone}">{state}</p>
<table>{rows}</table>
<ul>
<li><a href="/metrics">/metrics</a> what is counted, for Prometheus</li>
<li><a href="/health">/health</a> whether the process lives and its store takes messages</li>
<li><a href="/ready">/ready</a> whether it listens and knows where to deliver</li>
</ul>
</html>
"""
_READY = "Ready: messages are taken, stored and delivered."


class Reply:
    """What a page answers."""

    def __init__(self, code: int, kind: str, body: bytes) -> None:
        self.code = code
        self.kind = kind
        self.body = body


class Page(Resource):
    """A page that a coroutine writes."""

    isLeaf = True  # noqa: N815 - Twisted reads this name

    def __init__(self, write: Callable[[], Awaitable[Reply]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._write = write

    def render_GET(self, request: Request) -> int:  # noqa: N802 - Twisted calls this name
        """Answer a GET, or a HEAD."""
        writing = Deferred.fromCoroutine(self._answer(request))
        gone: Deferred[None] = request.notifyFinish()
        gone.addErrback(lambda _: writing.cancel())
        writing.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        reply = await self._write()
        self._send(request, reply)

    def _failed(self, failure: Failure, request: Request) -> None:
        if not request.finished and not request._disconnected:
            said = f"{type(failure.value).__name__}\n"
            self._send(request, Reply(500, "text/plain; charset=utf-8", said.encode()))

    def _send(self, request: Any, reply: Reply) -> None:
        request.setResponseCode(reply.code)
        request.setHeader("Content-Type", reply.kind)
        request.setHeader("Content-Length", str(len(reply.body)))
        request.setHeader("Cache-Control", "no-store")
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.write(reply.body)
        request.finish()


class BodilessRequest(Request):
    """A request that may have no body: no page reads one, and Twisted would keep it on the disk."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted calls this name
        """Refuse what brings a body before the first byte of it is read."""
        super().gotLength(0)  # type: ignore[no-untyped-call]
        if length != 0:
            channel: Any = self.channel
            channel.transport.write(
                b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted calls this name
        """Keep nothing of a body."""


class Root(Resource):
    """The pages there are; anything else is not found."""

    def getChild(self, path: bytes, request: Request) -> Resource:  # noqa: ARG002, N802 - Twisted's
        """Say that there is no such page."""
        return Page(_no_page)


async def _no_page() -> Reply:
    return Reply(404, "text/plain; charset=utf-8", b"no such page; / says what there is\n")


def site(
    metrics: Metrics, health: Checks, ready: Checks, refresh: Callable[[], Awaitable[None]]
) -> Site:
    """The console's pages; ``refresh`` brings the gauges up to date before they are read."""
    root: Any = Root()  # type: ignore[no-untyped-call]

    async def metrics_page() -> Reply:
        await refresh()
        return Reply(200, metrics.content_type, metrics.render())

    async def health_page() -> Reply:
        return _json(await health())

    async def ready_page() -> Reply:
        return _json(await ready())

    async def index() -> Reply:
        return _index({**await health(), **await ready()})

    root.putChild(b"", Page(index))
    root.putChild(b"metrics", Page(metrics_page))
    root.putChild(b"health", Page(health_page))
    root.putChild(b"ready", Page(ready_page))
    made = Site(root, requestFactory=BodilessRequest)  # type: ignore[no-untyped-call]
    made.displayTracebacks = False
    return made


def _well(checks: Mapping[str, Check]) -> bool:
    return all(check.well for check in checks.values())


def _json(checks: Mapping[str, Check]) -> Reply:
    told = {name: {"well": check.well, "says": check.says} for name, check in checks.items()}
    well = _well(checks)
    body = orjson.dumps({"status": "pass" if well else "fail", "checks": told})
    return Reply(200 if well else 503, "application/json", body + b"\n")


def _index(checks: Mapping[str, Check]) -> Reply:
    rows = "".join(
        f'<tr><th>{escape(name)}</th><td class="{_tone(check.well)}">{escape(check.says)}</td></tr>'
        for name, check in checks.items()
    )
    well = _well(checks)
    page = _TEMPLATE.format(
        version=escape(__version__),
        tone=_tone(well),
        state=_READY if well else "Not ready.",
        rows=rows,
    )
    return Reply(200, "text/html; charset=utf-8", page.encode())


def _tone(well: bool) -> str:
    return "well" if well else "unwell"
