"""Log lines: one per arrow, key=value, and never a byte of a message.

structlog is configured once per process; loggers are handed in where they are used.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogBeginner
from twisted.python.failure import Failure

from engine.privacy import PrivacyFilter

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(format: str = "json", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002 - the key's own name
    """Say how log lines look and which are written; to stderr unless told otherwise.

    May be called again (a reload): loggers that were handed out follow.
    """
    out = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _fault,
            PrivacyFilter(),
            _render_json if format == "json" else _console(out),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def get(**context: Any) -> FilteringBoundLogger:
    """A logger whose lines all carry this context."""
    logger: FilteringBoundLogger = structlog.get_logger(**context)
    return logger


def _fault(logger: Any, method: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's signature
    """Of an exception: its type and where. Not its text, which may quote a message."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, Failure):
        error = error.value
    if isinstance(error, BaseException):
        event.update(_where(error), fault=type(error).__name__)
    return event


def _where(error: BaseException) -> dict[str, str]:
    trace = error.__traceback__
    if trace is None:
        return {}
    while trace.tb_next is not None:
        trace = trace.tb_next
    return {"where": f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"}


def _render_json(logger: Any, method: str, event: EventDict) -> str:  # noqa: ARG001 - structlog's signature
    first = {key: event.pop(key, None) for key in ("timestamp", "level", "event")}
    return orjson.dumps({**first, **event}).decode()


def _console(out: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=22)


# --- what libraries say ----------------------------------------------------------------------


def capture() -> None:
    """Let what Twisted, asyncio and other libraries say go the same way as our own lines.

    Only the template of their texts is taken, not the values put into it: these may be a
    message's. Less than a warning is left out.
    """
    root = logging.getLogger()
    root.handlers[:] = [_FromLogging(logging.WARNING)]
    globalLogBeginner.beginLoggingTo(
        [cast("ILogObserver", _from_twisted)], redirectStandardIO=False
    )


class _FromLogging(logging.Handler):
    """Takes the lines of Python's own logging."""

    def emit(self, record: logging.LogRecord) -> None:
        line = get(library=record.name, said=str(record.msg))
        line.log(max(record.levelno, logging.WARNING), "library.said", exc_info=record.exc_info)


def _from_twisted(event: LogEvent) -> None:
    level = event.get("log_level", LogLevel.info)
    if level < LogLevel.warn:
        return
    line = get(library=event.get("log_namespace", ""), said=event.get("log_format") or "")
    write = line.warning if level is LogLevel.warn else line.error
    write("library.said", exc_info=event.get("log_failure"))
