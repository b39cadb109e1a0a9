from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lifecycle import NEXT, Event, Outcome, State, backoff, exhausted, next_state


@dataclass(frozen=True)
class Retry:
    initial: float = 1.0
    limit: float = 300.0
    attempts: int | None = None


def after(state: State) -> dict[str, str]:
    """All that can happen to a delivery in a state, and where it stands then."""
    found = {event: next_state(state, event) for event in Event}
    return {str(event): str(to) for event, to in found.items() if to is not None}


def test_a_queued_delivery_waits_until_it_is_claimed_or_a_person_gives_it_up() -> None:
    assert after(State.QUEUED) == {"claimed": "sending", "abandoned": "dead"}


def test_one_that_is_being_sent_is_delivered_queued_again_given_up_or_held() -> None:
    assert after(State.SENDING) == {
        "accepted": "delivered",
        "retryable": "queued",
        "released": "queued",
        "refused": "dead",
        "held": "held",
    }


def test_a_held_one_waits_for_a_person_who_sends_it_or_gives_it_up() -> None:
    assert after(State.HELD) == {"replayed": "queued", "abandoned": "dead"}


def test_a_dead_letter_stays_dead_unless_a_person_sends_it_again() -> None:
    assert after(State.DEAD) == {"replayed": "queued", "abandoned": "dead"}


def test_a_delivered_one_stays_delivered_unless_a_person_sends_it_again() -> None:
    assert after(State.DELIVERED) == {"replayed": "queued"}


def test_a_delivery_is_sent_only_after_it_was_claimed() -> None:
    assert [key for key, state in NEXT.items() if state is State.SENDING] == [
        (State.QUEUED, Event.CLAIMED)
    ]


def test_nothing_but_an_acceptance_makes_a_delivery_delivered() -> None:
    assert [key for key, state in NEXT.items() if state is State.DELIVERED] == [
        (State.SENDING, Event.ACCEPTED)
    ]


def test_a_person_can_bring_back_whatever_is_settled() -> None:
    settled = (State.HELD, State.DEAD, State.DELIVERED)
    assert {next_state(state, Event.REPLAYED) for state in settled} == {State.QUEUED}
    assert next_state(State.QUEUED, Event.REPLAYED) is None
    assert next_state(State.SENDING, Event.REPLAYED) is None


def test_every_state_can_be_reached_and_left() -> None:
    assert set(NEXT.values()) == set(State)
    assert {state for state, _ in NEXT} == set(State)


def test_outcomes_are_the_words_of_the_ledger() -> None:
    assert [str(outcome) for outcome in Outcome] == [
        "accepted",
        "refused",
        "filtered",
        "duplicate",
        "acknowledgement",
        "quarantined",
    ]


@pytest.mark.parametrize(
    ("attempt", "ceiling"),
    [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (100_000, 300.0)],
)
def test_the_ceiling_doubles_up_to_the_limit(attempt: int, ceiling: float) -> None:
    assert backoff(attempt, Retry(), 1.0) == ceiling


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_jitter_is_full(attempt: int, chance: float) -> None:
    assert 0 <= backoff(attempt, Retry(), chance) <= Retry().limit
    assert backoff(attempt, Retry(), 0.0) == 0.0


def test_retry_after_is_a_lower_bound() -> None:
    assert backoff(1, Retry(), 0.5, retry_after=120.0) == 120.0
    assert backoff(9, Retry(), 1.0, retry_after=1.0) == 256.0


def test_attempts_are_without_end_unless_they_are_counted() -> None:
    assert not exhausted(1_000_000, Retry())
    assert not exhausted(2, Retry(attempts=3))
    assert exhausted(3, Retry(attempts=3))
