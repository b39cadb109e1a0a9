"""One line for each arrow of a message's way: an event name, key=value, and no patient."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

#: Keys that hold, or are likely to hold, what a message says; no line carries them at any level.
FORBIDDEN = frozenset(
    {"raw", "payload", "message_text", "body", "bundle", "resource", "patient", "name", "text",
     "value", "identifier", "address", "birthdate", "data", "frame"}
)  # fmt: skip


def without_patients(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take out keys that must not be logged, and bytes wherever they stand."""
    for key in list(event):
        if key in FORBIDDEN or isinstance(event[key], bytes | bytearray | memoryview):
            event[key] = "[left out]"
    return event


def configure(format: str = "json", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002 - the configuration's word
    """Set up logging for the process: JSON for machines, coloured lines for people."""
    out = sys.stderr if stream is None else stream
    renderer: Any = structlog.processors.JSONRenderer()
    if format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            without_patients,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def get() -> Any:
    """A logger."""
    return structlog.get_logger()
