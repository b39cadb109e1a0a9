"""When a delivery loop looks for work, on a clock that the test moves."""

from twisted.internet.task import Clock

from engine.delivery.turns import POLL, Turns


class Looks:
    """Turns that count, and that take a turn when they are woken, as the loop does."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock, self.clock.seconds, turn=self._turn, wake=self._wake)
        self.taken = self.woken = 0

    def _turn(self) -> None:
        self.taken += 1

    def _wake(self) -> None:
        self.woken += 1
        self.turns.soon()

    def calls(self) -> int:
        """What the reactor has to remember."""
        return len(self.clock.getDelayedCalls())


def started() -> Looks:
    looks = Looks()
    looks.turns.start()
    looks.clock.advance(0)
    assert (looks.woken, looks.taken, looks.calls()) == (1, 1, 1)
    return looks


def test_however_many_ask_there_is_one_turn() -> None:
    looks = started()
    for _ in range(5):
        looks.turns.soon()
    looks.clock.advance(0)
    assert looks.taken == 2


def test_a_time_that_every_message_asks_for_is_one_alarm() -> None:
    looks = started()
    for _ in range(1000):
        looks.turns.at(0.5)
    assert looks.calls() == 2  # and the next regular look
    looks.clock.advance(0.502)
    looks.clock.advance(0)
    assert (looks.woken, looks.taken) == (2, 2)


def test_each_time_has_its_alarm_and_may_be_asked_for_again() -> None:
    looks = started()
    looks.turns.at(0.25)
    looks.turns.at(0.5)
    looks.clock.advance(0.3)
    assert looks.woken == 2
    looks.turns.at(0.25)  # it is past: at once
    looks.clock.advance(0.002)
    assert looks.woken == 3
    looks.clock.advance(0.3)
    assert looks.woken == 4


def test_a_time_that_is_far_away_is_left_to_the_regular_looks() -> None:
    looks = started()
    looks.turns.at(10 * POLL)
    assert looks.calls() == 1
    looks.clock.advance(POLL)
    assert looks.woken == 2


def test_after_the_end_nothing_is_asked_for() -> None:
    looks = started()
    looks.turns.at(0.5)
    looks.turns.soon()
    looks.turns.stop()
    looks.turns.at(0.6)
    looks.turns.soon()
    looks.clock.advance(5)
    assert (looks.woken, looks.taken, looks.calls()) == (1, 1, 0)
