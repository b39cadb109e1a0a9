"""Log lines: one per arrow, key=value, and never a byte of a message.

structlog is configured once per process; loggers are handed in where they are used.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, TextIO, cast

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
    Frequent.out = out if format == "json" and LEVELS[level] <= logging.INFO else None
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


# --- what is said of every message -----------------------------------------------------------


class Frequent:
    """An info line of which only numbers change, for what is said of every message.

    It is the line that ``logger.info(event, **context, **numbers)`` writes; but its text is
    cleaned and rendered once, and a line costs a tenth of what it costs by way of structlog.
    """

    #: where lines go while they are JSON and info is written
    out: ClassVar[TextIO | None] = None

    def __init__(
        self, logger: Any, event: str, context: Mapping[str, object], numbers: tuple[str, ...]
    ) -> None:
        self._logger = logger
        self._event = event
        self._context = dict(context)
        self._names = numbers
        # A logger of another kind, as tests have, gets every line.
        self._ours = isinstance(logger, type(structlog.get_logger()))
        self._text = self._rendered() if self._ours else ""

    def _rendered(self) -> str:
        bound = {**structlog.get_context(self._logger.bind()), **self._context}
        event = PrivacyFilter()(None, "info", bound)
        text = orjson.dumps({"level": "info", "event": self._event, **event}).decode()
        numbers = "".join(f',"{name}":%d' for name in self._names)
        return f'{{"timestamp":"%s",{text[1:-1].replace("%", "%%")}{numbers}}}\n'

    def __call__(self, *numbers: int) -> None:
        """Say it."""
        out = Frequent.out
        if out is None or not self._ours:
            named = dict(zip(self._names, numbers, strict=True))
            self._logger.info(self._event, **self._context, **named)
        else:
            out.write(self._text % (_timestamp(), *numbers))
            out.flush()


_second = (0, "")


def _timestamp() -> str:
    """Now, as structlog's TimeStamper writes it; the seconds are written once each."""
    global _second
    second, rest = divmod(time.time_ns(), 1_000_000_000)
    if second != _second[0]:
        _second = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{_second[1]}.{rest // 1000:06}Z"


# --- what libraries say ----------------------------------------------------------------------


def capture() -> None:
    """Let what Twisted, asyncio and other libraries say go the same way as our own lines.

    Only the template of their texts is taken, not the values put into it: these may be a
    message's. Of a text that is no template only where it was written is told. Less than a
    warning is left out.
    """
    root = logging.getLogger()
    root.handlers[:] = [_FromLogging(logging.WARNING)]
    globalLogBeginner.beginLoggingTo(
        [cast("ILogObserver", _from_twisted)], redirectStandardIO=False
    )


class _FromLogging(logging.Handler):
    """Takes the lines of Python's own logging."""

    def emit(self, record: logging.LogRecord) -> None:
        # Without arguments it is no template: asyncio writes the exception into its text.
        said = str(record.msg) if record.args else f"{record.filename}:{record.lineno}"
        line = get(library=record.name, said=said)
        line.log(max(record.levelno, logging.WARNING), "library.said", exc_info=record.exc_info)


def _from_twisted(event: LogEvent) -> None:
    level = event.get("log_level", LogLevel.info)
    if level < LogLevel.warn:
        return
    line = get(library=event.get("log_namespace", ""), said=event.get("log_format") or "")
    write = line.warning if level is LogLevel.warn else line.error
    write("library.said", exc_info=event.get("log_failure"))
