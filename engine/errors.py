"""What we raise on purpose: where it happened, what is wrong, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a text file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration or mapping file."""

    place: Place | None
    what: str
    instead: str | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        advice = f" ({self.instead})" if self.instead else ""
        return f"{where}{self.what}{advice}"


@dataclass(frozen=True, slots=True)
class Location:
    """A position in a message, as ERR-2 (type ERL) names it; every number counts from 1."""

    segment: str
    sequence: int = 1
    field: int | None = None
    repetition: int | None = None
    component: int | None = None
    subcomponent: int | None = None

    def __str__(self) -> str:
        text = self.segment if self.sequence == 1 else f"{self.segment}({self.sequence})"
        if self.field is not None:
            text += f"-{self.field}"
        if self.repetition is not None:
            text += f"[{self.repetition}]"
        for number in (self.component, self.subcomponent):
            if number is not None:
                text += f".{number}"
        return text


class ErrorCode(Enum):
    """HL7 table 0357, message error condition codes: the code and its text."""

    ACCEPTED = ("0", "Message accepted")
    SEGMENT_SEQUENCE_ERROR = ("100", "Segment sequence error")
    REQUIRED_FIELD_MISSING = ("101", "Required field missing")
    DATA_TYPE_ERROR = ("102", "Data type error")
    TABLE_VALUE_NOT_FOUND = ("103", "Table value not found")
    VALUE_TOO_LONG = ("104", "Value too long")
    UNSUPPORTED_MESSAGE_TYPE = ("200", "Unsupported message type")
    UNSUPPORTED_EVENT_CODE = ("201", "Unsupported event code")
    UNSUPPORTED_PROCESSING_ID = ("202", "Unsupported processing id")
    UNSUPPORTED_VERSION_ID = ("203", "Unsupported version id")
    UNKNOWN_KEY_IDENTIFIER = ("204", "Unknown key identifier")
    DUPLICATE_KEY_IDENTIFIER = ("205", "Duplicate key identifier")
    APPLICATION_RECORD_LOCKED = ("206", "Application record locked")
    APPLICATION_ERROR = ("207", "Application error")

    @property
    def code(self) -> str:
        """The code of table 0357."""
        return self.value[0]

    @property
    def display(self) -> str:
        """The text that table 0357 gives the code."""
        return self.value[1]


class EngineError(Exception):
    """Anything that mllp-engine raises on purpose."""


class NothingSuchError(EngineError):
    """A name on the command line that nothing has, and what there is."""


class ConfigurationError(EngineError):
    """Files that cannot be used; holds every problem found, not the first."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(eq=False)
class MessageError(EngineError):
    """A message that cannot be used as it is; knows its place and its code of table 0357.

    The text never quotes a value of the message: it goes to logs and to the sender.
    """

    what: str
    at: Location | None = None
    code: ErrorCode = ErrorCode.APPLICATION_ERROR
    severity: str = field(default="E")

    def __str__(self) -> str:
        return f"{self.at}: {self.what}" if self.at else self.what


class StoreError(EngineError):
    """The store cannot promise what was asked of it: disk full, locked, read-only, closed."""


def origin(fault: BaseException) -> str:
    """``file:line`` where a fault arose; its text may quote a message and is told to nobody."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
