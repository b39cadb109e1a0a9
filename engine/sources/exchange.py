"""The conversation about one message: which answers, when, and in which place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from engine.errors import MessageError
from engine.hl7v2.ack import AckCode, Answers, Header, When, answers_for
from engine.intake import Authorities
from engine.lifecycle import Outcome
from engine.sources.answers import AnswerQueue, Slot
from engine.sources.record import Record
from engine.sources.replies import (
    Replies,
    Verdict,
    accept_code,
    application_code,
    refusal_code,
)
from engine.sources.stages import Committed, Reached, Stages
from engine.store.records import Receipt
from engine.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from engine.config import Channel

_NOT_STORED = MessageError("the message could not be stored; send it again")


class Line(Protocol):
    """What a conversation knows of the connection that its message came by."""

    @property
    def peer(self) -> str:
        """Address and port of the sender."""
        ...

    @property
    def answers(self) -> AnswerQueue:
        """The first answer of each message: the accept answer, or the original mode's only one."""
        ...

    @property
    def later(self) -> AnswerQueue:
        """Application answers of the enhanced mode that come after their accept answer."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What every conversation of the process uses."""

    store: SqliteStore
    stages: Stages
    replies: Replies
    record: Record
    #: what the mapping of a channel knows of assigning authorities
    authorities: Callable[[Channel], Authorities]
    #: tells the deliveries to these destinations that there is work
    wake: Callable[[Sequence[str]], None]
    clock: Callable[[], float]


class Arrival(NamedTuple):
    """One message as it came: where, its bytes, by which connection, when, under what rules."""

    port: str
    raw: bytes
    line: Line
    #: its answer's place among the connection's answers
    slot: Slot
    received_at: float
    configuration: str


class _Answer(NamedTuple):
    """Answers that are given at once: their codes, and their bytes."""

    codes: Sequence[AckCode]
    frames: bytes


#: Of what has no readable MSH, or is an answer itself: nothing is asked, nothing is answered.
_NOTHING = Answers("original", When.NE, When.NE)


class Exchange:
    """One message and its answers: none, one or two."""

    __slots__ = ("_answers", "_arrival", "_positive", "_request", "_tools")

    def __init__(self, tools: Tools, arrival: Arrival, request: Header | None) -> None:
        self._tools = tools
        self._arrival = arrival
        self._request = request
        self._answers = _NOTHING if request is None else answers_for(request)
        self._positive: _Answer | None = None

    # --- messages that go no further ---------------------------------------------------------

    def both(self, verdict: Verdict) -> tuple[AckCode, ...]:
        """The codes of a message whose handling ends with its commit."""
        accept = accept_code(self._answers, verdict)
        application = application_code(self._answers, verdict)
        return tuple(code for code in (accept, application) if code is not None)

    def refusal(self, verdict: Verdict) -> tuple[AckCode, ...]:
        """The code of a message that nobody will handle."""
        code = refusal_code(self._answers, verdict)
        return () if code is None or self._request is None else (code,)

    def close(self, codes: Sequence[AckCode], errors: Sequence[MessageError] = ()) -> None:
        """Give these answers and be done."""
        self._give(self._arrival.slot, self._answer(codes, errors))

    def not_stored(self) -> None:
        """Say that nothing is promised, unless an answer has been given."""
        if not self._arrival.slot.filled:
            self.close(self.refusal(Verdict.ERROR), (_NOT_STORED,))

    # --- accepted messages -------------------------------------------------------------------

    def commit_answer(self, channel: Channel) -> str:
        """The positive code that the commit itself makes true, to be stored within it."""
        code = accept_code(self._answers, Verdict.POSITIVE)
        if code is None and channel.ack.when == "stored":
            code = application_code(self._answers, Verdict.POSITIVE)
        return code or ""

    def prepare(self) -> None:
        """Build what the commit will make true, while nothing else can be done for its sender."""
        self._positive = self._answer(self.both(Verdict.POSITIVE))

    def committed(self, receipt: Receipt, channel: Channel) -> None:
        """The bytes are safe: accept now, say the rest when the channel's stage is reached.

        A resend gets what its original got; while that one waits, it waits with it.
        """
        resent = receipt.outcome is Outcome.DUPLICATE
        if channel.ack.when == "stored" or (resent and receipt.original_answer == AckCode.AA):
            self._give(
                self._arrival.slot, self._positive or self._answer(self.both(Verdict.POSITIVE))
            )
            return
        place = self._arrival.slot
        if self._answers.mode == "enhanced":
            accept = accept_code(self._answers, Verdict.POSITIVE)
            self.close((accept,) if accept else ())
            place = self._arrival.line.later.open(len(self._arrival.raw))
        message_id = receipt.original_id or receipt.message_id
        self._tools.stages.reach(
            Committed(message_id, channel, self._arrival.raw, self._arrival.received_at, resent),
            self._reached(place),
        )

    def _reached(self, place: Slot) -> Callable[[Reached], None]:
        def reached(reached: Reached) -> None:
            code = application_code(self._answers, reached.verdict)
            answer = self._answer((code,) if code else (), reached.errors)
            if place is self._arrival.slot:
                self._give(place, answer)
            else:  # an application answer never overtakes its accept answer
                self._arrival.slot.afterwards(lambda: self._give(place, answer))

        return reached

    def _answer(self, codes: Sequence[AckCode], errors: Sequence[MessageError] = ()) -> _Answer:
        request = self._request
        if request is None:
            return _Answer((), b"")
        frame = self._tools.replies.frame
        return _Answer(codes, b"".join([frame(request, code, errors) for code in codes]))

    def _give(self, place: Slot, answer: _Answer) -> None:
        place.fill(answer.frames)  # before it is counted: somebody waits for it
        for code in answer.codes:
            self._tools.record.answered(self._arrival.port, code, self._arrival.received_at)
