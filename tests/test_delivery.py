"""The delivery loop between a real store and a destination that does what it is told."""

import io
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, fail, maybeDeferred
from twisted.internet.task import deferLater

from engine import log
from engine.config import FhirDestination, Retry
from engine.conversion.channels import Work
from engine.conversion.connection import MappingLost
from engine.delivery import DeliveryLoop, DeliveryRecord
from engine.destinations.breaker import DEAD_LETTERS, Breaker
from engine.errors import MessageError, StoreError
from engine.fhir import outcome
from engine.fhir.outcome import Dead, Delivered, Down, Hold, Verdict
from engine.hl7v2.message import Message
from engine.lifecycle import State
from engine.mapping.prepared import Prepared, prepare
from engine.mapping.result import Issue, Mapped, Severity
from engine.metrics import Metrics
from engine.store.reader import Reader
from engine.store.sqlite import SqliteStore
from tests.destinations import stated
from tests.store.messages import received
from tests.store.threaded import ThreadedStore

Answer = Verdict | Exception | None


class Destination:
    """Says what the test put in; then that all is delivered. None: it takes its time."""

    name = "clinic"
    concurrency = 4
    write = "own-ids"

    def __init__(self) -> None:
        self.breaker = Breaker("clinic", lambda: reactor.seconds(), lambda: 0.0)  # type: ignore[attr-defined]
        self.answers: deque[Answer] = deque()
        self.taken: list[str] = []
        self.begun: list[str] = []
        self.waiting: list[Deferred[Verdict]] = []
        self.arrivals: list[tuple[int, Deferred[None]]] = []

    async def deliver(self, prepared: Prepared, **_: Any) -> Verdict:
        if not prepared.entries:
            return Delivered("the message became no resource")
        control_id = str(orjson.loads(prepared.entries[0].text)["resource"]["code"])
        self.begun.append(control_id)
        answer = self.answers.popleft() if self.answers else Delivered()
        if answer is None:
            self.waiting.append(Deferred())
        self._arrived()
        if answer is None:
            answer = await self.waiting[-1]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Delivered):
            self.taken.append(control_id)
        return answer

    async def close(self) -> None:
        """Nothing is open."""

    def arrived(self, count: int) -> Deferred[None]:
        """Fires when so many deliveries have begun."""
        done: Deferred[None] = Deferred()
        self.arrivals.append((count, done))
        self._arrived()
        return done

    def _arrived(self) -> None:
        due = [done for count, done in self.arrivals if len(self.begun) >= count]
        self.arrivals = [(n, done) for n, done in self.arrivals if len(self.begun) < n]
        for done in due:
            done.callback(None)


