"""Log lines: one per arrow, key=value, and never a byte of a message.

structlog is configured once per process; loggers are handed in where they are used.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

#: Keys that could only carry what a message says. Whoever logs one has made a mistake, which
#: must not become a leak: the value is taken out and the line says so.
FORBIDDEN = frozenset(
    """
    raw payload body bundle resource content text segment segments field value message_text hl7
    frame data patient patient_id name given family birth_date birthdate mrn identifier
    identifiers address telecom phone ssn control_text order order_number accession lane lanes
    secret password token authorization
    """.split()
)
REMOVED = "(removed: never in a log)"

#: Values longer than this are cut: no legitimate value of a log line is, and a message would be.
LONGEST = 500


class PrivacyFilter:
    """Takes out what must not stand in a log, at any level and any depth."""

    def __call__(
        self,
        logger: Any,  # noqa: ARG002 - structlog's signature
        method: str,  # noqa: ARG002
        event: MutableMapping[str, Any],
    ) -> MutableMapping[str, Any]:
        """Look at every key and value of a line."""
        for key, value in event.items():
            event[key] = _clean(key, value)
        return event


def _clean(key: str, value: Any) -> Any:
    if key.lower() in FORBIDDEN or isinstance(value, bytes | bytearray | memoryview):
        return REMOVED
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    if isinstance(value, str):
        return _clean_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    # Never repr(): the representation of an object may hold everything that it holds.
    return type(value).__name__


def _clean_text(value: str) -> str:
    # An HL7 message or FHIR resource that got into a text, say by way of an exception.
    if "MSH|" in value or "\r" in value or '"resourceType"' in value:
        return REMOVED
    return value if len(value) <= LONGEST else value[:LONGEST] + "..."


def configure(format: str = "json", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002 - the key's own name
    """Say how log lines look and which are written; by default to stderr."""
    out = stream or sys.stderr
    structlog.configure(
        processors=[*_common(), *(_json() if format == "json" else _console(out))],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def _common() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
        PrivacyFilter(),
    ]


def _trace(
    logger: Any,  # noqa: ARG001 - structlog's signature
    method: str,  # noqa: ARG001
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Of an exception: its type and where, not its text, which may quote a message."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, BaseException):
        event["fault"] = type(error).__name__
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            event["where"] = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return event


def _json() -> list[Processor]:
    return [structlog.processors.JSONRenderer(serializer=_dumps)]


def _dumps(event: Any, **_: Any) -> str:
    import orjson

    return orjson.dumps(event, default=str).decode()


def _console(out: TextIO) -> list[Processor]:
    return [structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=22)]


def get(**context: Any) -> FilteringBoundLogger:
    """A logger whose lines all carry this context."""
    logger: FilteringBoundLogger = structlog.get_logger(**context)
    return logger
