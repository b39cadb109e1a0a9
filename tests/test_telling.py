"""Settlements gathered for a moment, and told together."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.delivery.telling import MOMENT, Telling
from engine.errors import StoreError
from engine.lifecycle import Event, State
from engine.store.records import MissingCodes, Settlement


class Store:
    """Remembers what it was told, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.told: list[tuple[float, int, dict[str, Any]]] = []
        self.answers: list[Deferred[State]] = []

    def settle(self, delivery_id: int, event: Event, **more: Any) -> Deferred[State]:
        self.told.append((self.clock.seconds(), delivery_id, {"event": event, **more}))
        self.answers.append(Deferred())
        return self.answers[-1]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock)


@pytest.fixture
def telling(store: Store, clock: Clock) -> Telling:
    made = Telling(store, clock, lambda: made.flush())  # type: ignore[arg-type]
    return made


def test_what_comes_within_a_moment_is_told_together(
    telling: Telling, store: Store, clock: Clock
) -> None:
    for number in (1, 2, 3):
        telling.settle(Settlement(number, Event.ACCEPTED, 0.0))
        clock.advance(MOMENT / 4)
    assert telling.waits
    assert store.told == []
    clock.advance(MOMENT)
    assert [number for _, number, _ in store.told] == [1, 2, 3]
    assert len({when for when, _, _ in store.told}) == 1
    assert not telling.waits
    assert not clock.getDelayedCalls()


def test_a_flush_waits_for_nothing_and_leaves_nothing(
    telling: Telling, store: Store, clock: Clock
) -> None:
    telling.settle(Settlement(1, Event.HELD, 0.0))
    telling.flush()
    telling.flush()
    clock.advance(MOMENT)
    assert [(when, number) for when, number, _ in store.told] == [(0.0, 1)]


def test_each_is_told_whole_and_hears_what_came_of_it(telling: Telling, store: Store) -> None:
    missing = MissingCodes("north", (("HL70001", "X", "odd"),))
    done = telling.settle(
        Settlement(7, Event.REFUSED, 1.5, "no", 9.0, "hold", missing, untouched=True)
    )
    failed = telling.settle(Settlement(8, Event.ACCEPTED, 2.0))
    telling.flush()
    assert store.told[0][1:] == (
        7,
        {
            "event": Event.REFUSED,
            "now": 1.5,
            "detail": "no",
            "not_before": 9.0,
            "on_dead": "hold",
            "missing": missing,
            "untouched": True,
        },
    )
    heard: list[State] = []
    done.addCallback(heard.append)
    store.answers[0].callback(State.DEAD)
    store.answers[1].errback(StoreError("full"))
    failed.addErrback(lambda failure: heard.append(failure.type))
    assert heard == [State.DEAD, StoreError]