class Rig:
    """A store, a destination, and the loop between them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = ThreadedStore(path)
        self.store.open()
        self.destination = Destination()
        self.lines = io.StringIO()
        self.metrics = Metrics()
        self.states: list[tuple[int, State]] = []
        self.convert: Callable[[Work], Mapped] = converted
        self._awaited: list[tuple[int, Deferred[None]]] = []
        self.loops: list[DeliveryLoop] = []
        log.configure("json", "debug", self.lines)

    def loop(self, store: Any = None, **settings: Any) -> DeliveryLoop:
        retry = Retry(initial=0.01, limit=0.02, attempts=settings.pop("attempts", None))
        made = DeliveryLoop(
            store or self.store,
            FhirDestination("clinic", "clinic", retry=retry, **settings),
            self.destination,
            self,
            record=DeliveryRecord("clinic", log.get(), self.metrics),
            clock=reactor,  # type: ignore[arg-type]
            settled=self._settled,
        )
        self.loops.append(made)
        made.start()
        return made

    #: as a mapper
    ahead = 0

    def prepared(self, work: Work) -> Deferred[Prepared]:
        return maybeDeferred(lambda: prepare(self.convert(work), work.write))

    async def queue(self, *numbers: int, **changes: Any) -> None:
        for number in numbers:
            await self.store.accept(received(number, **changes))

    def settled(self, count: int) -> Deferred[None]:
        """Fires when so many attempts have been settled."""
        done: Deferred[None] = Deferred()
        self._awaited.append((count, done))
        self._tell()
        return done

    def _settled(self, message_id: int, destination: str, state: State) -> None:
        assert destination == "clinic"
        self.states.append((message_id, state))
        self._tell()

    def _tell(self) -> None:
        due = [done for count, done in self._awaited if len(self.states) >= count]
        self._awaited = [(n, done) for n, done in self._awaited if len(self.states) < n]
        for done in due:
            done.callback(None)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [orjson.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    def stored(self, message_id: int) -> Any:
        with Reader(self.path) as reader:
            message = reader.message(message_id)
        assert message is not None
        return message.deliveries[0]

    async def close(self) -> None:
        for loop in self.loops:
            await loop.drain(0)
        await self.store.close()


def converted(work: Work) -> Mapped:
    message = Message.read(work.raw)
    return stated.mapped(stated.resource("Basic", "1", {"code": message.control_id}))


@pytest_twisted.async_yield_fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path / "store.db")
    yield made
    await made.close()


# --- the way of a delivery --------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_what_is_queued_is_delivered_and_what_comes_later_too(rig: Rig) -> None:
    await rig.queue(1, patient="T1")
    loop = rig.loop()
    await rig.settled(1)
    await rig.queue(2, patient="T2")
    loop.wake()
    await rig.settled(2)
    assert rig.destination.taken == ["1", "2"]
    assert rig.states == [(1, State.DELIVERED), (2, State.DELIVERED)]
    assert rig.stored(2).state is State.DELIVERED
    assert loop.under_way == 0


@pytest_twisted.ensureDeferred
async def test_what_nobody_tells_of_is_found(rig: Rig) -> None:
    rig.loop()
    await rig.queue(1)
    await rig.settled(1)
    assert rig.destination.taken == ["1"]


@pytest_twisted.ensureDeferred
async def test_lanes_keep_their_order_and_run_in_parallel(rig: Rig) -> None:
    for number in range(1, 61):
        await rig.queue(number, patient=f"T{number % 3}")
    rig.loop()
    await rig.settled(60)
    for lane in range(3):
        own = [int(n) for n in rig.destination.taken if int(n) % 3 == lane]
        assert own == sorted(own)
        assert len(own) == 20


@pytest_twisted.ensureDeferred
async def test_a_stuck_lane_blocks_only_itself(rig: Rig) -> None:
    rig.destination.answers.append(None)
    await rig.queue(1, 2, patient="T1")
    await rig.queue(3, 4, patient="T2")
    rig.loop()
    await rig.settled(2)
    assert rig.destination.taken == ["3", "4"]
    rig.destination.waiting[0].callback(Delivered())
    await rig.settled(4)
    assert rig.destination.taken == ["3", "4", "1", "2"]


@pytest_twisted.ensureDeferred
async def test_no_more_are_under_way_than_the_destination_takes(rig: Rig) -> None:
    rig.destination.answers.extend([None] * 10)
    for number in range(1, 11):
        await rig.queue(number, patient=f"T{number}")
    rig.loop()
    await rig.destination.arrived(4)
    assert len(rig.destination.waiting) == 4
    for number in range(10):
        await rig.destination.arrived(number + 1)
        rig.destination.waiting[number].callback(Delivered())
    await rig.settled(10)


# --- verdicts ---------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_retry_comes_back_in_its_place_in_the_lane(rig: Rig) -> None:
    rig.destination.answers.extend([outcome.Retry("HTTP 500"), outcome.Retry("HTTP 500")])
    await rig.queue(1, 2)
    rig.loop()
    await rig.settled(4)
    assert rig.destination.taken == ["1", "2"]
    assert rig.states[:2] == [(1, State.QUEUED)] * 2
    assert [line["attempt"] for line in rig.events("delivery.settled")] == [1, 2, 3, 1]


@pytest_twisted.ensureDeferred
async def test_attempts_come_to_an_end_when_the_configuration_says_so(rig: Rig) -> None:
    rig.destination.answers.extend([outcome.Retry("HTTP 500")] * 2)
    await rig.queue(1)
    rig.loop(attempts=2)
    await rig.settled(2)
    assert rig.states[-1] == (1, State.DEAD)
    assert rig.stored(1).detail == "given up after 2 attempts: HTTP 500"
    sample = rig.metrics.registry.get_sample_value
    counted = {
        name: sample(f"mllp_engine_deliveries_{name}_total", {"destination": "clinic"})
        for name in ("retried", "dead")
    }
    assert counted == {"retried": 1, "dead": 1}


@pytest_twisted.ensureDeferred
async def test_a_dead_letter_keeps_the_servers_words_and_the_lane_goes_on(rig: Rig) -> None:
    rig.destination.answers.append(Dead("HTTP 422: invalid: birthDate of Testpatient"))
    await rig.queue(1, 2)
    rig.loop()
    await rig.settled(2)
    assert rig.states == [(1, State.DEAD), (2, State.DELIVERED)]
    assert rig.stored(1).detail == "HTTP 422: invalid: birthDate of Testpatient"
    assert "Testpatient" not in rig.lines.getvalue()


@pytest_twisted.ensureDeferred
async def test_a_dead_letter_holds_its_lane_where_that_is_wanted(rig: Rig) -> None:
    rig.destination.answers.append(Dead("HTTP 422: no"))
    await rig.queue(1, 2, patient="T1")
    await rig.queue(3, patient="T2")
    rig.loop(on_dead="hold")
    await rig.settled(2)
    assert sorted(rig.states) == [(1, State.DEAD), (3, State.DELIVERED)]
    assert rig.stored(2).state is State.QUEUED
    await rig.store.abandon(1)
    await rig.settled(3)
    assert rig.states[-1] == (2, State.DELIVERED)


@pytest_twisted.ensureDeferred
async def test_what_is_held_waits_for_a_person(rig: Rig) -> None:
    rig.destination.answers.append(Hold("HTTP 412: two matches"))
    await rig.queue(1, 2)
    rig.loop()
    await rig.settled(1)
    assert rig.stored(1).state is State.HELD
    await rig.store.replay(1)
    await rig.settled(3)
    assert rig.destination.taken == ["1", "2"]


# --- mapping ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "state", "detail"),
    [
        (Mapped([], [], hold="unmapped code"), State.HELD, "held by the mapping: unmapped code"),
        (Mapped([], [], reject="no patient"), State.DEAD, "rejected by the mapping: no patient"),
        (MessageError("no charset"), State.HELD, "cannot be read any more: no charset"),
        (KeyError("Testpatient"), State.HELD, "a fault of the engine: KeyError"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_mapping_says_is_settled_without_sending(
    rig: Rig, made: Mapped | Exception, state: State, detail: str
) -> None:
    def convert(work: Work) -> Mapped:
        if isinstance(made, Exception):
            raise made
        return made

    rig.convert = convert
    await rig.queue(1)
    rig.loop()
    await rig.settled(1)
    assert rig.states == [(1, state)]
    assert rig.stored(1).detail == detail
    assert not rig.destination.begun
    assert "Testpatient" not in rig.lines.getvalue()


@pytest_twisted.ensureDeferred
async def test_a_fault_of_ours_stops_no_other_message(rig: Rig) -> None:
    rig.destination.answers.append(RuntimeError("Testpatient"))
    await rig.queue(1, patient="T1")
    await rig.queue(2, patient="T2")
    rig.loop()
    await rig.settled(2)
    assert sorted(rig.states) == [(1, State.HELD), (2, State.DELIVERED)]
    (line,) = rig.events("delivery.fault")
    assert line["fault"] == "RuntimeError"
    assert "Testpatient" not in rig.lines.getvalue()


@pytest_twisted.ensureDeferred
async def test_issues_are_counted_by_channel_and_severity(rig: Rig) -> None:
    issues = [Issue(Severity.WARNING, "no such code", None)] * 2

    def convert(work: Work) -> Mapped:
        return Mapped(converted(work).resources, issues)

    rig.convert = convert
    await rig.queue(1)
    rig.loop()
    await rig.settled(1)
    found = b'mllp_engine_mapping_issues_total{channel="lab",severity="warning"} 2.0'
    assert found in rig.metrics.render()


# --- outages ----------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_an_outage_is_told_once_and_uses_up_no_attempts(rig: Rig) -> None:
    rig.destination.answers.extend([Down("HTTP 401")] * 4)
    for number in range(1, 9):
        await rig.queue(number, patient=f"T{number}")
    rig.loop(attempts=1)
    await rig.settled(8)
    while len(rig.destination.taken) < 8:
        await rig.settled(len(rig.states) + 1)
    assert sorted(rig.destination.taken) == [str(n) for n in range(1, 9)]
    assert [line["reason"] for line in rig.events("destination.down")] == ["HTTP 401"]
    assert len(rig.events("destination.up")) == 1
    assert {line["attempt"] for line in rig.events("delivery.settled")} == {1}


@pytest_twisted.ensureDeferred
async def test_retries_during_an_outage_are_not_counted_either(rig: Rig) -> None:
    rig.destination.answers.append(Down("gone"))
    rig.destination.answers.extend([outcome.Retry("no connection")] * 3)
    await rig.queue(1)
    rig.loop(attempts=1)
    await rig.settled(5)
    assert [state for _, state in rig.states] == [State.QUEUED] * 4 + [State.DELIVERED]


@pytest_twisted.ensureDeferred
async def test_while_it_is_down_one_try_at_a_time_is_claimed(rig: Rig) -> None:
    rig.destination.answers.extend([Down("gone"), None])
    for number in range(1, 30):
        await rig.queue(number, patient=f"T{number}")
    loop = rig.loop()
    rig.destination.concurrency = 1
    await rig.destination.arrived(2)
    assert loop.under_way == 1
    rig.destination.waiting[0].callback(Delivered())
    await rig.settled(30)


@pytest_twisted.ensureDeferred
async def test_long_messages_that_do_not_go_into_one_claim_are_under_way_together(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.claims.CLAIM_BYTES", 1)
    monkeypatch.setattr("engine.delivery.turns.POLL", 600.0)
    rig.destination.answers.extend([None, None, None])
    for number in range(1, 4):
        await rig.queue(number, patient=f"T{number}")
    rig.loop()
    await rig.destination.arrived(3)
    for waiting in rig.destination.waiting:
        waiting.callback(Delivered())
    await rig.settled(3)


@pytest_twisted.ensureDeferred
async def test_what_comes_while_it_is_down_costs_the_loop_no_turn(rig: Rig) -> None:
    rig.destination.answers.append(Down("gone"))
    await rig.queue(1, patient="T1")
    await rig.queue(2, patient="T2")
    loop = rig.loop()
    await rig.settled(1)
    await rig.store.next_due("clinic")  # the turn after it has been taken
    alarms = len(reactor.getDelayedCalls())  # type: ignore[attr-defined]
    for _ in range(100):
        loop.wake()
    assert rig.destination.breaker.is_open
    assert len(reactor.getDelayedCalls()) == alarms  # type: ignore[attr-defined]
    await rig.settled(3)
    assert sorted(rig.destination.taken) == ["1", "2"]


@pytest_twisted.ensureDeferred
async def test_a_pause_that_the_server_asks_for_holds_for_what_is_claimed_already(
    rig: Rig,
) -> None:
    rig.destination.concurrency = 1
    rig.destination.answers.extend([None, None])
    for number in range(1, 7):
        await rig.queue(number, patient=f"T{number}")
    loop = rig.loop()
    await rig.destination.arrived(2)
    assert loop.under_way == 3  # the third waits for its turn
    rig.destination.waiting[0].callback(outcome.Retry("HTTP 429", 0.5))
    rig.destination.waiting[1].callback(Delivered())
    await rig.settled(2)
    await deferLater(reactor, 0.2)
    assert rig.destination.begun == ["1", "2"]
    assert not rig.destination.breaker.is_open
    await rig.settled(7)
    assert sorted(rig.destination.taken) == ["1", "2", "3", "4", "5", "6"]
    assert rig.stored(3).attempt == 1


class Poisoned(Destination):
    """Fails, for ever, with what its server cannot take."""

    def __init__(self, verdict: Verdict, *poison: str) -> None:
        super().__init__()
        self._verdict = verdict
        self._poison = poison

    async def deliver(self, prepared: Prepared, **how: Any) -> Verdict:
        verdict = await super().deliver(prepared, **how)
        return self._verdict if self.begun[-1] in self._poison else verdict


@pytest.mark.parametrize("verdict", [outcome.Retry("HTTP 500"), Down("HTTP 403")])
@pytest_twisted.ensureDeferred
async def test_a_message_that_the_server_cannot_take_stops_its_own_lane_and_no_other(
    rig: Rig, verdict: Verdict
) -> None:
    rig.destination = Poisoned(verdict, "1")
    await rig.queue(1, patient="T1")
    loop = rig.loop(attempts=20)
    while not rig.destination.breaker.is_open:
        await rig.settled(len(rig.states) + 1)
    await rig.queue(2, patient="T1")
    for number in range(3, 20):
        await rig.queue(number, patient=f"T{number}")
        loop.wake()
    while (2, State.DELIVERED) not in rig.states:
        await rig.settled(len(rig.states) + 1)
    assert rig.states.index((1, State.DEAD)) < rig.states.index((2, State.DELIVERED))
    assert {number for number, state in rig.states if state is State.DELIVERED} == set(range(2, 20))
    assert len(rig.events("destination.down")) == 1
    assert rig.stored(1).detail == f"given up after 20 attempts: {verdict.reason}"  # type: ignore[union-attr]


@pytest_twisted.ensureDeferred
async def test_the_try_that_follows_a_failed_one_is_another_lanes(rig: Rig) -> None:
    rig.destination.answers.extend([Down("gone")] * 3)
    for number in range(1, 5):
        await rig.queue(number, patient=f"T{number}")
    rig.destination.concurrency = 1
    rig.loop()
    await rig.settled(4)
    assert rig.destination.begun[:4] == ["1", "2", "1", "3"]


@pytest_twisted.ensureDeferred
async def test_many_dead_letters_in_a_row_are_told(rig: Rig) -> None:
    rig.destination.answers.extend([Dead("HTTP 422: no")] * DEAD_LETTERS)
    for number in range(1, DEAD_LETTERS + 2):
        await rig.queue(number, patient=f"T{number}")
    rig.loop()
    await rig.settled(DEAD_LETTERS + 1)
    assert len(rig.events("destination.down")) == 1
    assert rig.destination.taken


@pytest.mark.parametrize(
    "found",
    [
        Mapped([], []),
        Mapped([], [], hold="unmapped code"),
        Mapped([], [], reject="no patient"),
        MessageError("x"),
        MappingLost("x"),
        KeyError("x"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_try_that_never_reaches_the_destination_is_followed_by_another(
    rig: Rig, found: Mapped | Exception
) -> None:
    tries: list[str] = []

    def convert(work: Work) -> Mapped:
        tries.append(Message.read(work.raw).control_id)
        if tries != ["1", "1"]:
            return converted(work)
        if isinstance(found, Exception):
            raise found
        return found

    rig.convert = convert
    rig.destination.answers.append(Down("HTTP 401"))
    await rig.queue(1, patient="T1")
    rig.loop()
    await rig.settled(2)
    assert rig.destination.breaker.is_open
    await rig.queue(2, patient="T2")
    await rig.settled(3)
    assert rig.destination.taken == ["2"]
    assert not rig.destination.breaker.is_open


@pytest_twisted.ensureDeferred
async def test_a_try_that_is_broken_off_is_left_to_other_destinations_of_the_server(
    rig: Rig,
) -> None:
    rig.destination.answers.extend([Down("gone"), None])
    await rig.queue(1)
    loop = rig.loop()
    await rig.destination.arrived(2)
    assert rig.destination.breaker.room(1) == 0
    await loop.drain(0)
    assert rig.destination.breaker.room(1) == 1


class Slow:
    """A store that gives what is claimed when the test says so."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.claims: list[Deferred[None]] = []
        self.is_slow = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def _claimed(self, *asked: Any) -> Any:
        found = await self._store.claim(*asked)
        if self.is_slow and found:
            self.claims.append(Deferred())
            await self.claims[-1]
        return found

    def claim(self, *asked: Any) -> Any:
        return ensureDeferred(self._claimed(*asked))


