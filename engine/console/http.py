"""The pages of the console: what there is, metrics, health and readiness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import orjson
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from engine import __version__
from engine.metrics import Metrics

Checks = Callable[[], Mapping[str, Any]]

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mllp-engine</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}}
table{{border-collapse:collapse}}td,th{{text-align:left;padding:.2rem 1.5rem .2rem 0}}
.good{{color:#137333}}.bad{{color:#b3261e}}code{{background:#f1f3f4;padding:.1rem .3rem}}</style>
<h1>mllp-engine {version}</h1>
<p class="{tone}">{state}</p>
<table>{rows}</table>
<p><a href="/metrics">metrics</a> · <a href="/health">health</a> · <a href="/ready">ready</a></p>
</html>"""


class Page(Resource):
    """A page that a function writes."""

    isLeaf = True  # noqa: N815 - Twisted reads this name

    def __init__(self, write: Callable[[], tuple[int, str, bytes]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._write = write

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted calls this name
        """Answer a GET."""
        code, kind, body = self._write()
        request.setResponseCode(code)
        request.setHeader("Content-Type", kind)  # type: ignore[no-untyped-call]
        request.setHeader("Cache-Control", "no-store")  # type: ignore[no-untyped-call]
        return body


def site(metrics: Metrics, health: Checks, ready: Checks, refresh: Callable[[], None]) -> Site:
    """The console's pages.

    ``health`` and ``ready`` tell check by check what is well: a text, or True; False and texts
    that begin with "not" are not. ``refresh`` brings the gauges up to date before a scrape.
    """
    root: Any = Resource()  # type: ignore[no-untyped-call]

    def metrics_page() -> tuple[int, str, bytes]:
        refresh()
        return 200, metrics.content_type, metrics.render()

    root.putChild(b"metrics", Page(metrics_page))
    root.putChild(b"health", Page(lambda: _json(health())))
    root.putChild(b"ready", Page(lambda: _json(ready())))
    root.putChild(b"", Page(lambda: _index(ready())))
    return Site(root)  # type: ignore[no-untyped-call]


def well(checks: Mapping[str, Any]) -> bool:
    """Whether every check is well."""
    return all(
        value is not False and not str(value).startswith("not ") for value in checks.values()
    )


def _json(checks: Mapping[str, Any]) -> tuple[int, str, bytes]:
    good = well(checks)
    body = orjson.dumps({"status": "pass" if good else "fail", "checks": dict(checks)})
    return (200 if good else 503), "application/json", body + b"\n"


def _index(checks: Mapping[str, Any]) -> tuple[int, str, bytes]:
    good = well(checks)
    rows = "".join(
        f"<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>"
        for key, value in checks.items()
    )
    page = _PAGE.format(
        version=__version__,
        tone="good" if good else "bad",
        state="Ready: messages are taken, stored and delivered." if good else "Not ready.",
        rows=rows,
    )
    return 200, "text/html; charset=utf-8", page.encode()
