"""Which answers a message gets, and their bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from itertools import count

from engine.errors import MessageError
from engine.hl7v2.ack import AckCode, Answers, Header, When, build_ack
from engine.hl7v2.frame import wrap
from engine.hl7v2.message import Message

#: All that a sender is told of a fault of ours.
OUR_FAULT = MessageError("an error of the receiving system")


class Verdict(Enum):
    """What became of a message, in the two words that say it: accept code, application code."""

    POSITIVE = (AckCode.CA, AckCode.AA)
    ERROR = (AckCode.CE, AckCode.AE)
    REJECT = (AckCode.CR, AckCode.AR)

    def __init__(self, accept: AckCode, application: AckCode) -> None:
        #: the code of an accept answer
        self.accept = accept
        #: the code of an application answer, and of the original mode's
        self.application = application


def _wanted(when: When, verdict: Verdict) -> bool:
    """HL7 table 0155: AL always, NE never, ER only errors and rejections, SU only success."""
    match when:
        case When.AL:
            return True
        case When.ER:
            return verdict is not Verdict.POSITIVE
        case When.SU:
            return verdict is Verdict.POSITIVE
        case _:
            return False


def accept_code(answers: Answers, verdict: Verdict) -> AckCode | None:
    """The code that answers the commit at once, by MSH-15; the original mode knows none."""
    if answers.mode == "original" or not _wanted(answers.accept, verdict):
        return None
    return verdict.accept


def application_code(answers: Answers, verdict: Verdict) -> AckCode | None:
    """The code that answers the handling, by MSH-16; the original mode always wants it."""
    if answers.mode != "original" and not _wanted(answers.application, verdict):
        return None
    return verdict.application


def refusal_code(answers: Answers, verdict: Verdict) -> AckCode | None:
    """The one code that answers a message which nobody will handle.

    Chapter 2.9.3: after a negative accept acknowledgement there is no application
    acknowledgement; where the sender wants no accept acknowledgement, the other says it.
    """
    return accept_code(answers, verdict) or application_code(answers, verdict)


class Replies:
    """Builds answers, each framed and with a control id that no other answer of ours has."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # Ten characters that differ with each start, then a number: within the 20 of MSH-10.
        self._prefix = os.urandom(5).hex().upper()
        self._numbers = count(1)
        self._second = 0
        self._now = datetime.fromtimestamp(0, UTC)

    def frame(
        self,
        request: Message | Header,
        code: AckCode,
        errors: Sequence[MessageError] = (),
    ) -> bytes:
        """The framed answer."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._now = second, datetime.fromtimestamp(second, UTC)
        control_id = f"{self._prefix}{next(self._numbers)}"
        return wrap(build_ack(request, code, now=self._now, control_id=control_id, errors=errors))