@pytest_twisted.ensureDeferred
async def test_a_try_that_comes_when_the_loop_ends_is_left_to_others_too(rig: Rig) -> None:
    slow = Slow(rig.store)
    rig.destination.answers.append(Down("gone"))
    await rig.queue(1)
    loop = rig.loop(slow)
    await rig.settled(1)
    slow.is_slow = True
    while not slow.claims:
        await deferLater(reactor, 0.01)
    assert rig.destination.breaker.room(1) == 0
    over = ensureDeferred(loop.drain(5))
    slow.claims[0].callback(None)
    await over
    assert rig.destination.breaker.room(1) == 1
    assert rig.stored(1).state is State.QUEUED


@pytest_twisted.ensureDeferred
async def test_a_try_is_made_while_others_still_wait_for_their_answers(rig: Rig) -> None:
    rig.destination.answers.extend([None, Down("gone")])
    for number in (1, 2, 3):
        await rig.queue(number, patient=f"T{number}")
    rig.loop()
    await rig.settled(3)
    assert sorted(rig.destination.taken) == ["2", "3"]
    assert [line["attempt"] for line in rig.events("delivery.settled")] == [1, 1, 1]
    rig.destination.waiting[0].callback(Delivered())
    await rig.settled(4)


# --- a store in trouble -----------------------------------------------------------------------


