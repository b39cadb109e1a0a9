import sqlite3
from pathlib import Path

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.lifecycle import Event, Outcome, State
from engine.store.accept import accept
from engine.store.opening import short_session
from engine.store.reader import Reader
from engine.store.replay import Review, replay
from engine.store.session import Session
from engine.store.sqlite import Search, SqliteStore
from tests.store.messages import NOW, received


async def some(store: SqliteStore) -> None:
    await store.accept(received(1))
    await store.accept(received(2, patient="T2", type="ADT^A08", sender="ADT|CLINIC"))
    await store.accept(received(3, channel="other", order="", patient=""))
    await store.accept(received(4, outcome=Outcome.REFUSED, type="MDM^T02", destinations=()))
    await store.accept(received(1))
    (claim, _) = await store.claim("clinic", 2, NOW)
    await store.settle(claim.delivery_id, Event.REFUSED, now=NOW, detail="422")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), [5, 4, 3, 2, 1]),
        (Search(limit=2), [5, 4]),
        (Search(control_id="1"), [5, 1]),
        (Search(type="ORU"), [5, 3, 1]),
        (Search(type="ORU^R01"), [5, 3, 1]),
        (Search(type="OR^R01"), []),
        (Search(sender="ADT|CLINIC"), [2]),
        (Search(sender="LAB"), [5, 4, 3, 1]),
        (Search(patient="T2"), [2]),
        (Search(patient=""), []),
        (Search(order="F2"), [2]),
        (Search(channel="other"), [3]),
        (Search(channel="nobody"), []),
        (Search(outcome=Outcome.DUPLICATE), [5]),
        (Search(outcome=Outcome.ACCEPTED, channel="lab"), [2, 1]),
        (Search(state=State.DEAD), [1]),
        (Search(state=State.SENDING), [2]),
        (Search(state=State.QUEUED), [3]),
        (Search(state=State.DEAD, type="ADT"), []),
        (Search(since=NOW + 3), [4, 3]),
        (Search(since=NOW + 3, type="MDM"), [4]),
        (Search(since=NOW + 300), []),
        (Search(control_id="1", patient="T1", order="F1", type="ORU", since=NOW), [5, 1]),
    ],
    ids=str,
)
@pytest_twisted.ensureDeferred
async def test_messages_are_found_by_what_is_known_of_them(
    store: SqliteStore, search: Search, found: list[int]
) -> None:
    await some(store)
    assert [message.id for message in await store.find(search)] == found


@pytest_twisted.ensureDeferred
async def test_since_finds_its_beginning_over_gaps(store: SqliteStore) -> None:
    for number in range(1, 30):
        await store.accept(received(number, outcome=Outcome.FILTERED, destinations=()))
    await store.purge(NOW + 10)
    found = await store.find(Search(since=NOW + 20))
    assert [message.id for message in found] == list(range(29, 19, -1))


@pytest_twisted.ensureDeferred
async def test_a_reader_sees_what_is_committed_while_the_engine_writes(
    store: SqliteStore, path: Path
) -> None:
    with store.reader(path) as reader:
        await some(store)
        assert [message.id for message in reader.find(Search())] == [5, 4, 3, 2, 1]
        assert reader.raw(5) == received(1).raw
        assert reader.raw(99) is None
        assert reader.message(99) is None
        assert reader.ledger().balanced
        assert reader.queued()["clinic"].waiting == 1


@pytest_twisted.ensureDeferred
async def test_a_reader_changes_nothing(store: SqliteStore, path: Path) -> None:
    with store.reader(path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM message")


@pytest_twisted.ensureDeferred
async def test_a_damaged_store_is_a_store_error(store: SqliteStore, path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE ledger")
    other.close()
    with pytest.raises(StoreError, match="no such table"):
        await store.queued()


@pytest_twisted.ensureDeferred
async def test_a_command_replays_beside_the_running_engine(store: SqliteStore, path: Path) -> None:
    await some(store)
    with short_session(path, lambda: NOW) as session:
        replay(session, Review(1))
    assert [claim.message_id for claim in await store.claim("clinic", 9, NOW)] == [1, 3]
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_a_command_that_is_refused_changes_nothing(store: SqliteStore, path: Path) -> None:
    await some(store)
    with (
        pytest.raises(StoreError, match="on its way"),
        short_session(path, lambda: NOW) as session,
    ):
        replay(session, Review(2))
    assert (await store.ledger(verify=True)).balanced


def test_a_command_does_not_make_a_store(path: Path) -> None:
    with (
        pytest.raises(StoreError, match="no engine has run"),
        short_session(path, lambda: NOW),
    ):
        raise AssertionError("there was none")
    assert not path.exists()


def test_the_last_message_of_each_channel_is_known_without_a_look_at_all(
    session: Session, path: Path
) -> None:
    calls = [received(n, channel=f"lab{n % 3}", sender=f"S{n % 7}|T") for n in range(3000)]
    calls += [received(3001, channel="lab1", outcome=Outcome.REFUSED, destinations=(), lanes=())]
    calls += [received(3002, channel="", outcome=Outcome.QUARANTINED, destinations=(), lanes=())]
    session.connection.execute("BEGIN")
    accept(session, calls)
    session.connection.execute("COMMIT")
    with Reader(path) as reader:
        steps: list[int] = []
        reader._connection.set_progress_handler(lambda: steps.append(1), 1000)
        found = reader.last_received()
    assert found == {"lab0": NOW + 2997, "lab1": NOW + 3001, "lab2": NOW + 2999}
    assert len(steps) <= 15


def test_an_empty_store_has_no_last_message(session: Session, path: Path) -> None:
    with Reader(path) as reader:
        assert reader.last_received() == {}
