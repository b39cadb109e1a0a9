"""When a message counts as handled: stored, mapped or delivered; then its answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.python.failure import Failure

from engine.errors import MessageError
from engine.lifecycle import State
from engine.mapping.prepared import Prepared
from engine.sources.replies import OUR_FAULT, Verdict
from engine.sources.settlements import Settlements
from engine.sources.timing import Clock

if TYPE_CHECKING:
    from engine.config import Channel


class Reached(NamedTuple):
    """The end of the stage that a channel's answer waits for."""

    verdict: Verdict
    errors: tuple[MessageError, ...] = ()


Then = Callable[[Reached], None]
POSITIVE = Reached(Verdict.POSITIVE)
_FAULT = Reached(Verdict.ERROR, (OUR_FAULT,))


@dataclass(frozen=True, slots=True)
class Committed:
    """A message that is stored and has its stage before it."""

    message_id: int
    channel: Channel
    raw: bytes
    received_at: float
    #: whether an earlier message has this id, whose deliveries may be over already
    resent: bool


class Stages:
    """Waits, for each message, for the stage that its channel's ``ack.when`` names.

    ``prepare`` maps a message, ``remember`` records an answer that was decided after the
    commit, ``look_up`` tells ``settlements`` what is settled already of a resent message,
    ``fault`` is told why a message could not be mapped that should have been.
    A resend of a message in flight waits for the first one's end and gets its answer.
    """

    def __init__(
        self,
        clock: Clock,
        settlements: Settlements,
        prepare: Callable[[Committed], Deferred[Prepared]],
        remember: Callable[[int, str], Deferred[None]],
        look_up: Callable[[int], None],
        fault: Callable[[Committed, Failure], None],
    ) -> None:
        self._clock = clock
        self._settlements = settlements
        self._prepare = prepare
        self._remember = remember
        self._look_up = look_up
        self._fault = fault
        self._waiting: dict[int, list[Then]] = {}

    @property
    def waiting(self) -> int:
        """How many messages wait for their stage."""
        return len(self._waiting)

    def reach(self, committed: Committed, then: Then) -> None:
        """Call ``then`` once the message has reached its channel's stage, or failed to."""
        message_id = committed.message_id
        if message_id in self._waiting:
            self._waiting[message_id].append(then)
            return
        self._waiting[message_id] = [then]
        if committed.channel.ack.when == "delivered":
            self._await_deliveries(committed)
        else:
            self._await_mapping(committed)

    def _await_mapping(self, committed: Committed) -> None:
        mapping = maybeDeferred(self._prepare, committed)
        mapping.addTimeout(committed.channel.ack.timeout, self._clock)  # type: ignore[arg-type]  # enough of one
        mapping.addCallbacks(
            lambda prepared: self._end(committed.message_id, _mapped(prepared)),
            lambda failure: self._not_mapped(committed, failure),
        )

    def _not_mapped(self, committed: Committed, failure: Failure) -> None:
        message_id = committed.message_id
        match failure.value:
            case TookTooLong():
                self._end(message_id, _too_late(committed.channel))
            case MessageError() as error:
                self._end(message_id, Reached(Verdict.ERROR, (error,)))
            case CancelledError():
                # The processes are being ended. Nothing is said for good: a resend may find out.
                self._tell(message_id, _FAULT)
            case _:
                self._fault(committed, failure)
                self._end(message_id, _FAULT)

    def _await_deliveries(self, committed: Committed) -> None:
        message_id, channel = committed.message_id, committed.channel

        def late() -> None:
            self._settlements.forget(message_id)
            self._end(message_id, _too_late(channel))

        timer = self._clock.callLater(channel.ack.timeout, late)

        def settled(state: State) -> None:
            timer.cancel()
            self._end(message_id, _settled(state))

        names = [destination.name for destination in channel.destinations]
        self._settlements.watch(message_id, names, settled)
        if committed.resent:
            self._look_up(message_id)

    def _end(self, message_id: int, reached: Reached) -> None:
        """Record the answer, then give it to everyone who waits for it.

        A negative one is given only after it is recorded: the sender may send the message again
        at once, and that must count as a new message.
        """
        recorded = self._remember(message_id, reached.verdict.application)
        if reached.verdict is Verdict.POSITIVE:
            self._tell(message_id, reached)
        else:
            recorded.addBoth(lambda _: self._tell(message_id, reached))

    def _tell(self, message_id: int, reached: Reached) -> None:
        for then in self._waiting.pop(message_id):
            then(reached)


def _failed(what: str) -> Reached:
    return Reached(Verdict.ERROR, (MessageError(what),))


def _mapped(prepared: Prepared) -> Reached:
    reason = prepared.reject or prepared.hold
    return POSITIVE if reason is None else _failed(reason)


def _settled(state: State) -> Reached:
    """What the sender is told; the destination's words may quote the patient, and stay here."""
    if state is State.DELIVERED:
        return POSITIVE
    if state is State.DEAD:
        return _failed("the destination has refused the message")
    return _failed("the message is held for review")


def _too_late(channel: Channel) -> Reached:
    """The answer that the channel states for what takes longer than its timeout."""
    ack = channel.ack
    if ack.on_timeout == "AA":
        return POSITIVE
    return _failed(f"not {ack.when} within {ack.timeout:g} s; it will be {ack.when} later")
