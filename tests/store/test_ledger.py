import sqlite3
from pathlib import Path

import pytest_twisted

from engine.lifecycle import Event, Outcome, State
from engine.store.accept import accept
from engine.store.purge import Purge, purge
from engine.store.session import Session
from engine.store.sqlite import Settlement, SqliteStore
from tests.store.messages import NOW, received


async def everything(store: SqliteStore) -> None:
    """One message of each outcome, one delivery in each state."""
    await store.quarantine("2575", "", b"x", "no MSH", NOW)
    for outcome in (Outcome.REFUSED, Outcome.FILTERED, Outcome.ACKNOWLEDGEMENT):
        await store.accept(received(0, outcome=outcome, destinations=()))
    for number in range(1, 6):
        await store.accept(received(number, patient=f"T{number}"))
    await store.accept(received(1))
    events = (Event.ACCEPTED, Event.REFUSED, Event.HELD)
    claims = await store.claim("clinic", 4, NOW)
    for claim, event in zip(claims, events, strict=False):
        await store.settle(claim.delivery_id, event, now=NOW)


@pytest_twisted.ensureDeferred
async def test_both_identities_name_everything(store: SqliteStore) -> None:
    await everything(store)
    ledger = await store.ledger(verify=True)
    assert ledger.balanced
    unrouted, lab = ledger.messages
    assert (unrouted.channel, unrouted.port, unrouted.received) == ("", "2575", 1)
    assert unrouted.outcomes[Outcome.QUARANTINED] == 1
    assert lab.received == 9
    assert lab.outcomes == {
        Outcome.ACCEPTED: 5,
        Outcome.REFUSED: 1,
        Outcome.FILTERED: 1,
        Outcome.DUPLICATE: 1,
        Outcome.ACKNOWLEDGEMENT: 1,
        Outcome.QUARANTINED: 0,
    }
    (clinic,) = ledger.deliveries
    assert (clinic.destination, clinic.accepted) == ("clinic", 5)
    assert clinic.states == dict.fromkeys(State, 1)


@pytest_twisted.ensureDeferred
async def test_the_counters_survive_a_purge(store: SqliteStore) -> None:
    await everything(store)
    before = await store.ledger(verify=True)
    assert await store.purge(NOW + 100) > 0
    assert await store.ledger(verify=True) == before


@pytest_twisted.ensureDeferred
async def test_a_lost_row_is_found(store: SqliteStore, path: Path) -> None:
    await everything(store)
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM delivery WHERE state = 'held'")
        other.execute("DELETE FROM message WHERE outcome = 'refused'")
    other.close()
    ledger = await store.ledger(verify=True)
    assert not ledger.balanced
    assert ledger.faults == (
        "deliveries to clinic: 1 held, 0 of them purged, but 0 rows",
        "messages of lab on port 2575: 1 refused, 0 of them purged, but 0 rows",
    )
    assert (await store.ledger()).balanced  # the counters alone cannot know


@pytest_twisted.ensureDeferred
async def test_a_counter_that_is_off_unbalances_the_ledger(store: SqliteStore, path: Path) -> None:
    await everything(store)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE ledger SET counted = counted + 1 WHERE entry = 'received'")
    other.close()
    ledger = await store.ledger()
    assert not ledger.balanced
    assert [account.balanced for account in ledger.messages] == [False, False]
    assert ledger.as_json()["balanced"] is False


@pytest_twisted.ensureDeferred
async def test_an_empty_ledger_balances(store: SqliteStore) -> None:
    assert (await store.ledger(verify=True)).balanced


# --- retention -------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_purge_forgets_what_is_delivered_and_keeps_what_is_not(
    store: SqliteStore,
) -> None:
    await everything(store)  # messages 1 to 9, the fifth is delivered
    await store.accept(received(10))
    assert await store.purge(NOW + 6) == 6
    kept = [number for number in range(1, 12) if await store.message(number)]
    assert kept == [6, 7, 8, 9, 11]


@pytest_twisted.ensureDeferred
async def test_what_never_reached_a_channel_is_kept_as_long_as_what_is_delivered(
    store: SqliteStore,
) -> None:
    await store.quarantine("2575", "", b"x", "no MSH", NOW)
    await store.accept(received(9))
    assert await store.purge(NOW) == 0
    assert await store.purge(NOW + 1) == 1
    assert await store.message(1) is None


def test_a_purge_looks_at_nothing_that_is_younger(session: Session) -> None:
    accept(session, [received(n, outcome=Outcome.FILTERED, destinations=()) for n in range(3000)])
    session.connection.execute("UPDATE message SET received_at = ? WHERE id = 1", (NOW - 100,))
    steps: list[int] = []
    session.connection.set_progress_handler(lambda: steps.append(1), 1000)
    assert purge(session, Purge(NOW)).messages == 1
    assert len(steps) <= 5


@pytest_twisted.ensureDeferred
async def test_a_purge_of_many_is_several_short_commits(store: SqliteStore) -> None:
    for receipt in [store.accept(received(n, patient=f"T{n}")) for n in range(1100)]:
        await receipt
    while claims := await store.claim("clinic", 500, NOW):
        await store.settle_many([Settlement(c.delivery_id, Event.ACCEPTED, NOW) for c in claims])
    assert await store.purge(NOW + 5000) == 1099
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_a_number_is_never_given_twice(store: SqliteStore) -> None:
    for number in (1, 2):
        await store.accept(received(number, outcome=Outcome.FILTERED, destinations=()))
    await store.purge(NOW + 100)
    assert (await store.accept(received(3))).message_id == 3


@pytest_twisted.ensureDeferred
async def test_the_queue_of_a_destination_knows_its_length_and_its_oldest(
    store: SqliteStore,
) -> None:
    for number in range(1, 5):
        await store.accept(received(number, patient=f"T{number % 2}"))
    assert await store.queued() == {"clinic": (4, NOW + 1)}
    first, second = await store.claim("clinic", 5, NOW)
    assert await store.queued() == {"clinic": (2, NOW + 1)}
    await store.settle(first.delivery_id, Event.ACCEPTED, now=NOW)
    await store.settle(second.delivery_id, Event.RETRYABLE, now=NOW, not_before=NOW + 9)
    assert await store.queued() == {"clinic": (3, NOW + 2)}
    (third,) = await store.claim("clinic", 5, NOW)
    await store.settle(third.delivery_id, Event.ACCEPTED, now=NOW)
    for _ in range(2):
        (claim,) = await store.claim("clinic", 5, NOW + 9)
        await store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
    assert await store.queued() == {"clinic": (0, None)}
