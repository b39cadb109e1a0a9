"""Whatever is done in whatever order: lanes, what may be claimed, and the ledger stay right."""

import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import StoreError
from engine.lifecycle import Event, State
from engine.store.accept import accept
from engine.store.claims import Claim, claim, release, settle
from engine.store.lanes import unpack
from engine.store.ledger import read_ledger
from engine.store.opening import open_session
from engine.store.purge import Purge, purge
from engine.store.records import Settlement
from engine.store.replay import Review, abandon, replay
from tests.store.messages import NOW, received

DESTINATIONS = ("clinic", "registry")
SCOPES = ("server", "server")
ROUTES = st.sampled_from([(0,), (1,), (0, 1)])
LANES = st.lists(st.sampled_from(["server|A", "server|B", "server|C"]), min_size=1, max_size=3)


class StoreModel(RuleBasedStateMachine):
    """Two destinations that write to one server, three patients."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.session = open_session(Path(self.folder.name) / "store.db", lambda: NOW)
        self.session.connection.execute("PRAGMA synchronous = OFF")
        self.messages = 0
        self.now = NOW
        #: deliveries in the order in which each lane has delivered them
        self.delivered: defaultdict[int, list[int]] = defaultdict(list)
        self.forced: set[int] = set()

    def teardown(self) -> None:
        self.session.close()
        self.folder.cleanup()

    @rule(lanes=st.lists(st.tuples(LANES, ROUTES), min_size=1, max_size=4))
    def accept(self, lanes: list[tuple[list[str], tuple[int, ...]]]) -> None:
        calls = []
        for names, route in lanes:
            self.messages += 1
            to = tuple(DESTINATIONS[n] for n in route)
            scopes = tuple(SCOPES[n] for n in route)
            calls.append(
                received(self.messages, lanes=tuple(names), destinations=to, scopes=scopes)
            )
        accept(self.session, calls)

    @rule(destination=st.sampled_from(DESTINATIONS), limit=st.integers(1, 5))
    def claim(self, destination: str, limit: int) -> None:
        self.now += 1
        assert len(claim(self.session, Claim(destination, limit, self.now))) <= limit

    def sending(self) -> list[int]:
        query = "SELECT id FROM delivery WHERE state = 'sending' ORDER BY id"
        return [number for (number,) in self.session.connection.execute(query)]

    @precondition(sending)
    @rule(
        which=st.lists(st.integers(0, 9), min_size=1, max_size=3),
        event=st.sampled_from(
            [Event.ACCEPTED, Event.ACCEPTED, Event.RETRYABLE, Event.REFUSED, Event.HELD]
        ),
        wait=st.integers(0, 3),
        on_dead=st.sampled_from(["continue", "hold"]),
    )
    def settle(self, which: list[int], event: Event, wait: int, on_dead: str) -> None:
        sending = self.sending()
        chosen = {sending[index % len(sending)] for index in which}
        not_before = self.now + wait if wait else None
        settle(
            self.session,
            [
                Settlement(delivery, event, self.now, not_before=not_before, on_dead=on_dead)
                for delivery in chosen
            ],
        )
        if event is Event.ACCEPTED:
            for delivery in chosen:
                self.note_delivered(delivery)

    @rule(destination=st.sampled_from(DESTINATIONS))
    def deliver(self, destination: str) -> None:
        self.now += 1
        claims = claim(self.session, Claim(destination, 5, self.now))
        settle(
            self.session,
            [Settlement(one.delivery_id, Event.ACCEPTED, self.now) for one in claims],
        )
        for one in claims:
            self.note_delivered(one.delivery_id)

    def note_delivered(self, delivery: int) -> None:
        for lane in self.lanes(delivery):
            newer = [done for done in self.delivered[lane] if done > delivery]
            assert not newer or delivery in self.forced, "overtaken without force"
            self.delivered[lane].append(delivery)

    def settled(self, states: str = "('held', 'dead', 'delivered')") -> list[int]:
        query = f"SELECT DISTINCT message FROM delivery WHERE state IN {states}"
        return [number for (number,) in self.session.connection.execute(query)]

    @precondition(settled)
    @rule(which=st.integers(0, 99), force=st.booleans())
    def replay(self, which: int, force: bool) -> None:
        settled = self.settled()
        message = settled[which % len(settled)]
        self.session.connection.execute("SAVEPOINT one")
        try:
            again = replay(self.session, Review(message, force=force))
        except StoreError:
            self.session.connection.execute("ROLLBACK TO one")
        else:
            if force:
                self.forced.update(again)
        self.session.connection.execute("RELEASE one")

    def given_up(self) -> list[int]:
        return self.settled("('held', 'dead')")

    @precondition(given_up)
    @rule(which=st.integers(0, 99))
    def abandon(self, which: int) -> None:
        stuck = self.given_up()
        abandon(self.session, Review(stuck[which % len(stuck)]))

    def queued(self) -> list[int]:
        return self.settled("('queued')")

    @precondition(queued)
    @rule(which=st.integers(0, 99))
    def abandon_what_waits(self, which: int) -> None:
        waiting = self.queued()
        abandon(self.session, Review(waiting[which % len(waiting)], force=True))

    @precondition(sending)
    @rule(often=st.integers(0, 4))
    def restart(self, often: int) -> None:
        if not often:
            release(self.session, None)

    @precondition(lambda self: self.messages > 5)
    @rule(age=st.integers(0, 9))
    def purge(self, age: int) -> None:
        if age < self.messages - 5:
            purge(self.session, Purge(NOW + age))

    # --- what must hold ----------------------------------------------------------------------

    def lanes(self, delivery: int) -> list[int]:
        query = "SELECT lanes FROM delivery WHERE id = ?"
        row = self.session.connection.execute(query, (delivery,)).fetchone()
        return unpack(row[0])

    @invariant()
    def lanes_have_one_head_each(self) -> None:
        run = self.session.connection.execute
        rows = {
            number: (State(state), blocked, due, destination)
            for number, state, blocked, due, destination in run(
                "SELECT id, state, blocked, due, destination FROM delivery"
            )
        }
        standing: defaultdict[int, list[int]] = defaultdict(list)
        for lane, delivery in run("SELECT lane, delivery FROM waiting ORDER BY delivery"):
            standing[lane].append(delivery)
        behind: defaultdict[int, int] = defaultdict(int)
        for deliveries in standing.values():
            sending = [one for one in deliveries if rows[one][0] is State.SENDING]
            assert len(sending) <= 1
            head = sending[0] if sending else deliveries[0]
            for delivery in deliveries:
                behind[delivery] += delivery != head
        waiting = {delivery for deliveries in standing.values() for delivery in deliveries}
        for number, (state, blocked, _due, _destination) in rows.items():
            if number in waiting:
                assert blocked == behind[number]
                assert state is not State.DELIVERED
            else:
                assert state in (State.DELIVERED, State.DEAD)
        ready = set(run("SELECT destination, due, delivery FROM ready"))
        assert ready == {
            (destination, due, number)
            for number, (state, blocked, due, destination) in rows.items()
            if state is State.QUEUED and not blocked
        }

    @invariant()
    def the_ledger_balances(self) -> None:
        ledger = read_ledger(self.session.connection, verify=True)
        assert ledger.balanced, ledger.faults


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
