"""One budget of bytes for every connection of the process."""

from __future__ import annotations

from engine.sources.budget import Budget


class Connection:
    """Reads bytes of frames; a frame that ends becomes a message, which is answered later."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.inside = False
        self.reading = True
        self.partial = self.whole = 0

    def resume(self) -> None:
        self.reading = True

    def _is(self, partial: int, whole: int) -> None:
        change = (partial - self.partial, whole - self.whole)
        self.partial, self.whole = partial, whole
        self.reading = self.budget.change(self, *change)

    def read(self, size: int, *, inside: bool) -> None:
        self.inside = inside
        if inside:
            self._is(self.partial + size, self.whole)
        else:
            self._is(0, self.whole + self.partial + size)

    def answered(self) -> None:
        self._is(self.partial, 0)

    def lost(self) -> None:
        self.budget.give(-self.partial, -self.whole)
        self.budget.leave(self)


def test_connections_wait_when_the_budget_is_used_up_and_go_on_when_answers_free_it() -> None:
    budget = Budget(100)
    one, two = Connection(budget), Connection(budget)
    one.read(90, inside=False)
    two.read(20, inside=False)
    assert (one.reading, two.reading) == (True, False)
    one.answered()
    assert two.reading
    assert budget.used == 20


def test_half_read_frames_cannot_lock_each_other_out() -> None:
    budget = Budget(100)
    connections = [Connection(budget) for _ in range(4)]
    for connection in connections:
        connection.read(40, inside=True)
    for connection in connections[:3]:
        connection.read(40, inside=True)
    # over the limit and with no answer to wait for, exactly one goes on
    (alone,) = (connection for connection in connections if connection.reading)
    alone.read(10, inside=False)
    # its message waits for its answer, which will free bytes: until then nobody reads
    assert not any(connection.reading for connection in connections)
    alone.answered()
    assert sum(connection.reading for connection in connections) == 1


def test_one_that_goes_on_alone_may_not_begin_the_next_frame() -> None:
    budget = Budget(100)
    one, two = Connection(budget), Connection(budget)
    one.read(80, inside=True)
    two.read(80, inside=True)
    alone = one if one.reading else two
    alone.read(20, inside=False)
    alone.read(20, inside=True)  # what came with the same read
    assert not alone.reading


def test_every_half_read_frame_is_finished_in_the_end() -> None:
    budget = Budget(50)
    connections = [Connection(budget) for _ in range(5)]
    for connection in connections:
        connection.read(40, inside=True)
    for _ in range(5):
        reader = next(one for one in connections if one.reading and one.inside)
        reader.read(5, inside=False)
        reader.answered()
    assert (budget.used, budget.waiting) == (0, 0)


def test_what_a_lost_connection_held_is_free_again() -> None:
    budget = Budget(100)
    one, two = Connection(budget), Connection(budget)
    one.read(150, inside=True)
    two.read(10, inside=False)
    assert not two.reading
    one.lost()
    assert two.reading
    assert budget.used == 10


def test_the_connection_that_may_go_on_alone_hands_its_place_over_when_it_is_lost() -> None:
    budget = Budget(100)
    one, two, three = (Connection(budget) for _ in range(3))
    for connection in (one, two, three):
        connection.read(80, inside=True)
    chosen, other = (two, three) if two.reading else (three, two)
    chosen.read(100, inside=True)
    chosen.lost()
    assert other.reading or budget.used <= budget.limit