class Troubled:
    """A store whose calls fail so often before they reach it."""

    def __init__(
        self,
        store: SqliteStore,
        failure: Exception = StoreError("database or disk is full"),  # noqa: B008 - never changed
        **failures: int,
    ) -> None:
        self._store = store
        self._failure = failure
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        if self._failures.get(name, 0) > 0:
            self._failures[name] -= 1
            return lambda *_, **__: fail(self._failure)
        return getattr(self._store, name)


@pytest_twisted.ensureDeferred
async def test_a_store_that_cannot_claim_is_asked_again(rig: Rig) -> None:
    await rig.queue(1)
    rig.loop(Troubled(rig.store, claim=2))
    await rig.settled(1)
    assert rig.destination.taken == ["1"]
    (line,) = rig.events("delivery.store-failed")
    assert line["doing"] == "claim"


@pytest_twisted.ensureDeferred
async def test_a_store_that_cannot_settle_is_asked_again_and_nothing_is_sent_twice(
    rig: Rig,
) -> None:
    await rig.queue(1, 2)
    rig.loop(Troubled(rig.store, settle=1))
    await rig.settled(2)
    assert rig.destination.taken == ["1", "2"]


@pytest.mark.parametrize("doing", ["claim", "settle"])
@pytest_twisted.ensureDeferred
async def test_a_fault_of_ours_in_the_store_stops_neither_the_destination_nor_the_end(
    rig: Rig, doing: str
) -> None:
    await rig.queue(1, 2)
    loop = rig.loop(Troubled(rig.store, KeyError("Testpatient"), **{doing: 1}))
    await rig.settled(2)
    assert rig.destination.taken == ["1", "2"]
    (line,) = rig.events("delivery.store-failed")
    assert (line["doing"], line["fault"]) == (doing, "KeyError")
    assert "Testpatient" not in rig.lines.getvalue()
    await loop.drain(5)
    assert loop.under_way == 0


