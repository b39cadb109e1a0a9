"""The circuit breaker: when a destination counts as down, and how it is found to be back."""

import pytest

from engine.destinations.breaker import DEAD_LETTERS, FAILURES, LONGEST_PAUSE, Breaker
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Retry, Verdict


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    made = Breaker("clinic", time, lambda: 1.0)
    made.alerts = []  # type: ignore[attr-defined]
    made.told.append(made.alerts.append)  # type: ignore[attr-defined]
    return made


def alerts(breaker: Breaker) -> list[str]:
    return breaker.alerts  # type: ignore[attr-defined,no-any-return]


def test_a_destination_at_fault_is_down_at_once(breaker: Breaker, time: Time) -> None:
    assert breaker.room(8) == 8
    breaker.heard(Down("HTTP 401"))
    assert breaker.is_open
    assert breaker.room(8) == 0
    time.now += breaker.pause
    assert breaker.room(8) == 1
    assert alerts(breaker) == ["HTTP 401"]


def test_some_failures_in_a_row_are_an_outage(breaker: Breaker) -> None:
    for _ in range(FAILURES - 1):
        breaker.heard(Retry("HTTP 500"))
    assert not breaker.is_open
    breaker.heard(Delivered())
    for _ in range(FAILURES):
        breaker.heard(Retry("HTTP 503"))
    assert breaker.is_open
    assert alerts(breaker) == ["HTTP 503"]


@pytest.mark.parametrize("verdict", [Retry("HTTP 409", conflict=True), Hold("x"), Dead("x")])
def test_what_is_the_messages_own_is_no_outage(breaker: Breaker, verdict: Verdict) -> None:
    for _ in range(FAILURES):
        breaker.heard(Retry("HTTP 500"))
        breaker.heard(verdict)
    assert not breaker.is_open


def test_one_try_at_a_time_finds_out(breaker: Breaker, time: Time) -> None:
    breaker.heard(Down("gone"))
    time.now += breaker.pause
    probe = breaker.probe()
    assert breaker.room(8) == 0
    breaker.give_back(probe)  # nothing was queued
    assert breaker.room(8) == 1
    breaker.give_back(breaker.probe())
    breaker.heard(Delivered())
    assert breaker.room(8) == 8
    assert alerts(breaker) == ["gone", ""]


def test_a_try_that_was_given_back_does_not_end_another(breaker: Breaker, time: Time) -> None:
    breaker.heard(Down("gone"))
    time.now += breaker.pause
    first = breaker.probe()
    breaker.give_back(first)
    second = breaker.probe()
    breaker.give_back(first)
    assert breaker.room(8) == 0
    breaker.give_back(second)
    assert breaker.room(8) == 1


@pytest.mark.parametrize("verdict", [Retry("HTTP 409", conflict=True), Hold("HTTP 412"), Dead("x")])
def test_a_destination_that_answers_is_back_whatever_it_answers(
    breaker: Breaker, time: Time, verdict: Verdict
) -> None:
    breaker.heard(Down("gone"))
    time.now += breaker.pause
    breaker.heard(verdict)
    assert alerts(breaker) == ["gone", ""]


def test_only_what_it_takes_ends_an_outage_of_dead_letters(breaker: Breaker, time: Time) -> None:
    for _ in range(DEAD_LETTERS):
        breaker.heard(Dead("HTTP 422"))
    time.now += breaker.pause
    breaker.heard(Hold("HTTP 412"))
    assert breaker.is_open


def test_what_was_under_way_when_an_outage_began_makes_it_no_longer(
    breaker: Breaker, time: Time
) -> None:
    breaker.heard(Down("gone"))
    pause = breaker.pause
    for _ in range(40):
        breaker.heard(Retry("no answer within 2 s"))
    assert breaker.pause == pause


def test_pauses_grow_to_a_limit_and_begin_anew(breaker: Breaker, time: Time) -> None:
    pauses = []
    for _ in range(12):
        breaker.heard(Down("gone"))
        pauses.append(breaker.pause)
        time.now += breaker.pause
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE
    breaker.heard(Delivered())
    breaker.heard(Down("gone again"))
    assert breaker.pause == 0.5
    assert alerts(breaker) == ["gone", "", "gone again"]


def test_a_pause_that_the_server_asks_for_is_kept_without_an_alert(
    breaker: Breaker, time: Time
) -> None:
    breaker.heard(Retry("HTTP 429", 7.0))
    assert breaker.room(8) == 0
    time.now += 7.0
    assert breaker.room(8) == 8
    assert alerts(breaker) == []


def test_a_pause_as_long_as_an_outage_is_told_as_one(breaker: Breaker, time: Time) -> None:
    breaker.heard(Retry("HTTP 503", 900.0))
    assert breaker.pause == 900.0
    assert alerts(breaker) == ["HTTP 503, asks for 900 s"]
    time.now += 900.0
    assert breaker.room(8) == 1
    breaker.heard(Delivered())
    assert alerts(breaker)[-1] == ""


def test_many_dead_letters_in_a_row_are_a_fault_of_all(breaker: Breaker, time: Time) -> None:
    for _ in range(DEAD_LETTERS - 1):
        breaker.heard(Dead("HTTP 422"))
    assert not breaker.is_open
    breaker.heard(Dead("HTTP 422"))
    assert alerts(breaker) == [f"{DEAD_LETTERS} dead letters in a row"]
    time.now += breaker.pause
    breaker.heard(Dead("HTTP 422"))
    assert breaker.room(8) == 0
    time.now += breaker.pause
    breaker.heard(Delivered())
    assert alerts(breaker)[-1] == ""
    breaker.heard(Dead("HTTP 422"))
    assert not breaker.is_open


def test_what_fails_while_others_do_not_is_no_outage_any_more(breaker: Breaker, time: Time) -> None:
    for _ in range(FAILURES):
        breaker.heard(Retry("HTTP 500"), 1)
    time.now += breaker.pause
    breaker.heard(Delivered(), 2)
    assert alerts(breaker) == ["HTTP 500", ""]
    for verdict in (Retry("HTTP 503", 60.0), *[Down("HTTP 403")] * FAILURES * 2):
        breaker.heard(verdict, 1)
        assert breaker.room(8) == 8
    assert alerts(breaker) == ["HTTP 500", ""]


def test_some_that_failed_alone_and_fail_together_are_an_outage(
    breaker: Breaker, time: Time
) -> None:
    breaker.heard(Down("gone"))
    for number in range(1, FAILURES + 1):
        time.now += breaker.pause
        breaker.heard(Down("gone"), number)
    breaker.heard(Delivered(), 99)
    for number in range(1, FAILURES):
        breaker.heard(Retry("HTTP 503"), number)
    assert not breaker.is_open
    breaker.heard(Retry("HTTP 503"), FAILURES)
    assert alerts(breaker) == ["gone", "", "HTTP 503"]


@pytest.mark.parametrize("over", [True, False])
def test_what_no_longer_fails_alone_may_find_an_outage_again(breaker: Breaker, over: bool) -> None:
    breaker.heard(Down("gone"), 1)
    breaker.heard(Delivered(), 2)
    if over:
        breaker.forget(1)
    else:
        breaker.heard(Delivered(), 1)
    breaker.heard(Down("gone again"), 1)
    assert breaker.is_open
