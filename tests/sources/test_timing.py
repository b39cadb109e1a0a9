"""Patience with a sender, on a clock that the test turns."""

from __future__ import annotations

from twisted.internet.task import Clock

from engine.sources.flow import Flow, Hold
from engine.sources.timing import BYTES_PER_SECOND, FrameTimer, IdleTimer


class Patience:
    def __init__(self, seconds: float = 30) -> None:
        self.clock = Clock()
        self.ran_out = 0
        self.frame = FrameTimer(self.clock, seconds, self._expired)
        self.idle = IdleTimer(self.clock, seconds, self._expired)

    def _expired(self) -> None:
        self.ran_out += 1

    def read(self, received: int, *, inside: bool = True, new_frame: bool = False) -> None:
        self.frame.progress(inside=inside, received=received, new_frame=new_frame)


def test_a_frame_that_does_not_end_in_time_runs_out() -> None:
    patience = Patience()
    patience.read(10)
    patience.clock.advance(29)
    assert patience.ran_out == 0
    patience.clock.advance(2)
    assert patience.ran_out == 1
    assert not patience.clock.getDelayedCalls()


def test_a_sender_of_one_byte_a_second_runs_out_too() -> None:
    patience = Patience()
    for _ in range(32):
        patience.read(1)
        patience.clock.advance(1)
    assert patience.ran_out == 1


def test_a_large_frame_gets_the_time_that_its_bytes_take() -> None:
    patience = Patience()
    for _ in range(120):
        patience.read(BYTES_PER_SECOND)
        patience.clock.advance(1)
    assert patience.ran_out == 0
    patience.read(0, inside=False)
    assert not patience.clock.getDelayedCalls()


def test_each_frame_has_its_own_time() -> None:
    patience = Patience()
    for _ in range(10):
        patience.read(10, new_frame=True)
        patience.clock.advance(20)
    assert patience.ran_out == 0


def test_time_in_which_the_engine_does_not_read_does_not_count() -> None:
    patience = Patience()
    patience.read(10)
    patience.clock.advance(20)
    patience.frame.suspend()
    patience.clock.advance(1000)
    patience.frame.resume()
    patience.clock.advance(9)
    assert patience.ran_out == 0
    patience.clock.advance(2)
    assert patience.ran_out == 1


def test_an_idle_connection_runs_out_and_a_busy_one_does_not() -> None:
    patience = Patience(60)
    patience.idle.start()
    for _ in range(10):
        patience.clock.advance(50)
        patience.idle.touch()
    assert patience.ran_out == 0
    patience.clock.advance(61)
    assert patience.ran_out == 1


def test_without_an_idle_timeout_senders_may_hold_their_connections() -> None:
    patience = Patience(0)
    patience.idle.start()
    patience.idle.touch()
    patience.idle.stop()
    assert not patience.clock.getDelayedCalls()


def test_reading_goes_on_when_the_last_reason_not_to_is_gone() -> None:
    calls: list[str] = []
    flow = Flow(lambda: calls.append("pause"), lambda: calls.append("resume"))
    flow.hold(Hold.ANSWERS)
    flow.hold(Hold.BUDGET)
    flow.release(Hold.ANSWERS)
    flow.release(Hold.PEER)
    assert (calls, flow.held) == (["pause"], True)
    flow.release(Hold.BUDGET)
    flow.release(Hold.BUDGET)
    assert calls == ["pause", "resume"]
