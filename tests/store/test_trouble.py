"""A store that cannot write promises nothing, says why, and recovers by itself."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.lifecycle import Event
from engine.store import session as session_module
from engine.store.accept import accept
from engine.store.kinds import Kind
from engine.store.session import Session
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW, received
from tests.store.threaded import ThreadedStore


async def in_thread(store: SqliteStore, run: Callable[[Session], Any]) -> Any:
    """Do something with the writer's own connection, as a call of its own."""

    def each(session: Session, calls: Sequence[None]) -> list[Any]:
        return [run(session) for _ in calls]

    return await store._open_writer.submit(Kind("test", 99, each), None)


def pragma(name: str) -> Callable[[Session], Any]:
    return lambda session: session.connection.execute(f"PRAGMA {name}").fetchone()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "PATIENCE", 0.05)


@pytest_twisted.ensureDeferred
async def test_a_full_disk_fails_each_message_and_keeps_none_of_them(store: SqliteStore) -> None:
    await store.accept(received(1))
    (pages,) = await in_thread(store, pragma("page_count"))
    await in_thread(store, pragma(f"max_page_count = {pages + 2}"))
    large = bytes(100_000)
    waiting = [store.accept(received(number, raw=large)) for number in range(2, 6)]
    for deferred in waiting:
        with pytest.raises(StoreError, match="full"):
            await deferred
    ledger = await store.ledger(verify=True)
    assert ledger.balanced
    assert sum(account.received for account in ledger.messages) == 1
    # Somebody makes room:
    await in_thread(store, pragma("max_page_count = 100000"))
    assert (await store.accept(received(6, raw=large))).message_id == 2


@pytest_twisted.ensureDeferred
async def test_a_store_that_another_process_holds_fails_each_call_until_it_lets_go(
    store: SqliteStore, path: Path
) -> None:
    await in_thread(store, pragma("busy_timeout = 50"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for deferred in [store.accept(received(1)), store.claim("clinic", 1, NOW)]:
        with pytest.raises(StoreError, match="locked"):
            await deferred
    other.execute("ROLLBACK")
    other.close()
    assert (await store.accept(received(1))).message_id == 1


@pytest_twisted.ensureDeferred
async def test_a_store_that_turned_read_only_fails_a_call_and_is_opened_again(
    store: SqliteStore,
) -> None:
    await in_thread(store, pragma("query_only = ON"))
    with pytest.raises(StoreError, match="readonly"):
        await store.accept(received(1))
    # A connection that was refused to write is replaced by the next call's.
    assert (await store.accept(received(1))).message_id == 1


@pytest_twisted.ensureDeferred
async def test_while_the_file_cannot_be_opened_again_calls_go_on_failing(
    store: SqliteStore, path: Path
) -> None:
    await store.accept(received(1))
    await in_thread(store, pragma("query_only = ON"))
    with pytest.raises(StoreError):
        await store.accept(received(2))
    moved = path.rename(path.with_name("moved"))
    path.mkdir()
    with pytest.raises(StoreError, match="another file"):
        await store.accept(received(2))
    path.rmdir()
    moved.rename(path)
    assert (await store.accept(received(2))).message_id == 2


@pytest_twisted.ensureDeferred
async def test_a_fault_in_one_call_of_a_commit_loses_only_that_call(store: SqliteStore) -> None:
    good = [store.accept(received(number)) for number in (1, 2)]
    lone_surrogate = store.accept(received(3, reason="\udcff"))
    too_many = store.accept(received(4, destinations=tuple(map(str, range(65)))))
    after = [store.accept(received(number)) for number in (5, 6)]
    assert [(await deferred).message_id for deferred in good] == [1, 2]
    with pytest.raises(UnicodeEncodeError):
        await lone_surrogate
    with pytest.raises(StoreError, match="64 destinations"):
        await too_many
    assert [(await deferred).message_id for deferred in after] == [3, 4]
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_a_new_destination_of_a_call_that_fails_is_not_remembered(
    store: SqliteStore,
) -> None:
    with pytest.raises(UnicodeEncodeError):
        await store.accept(received(1, destinations=("new",), reason="\udcff"))
    await store.accept(received(1, destinations=("new",)))
    assert (await store.queued())["new"].waiting == 1
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_a_fault_that_undoes_the_whole_transaction_fails_all_of_it(
    store: SqliteStore,
) -> None:
    def undo(session: Session) -> None:
        session.connection.execute("ROLLBACK")
        raise ValueError("a fault")

    store.settle_many(())  # what is asked for while this is done is one group
    accepted = store.accept(received(1))
    undone = in_thread(store, undo)
    with pytest.raises(StoreError, match="a fault"):
        await undone
    with pytest.raises(StoreError):
        await accepted
    assert (await store.accept(received(1))).message_id == 1


@pytest_twisted.ensureDeferred
async def test_a_closed_store_says_so(path: Path) -> None:
    store = ThreadedStore(path)
    with pytest.raises(StoreError, match="not open"):
        await store.accept(received(1))
    store.open()
    last = store.accept(received(1))
    closing = store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.accept(received(2))
    assert (await last).message_id == 1
    await closing


@pytest_twisted.ensureDeferred
async def test_a_deferred_that_nobody_waits_for_any_more_harms_nobody(
    store: SqliteStore,
) -> None:
    given_up = store.accept(received(1))
    given_up.addErrback(lambda _: None)
    given_up.cancel()
    assert (await store.accept(received(2))).message_id == 2


@pytest_twisted.ensureDeferred
async def test_what_was_asked_for_together_is_handed_out_in_one_commit(
    store: SqliteStore,
) -> None:
    accepted = store.accept(received(1))
    claimed = store.claim("clinic", 1, NOW)
    (claim,) = await claimed
    assert claim.message_id == (await accepted).message_id
    settled = store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
    next_accepted, next_claimed = store.accept(received(2)), store.claim("clinic", 1, NOW)
    await settled
    await next_accepted
    assert [claim.message_id for claim in await next_claimed] == [2]


@pytest_twisted.ensureDeferred
async def test_after_a_fault_messages_go_on_being_numbered_without_a_gap(
    store: SqliteStore,
) -> None:
    together = [store.accept(received(number)) for number in (1, 2)]
    refused = store.accept(received(3, reason="\udcff"))
    assert [(await deferred).message_id for deferred in together] == [1, 2]
    with pytest.raises(UnicodeEncodeError):
        await refused
    assert (await store.accept(received(4))).message_id == 3


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 31, 33, 127, 128, 129, 300])
def test_however_many_are_stored_at_once_each_is_stored(session: Session, count: int) -> None:
    receipts = accept(session, [received(n, patient=f"T{n}") for n in range(1, count + 1)])
    assert [receipt.message_id for receipt in receipts] == list(range(1, count + 1))
    run = session.connection.execute
    found = run("SELECT control_id, patient FROM message ORDER BY id").fetchall()
    assert found == [(str(n), f"T{n}") for n in range(1, count + 1)]
    for table in ("delivery", "waiting", "ready"):
        assert run(f"SELECT count(*) FROM {table}").fetchone() == (count,)
    again = accept(session, [received(n, patient=f"T{n}") for n in range(1, count + 1)])
    assert [receipt.original_id for receipt in again] == list(range(1, count + 1))
