import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.lifecycle import Event, State
from engine.store.sqlite import Claimed, SqliteStore
from tests.store.messages import NOW, received


async def settle_next(store: SqliteStore, event: Event) -> Claimed:
    (claim,) = await store.claim("clinic", 1, NOW)
    await store.settle(claim.delivery_id, event, now=NOW, detail="said so")
    return claim


async def states(store: SqliteStore, message_id: int) -> list[State]:
    message = await store.message(message_id)
    assert message is not None
    return [delivery.state for delivery in message.deliveries]


@pytest_twisted.ensureDeferred
async def test_a_dead_letter_is_sent_again_from_its_first_attempt(store: SqliteStore) -> None:
    await store.accept(received(1))
    dead = await settle_next(store, Event.REFUSED)
    assert await store.replay(1) == [dead.delivery_id]
    (again,) = await store.claim("clinic", 1, NOW)
    assert (again.delivery_id, again.attempt, again.raw) == (dead.delivery_id, 1, dead.raw)


@pytest_twisted.ensureDeferred
async def test_a_held_delivery_goes_on_where_it_stands(store: SqliteStore) -> None:
    await store.accept(received(1))
    await store.accept(received(2))
    await settle_next(store, Event.HELD)
    await store.replay(1)
    assert [c.message_id for c in await store.claim("clinic", 9, NOW)] == [1]


@pytest_twisted.ensureDeferred
async def test_a_replay_takes_its_old_place_before_what_still_waits(store: SqliteStore) -> None:
    await store.accept(received(1))
    await store.accept(received(2))
    await settle_next(store, Event.REFUSED)
    await store.replay(1)
    first = await settle_next(store, Event.ACCEPTED)
    second = await settle_next(store, Event.ACCEPTED)
    assert (first.message_id, second.message_id) == (1, 2)


@pytest_twisted.ensureDeferred
async def test_a_replay_is_refused_when_its_lane_has_delivered_something_newer(
    store: SqliteStore,
) -> None:
    await store.accept(received(1))
    await store.accept(received(2))
    await settle_next(store, Event.REFUSED)
    await settle_next(store, Event.ACCEPTED)
    with pytest.raises(StoreError, match="force"):
        await store.replay(1)
    assert await states(store, 1) == [State.DEAD]
    await store.replay(1, force=True)
    assert await states(store, 1) == [State.QUEUED]


@pytest_twisted.ensureDeferred
async def test_a_replay_is_refused_while_its_lane_is_sending_something_newer(
    store: SqliteStore,
) -> None:
    await store.accept(received(1))
    await store.accept(received(2))
    await settle_next(store, Event.REFUSED)
    (sending,) = await store.claim("clinic", 1, NOW)
    with pytest.raises(StoreError, match="force"):
        await store.replay(1)
    await store.replay(1, force=True)
    assert await store.claim("clinic", 1, NOW) == []
    await store.settle(sending.delivery_id, Event.ACCEPTED, now=NOW)
    assert [c.message_id for c in await store.claim("clinic", 9, NOW)] == [1]


@pytest_twisted.ensureDeferred
async def test_the_newest_delivered_message_of_a_lane_can_be_replayed(
    store: SqliteStore,
) -> None:
    await store.accept(received(1))
    await settle_next(store, Event.ACCEPTED)
    await store.accept(received(2, patient="T2"))
    await settle_next(store, Event.ACCEPTED)
    await store.replay(1)
    assert await states(store, 1) == [State.QUEUED]


@pytest_twisted.ensureDeferred
async def test_a_replay_sends_what_failed_not_what_was_delivered(store: SqliteStore) -> None:
    await store.accept(received(1, destinations=("clinic", "file")))
    await settle_next(store, Event.REFUSED)
    (claim,) = await store.claim("file", 1, NOW)
    await store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
    await store.replay(1)
    assert await states(store, 1) == [State.QUEUED, State.DELIVERED]
    await store.replay(1, "file")
    assert await states(store, 1) == [State.QUEUED, State.QUEUED]


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_replayed_is_said(store: SqliteStore) -> None:
    await store.accept(received(1))
    await store.accept(received(1))
    await store.quarantine("2575", "", b"x", "no MSH", NOW)
    for message, destination, why in (
        (1, None, "on its way"),
        (1, "nowhere", "no delivery to nowhere"),
        (2, None, "repeats message 1"),
        (3, None, "it was quarantined"),
        (4, None, "there is no message 4"),
    ):
        with pytest.raises(StoreError, match=why):
            await store.replay(message, destination)
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_only_what_is_stuck_can_be_given_up(store: SqliteStore) -> None:
    await store.accept(received(1))
    with pytest.raises(StoreError, match="neither held nor dead"):
        await store.abandon(1)
    await settle_next(store, Event.HELD)
    await store.abandon(1)
    assert await states(store, 1) == [State.DEAD]
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_destination_that_is_gone_is_given_up_by_force(
    store: SqliteStore,
) -> None:
    for number in (1, 2, 3):
        await store.accept(received(number))
    with pytest.raises(StoreError, match="neither held nor dead"):
        await store.abandon(1)
    await store.abandon(1, force=True)
    assert await states(store, 1) == [State.DEAD]
    (claim,) = await store.claim("clinic", 5, NOW)  # its lane has gone on, one at a time
    assert claim.message_id == 2
    with pytest.raises(StoreError, match="neither held nor dead"):
        await store.abandon(2, force=True)  # it is being sent
    await store.abandon(3, force=True)
    assert (await store.ledger(verify=True)).balanced


@pytest_twisted.ensureDeferred
async def test_a_replay_is_told_from_what_a_crash_has_left(store: SqliteStore) -> None:
    await store.accept(received(1))
    (first,) = await store.claim("clinic", 1, NOW)
    await store.release()  # as a start does after a crash
    (again,) = await store.claim("clinic", 1, NOW)
    await store.settle(again.delivery_id, Event.ACCEPTED, now=NOW)
    await store.replay(1)
    (replayed,) = await store.claim("clinic", 1, NOW)
    await store.settle(replayed.delivery_id, Event.RELEASED, now=NOW, untouched=True)
    (given_back,) = await store.claim("clinic", 1, NOW)
    await store.release()
    (left,) = await store.claim("clinic", 1, NOW)
    claims = (first, again, replayed, given_back, left)
    assert [claim.replayed for claim in claims] == [False, False, True, True, False]
    assert [claim.attempt for claim in claims] == [1] * 5
