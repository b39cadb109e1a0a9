"""When a message counts as handled: stored, mapped or delivered; then its answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from twisted.internet.defer import Deferred

from engine.errors import MessageError
from engine.hl7v2.message import Message
from engine.lifecycle import State
from engine.mapping.result import Mapped
from engine.sources.replies import Verdict
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


@dataclass(frozen=True, slots=True)
class Committed:
    """A message that is stored and has its stage before it."""

    message_id: int
    channel: Channel
    message: Message
    received_at: float
    #: whether an earlier message has this id, whose deliveries may be over already
    resent: bool


class Stages:
    """Waits, for each message, for the stage that its channel's ``ack.when`` names.

    ``convert`` maps a message, ``remember`` records an answer that was decided after the
    commit, ``look_up`` tells ``settlements`` what is settled already of a resent message.
    A resend of a message in flight waits for the first one's end and gets its answer.
    """

    def __init__(
        self,
        clock: Clock,
        settlements: Settlements,
        convert: Callable[[Channel, Message, float], Mapped],
        remember: Callable[[int, str], Deferred[None]],
        look_up: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._settlements = settlements
        self._convert = convert
        self._remember = remember
        self._look_up = look_up
        self._waiting: dict[int, list[Then]] = {}

    @property
    def waiting(self) -> int:
        """How many messages wait for their delivery."""
        return len(self._waiting)

    def reach(self, committed: Committed, then: Then) -> None:
        """Call ``then`` once the message has reached its channel's stage, or failed to."""
        message_id = committed.message_id
        if message_id in self._waiting:
            self._waiting[message_id].append(then)
        elif committed.channel.ack.when == "delivered":
            self._waiting[message_id] = [then]
            self._await_deliveries(committed)
        else:
            self._waiting[message_id] = [then]
            self._end(message_id, self._mapped(committed))

    def _mapped(self, committed: Committed) -> Reached:
        mapped = self._convert(committed.channel, committed.message, committed.received_at)
        reason = mapped.reject or mapped.hold
        return POSITIVE if reason is None else _failed(reason)

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


def _settled(state: State) -> Reached:
    """What the sender is told; the destination's words may quote the patient, and stay here."""
    if state is State.DELIVERED:
        return POSITIVE
    if state is State.DEAD:
        return _failed("the destination has refused the message")
    return _failed("the message is held for review")


def _too_late(channel: Channel) -> Reached:
    """The answer that the channel states for a delivery that takes longer than its timeout."""
    if channel.ack.on_timeout == "AA":
        return POSITIVE
    return _failed(f"not delivered within {channel.ack.timeout:g} s; it will be delivered later")
