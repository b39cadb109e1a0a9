"""Answers of a mapping process: told together while there is more to come."""

from twisted.internet.task import Clock

from engine.conversion import process
from engine.conversion.channels import Work
from engine.conversion.connection import MOMENT, TOGETHER, Job, MappingConnection
from engine.mapping.prepared import Prepared
from engine.pipes import framed


class Wire:
    """Takes what is sent."""

    def write(self, data: bytes) -> None:
        """Take it."""


def begun(clock: Clock, number: int) -> tuple[MappingConnection, list[Job]]:
    made = MappingConnection(lambda: None, lambda _: None, clock)
    made._wire = Wire()
    made.dataReceived(framed(4711))
    jobs = [Job(n, Work("north", "create", b"MSH", 0.0)) for n in range(number)]
    for job in jobs:
        made.send(job)
    return made, jobs


def answer(job: Job) -> bytes:
    return framed((job.number, process.PREPARED, Prepared().packed()))


def told(jobs: list[Job]) -> list[int]:
    return [job.number for job in jobs if job.done.called]


def test_answers_wait_a_moment_for_others_and_the_last_for_none() -> None:
    clock = Clock()
    made, jobs = begun(clock, 3)
    made.dataReceived(answer(jobs[0]))
    assert told(jobs) == []
    clock.advance(MOMENT)
    assert told(jobs) == [0]
    made.dataReceived(answer(jobs[1]))
    made.dataReceived(answer(jobs[2]))
    assert told(jobs) == [0, 1, 2]
    assert not clock.getDelayedCalls()


def test_so_many_answers_wait_no_longer() -> None:
    made, jobs = begun(Clock(), TOGETHER + 1)
    for job in jobs[:TOGETHER]:
        assert told(jobs) == []
        made.dataReceived(answer(job))
    assert told(jobs) == list(range(TOGETHER))


def test_what_was_answered_before_the_end_counts() -> None:
    made, jobs = begun(Clock(), 2)
    made.dataReceived(answer(jobs[0]))
    made.connectionLost()
    assert told(jobs) == [0]
    assert [job.number for job in made.jobs] == [1]
