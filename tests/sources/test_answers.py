"""Answers leave in the order of their messages."""

from __future__ import annotations

import itertools

import pytest

from engine.sources.answers import AnswerQueue


class Wire:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.dropped = 0
        self.moves = 0
        self.queue = AnswerQueue(self.sent.append, self._drop, self._move)

    def _move(self) -> None:
        self.moves += 1

    def _drop(self) -> None:
        self.dropped += 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_answers_leave_in_the_order_of_their_messages_in_whatever_order_they_are_ready(
    order: tuple[int, ...],
) -> None:
    wire = Wire()
    slots = [wire.queue.open(10) for _ in range(4)]
    for number in order:
        slots[number].fill(b"%d" % number)
    assert wire.sent == [b"0", b"1", b"2", b"3"]
    assert (wire.queue.pending, wire.queue.size) == (0, 0)


def test_a_message_that_wants_no_answer_holds_its_place_until_it_is_committed() -> None:
    wire = Wire()
    silent, spoken = wire.queue.open(5), wire.queue.open(7)
    spoken.fill(b"AA")
    assert (wire.sent, wire.queue.size) == ([], 12)
    silent.fill(b"")
    assert wire.sent == [b"AA"]


def test_an_application_answer_waits_until_the_accept_answer_has_left() -> None:
    wire = Wire()
    first, second = wire.queue.open(1), wire.queue.open(1)
    events: list[str] = []
    second.fill(b"CA")
    second.afterwards(lambda: events.append("application"))
    assert events == []
    first.fill(b"CA")
    assert events == ["application"]
    second.afterwards(lambda: events.append("at once"))
    assert events == ["application", "at once"]


def test_an_answer_for_a_peer_that_has_gone_is_dropped_and_counted() -> None:
    wire = Wire()
    slots = [wire.queue.open(1) for _ in range(3)]
    wire.queue.close()
    for slot, answer in zip(slots, (b"AA", b"", b"AE"), strict=True):
        slot.fill(answer)
    assert (wire.sent, wire.dropped, wire.queue.pending) == ([], 2, 0)