@pytest_twisted.ensureDeferred
async def test_the_end_does_not_wait_for_a_store_that_never_answers(rig: Rig) -> None:
    await rig.queue(1)
    loop = rig.loop(Troubled(rig.store, settle=1000))
    await rig.destination.arrived(1)
    await loop.drain(5)
    assert rig.states == []
    assert await rig.store.release("clinic") == 1


# --- the end ----------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_draining_lets_end_what_is_under_way_and_leaves_the_rest_queued(rig: Rig) -> None:
    rig.destination.answers.extend([None] * 4)
    for number in range(1, 21):
        await rig.queue(number, patient=f"T{number}")
    loop = rig.loop()
    await rig.destination.arrived(4)
    over = ensureDeferred(loop.drain(30))
    for waiting in rig.destination.waiting:
        waiting.callback(Delivered())
    await over
    assert len(rig.destination.taken) == 4
    states = [rig.stored(number).state for number in range(1, 21)]
    assert (states.count(State.DELIVERED), states.count(State.QUEUED)) == (4, 16)
    assert {rig.stored(number).attempt for number in range(5, 21)} == {0}
    rig.loop()
    await rig.settled(20)


@pytest_twisted.ensureDeferred
async def test_what_does_not_end_in_time_is_broken_off_and_queued(rig: Rig) -> None:
    rig.destination.answers.append(None)
    await rig.queue(1)
    loop = rig.loop()
    await rig.destination.arrived(1)
    await loop.drain(0.01)
    assert rig.stored(1).state is State.QUEUED
    assert rig.stored(1).attempt == 0


@pytest_twisted.ensureDeferred
async def test_draining_with_nothing_under_way_ends_at_once(rig: Rig) -> None:
    loop = rig.loop()
    await loop.drain(30)
    await rig.queue(1)
    loop.wake()
    assert rig.destination.begun == []


# --- what is shown ----------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_each_settlement_is_one_line_and_one_count(rig: Rig) -> None:
    rig.destination.answers.extend([outcome.Retry("HTTP 503", 0.01), Dead("x")])
    await rig.queue(1, 2)
    rig.loop()
    await rig.settled(3)
    lines = rig.events("delivery.settled")
    assert [line["verdict"] for line in lines] == ["retry", "dead", "delivered"]
    assert [line["state"] for line in lines] == ["queued", "dead", "delivered"]
    assert lines[0]["reason"] == "HTTP 503"
    assert set(lines[0]) >= {"channel", "destination", "message", "attempt", "seconds"}
    text = rig.metrics.render().decode()
    for count in ("retried", "dead", "delivered"):
        assert f'mllp_engine_deliveries_{count}_total{{destination="clinic"}} 1.0' in text
