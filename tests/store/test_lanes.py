"""Order inside a lane, parallel between lanes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.lifecycle import Event, State
from engine.store.sqlite import Claimed, Settlement, SqliteStore
from tests.store.messages import NOW, received


async def claimed(store: SqliteStore, limit: int = 100, now: float = NOW) -> list[Claimed]:
    return await store.claim("clinic", limit, now)


def numbers(claims: Sequence[Claimed]) -> list[int]:
    return [claim.message_id for claim in claims]


async def accept(store: SqliteStore, *lanes: Sequence[str]) -> None:
    """Messages 1, 2, ... each in these lanes."""
    for number, names in enumerate(lanes, 1):
        await store.accept(received(number, lanes=tuple(f"clinic|{name}" for name in names)))


@pytest_twisted.ensureDeferred
async def test_a_claim_has_what_sending_needs(store: SqliteStore) -> None:
    await store.accept(received(1))
    (claim,) = await claimed(store)
    assert (claim.channel, claim.destination, claim.attempt) == ("lab", "clinic", 1)
    assert (claim.raw, claim.received_at) == (received(1).raw, NOW + 1)
    assert claim.configuration == "c0ffee"
    assert len(claim.lanes) == 1


@pytest_twisted.ensureDeferred
async def test_a_lane_is_sent_one_by_one_in_its_order(store: SqliteStore) -> None:
    await accept(store, "A", "A", "A")
    for number in (1, 2, 3):
        (claim,) = await claimed(store)
        assert claim.message_id == number
        assert await claimed(store) == []
        await store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
    assert await claimed(store) == []


@pytest_twisted.ensureDeferred
async def test_lanes_go_side_by_side(store: SqliteStore) -> None:
    await accept(store, "A", "B", "A", "C")
    assert numbers(await claimed(store)) == [1, 2, 4]


@pytest_twisted.ensureDeferred
async def test_what_one_commit_brings_is_in_order_too(store: SqliteStore) -> None:
    waiting = [store.accept(received(number, patient=f"T{number % 2}")) for number in range(6)]
    for receipt in waiting:
        await receipt
    assert numbers(await claimed(store)) == [1, 2]


@pytest_twisted.ensureDeferred
async def test_a_message_of_two_lanes_waits_for_both_and_both_wait_for_it(
    store: SqliteStore,
) -> None:
    await accept(store, "A", "B", "AB", "A", "B")
    first, second = await claimed(store)
    await store.settle(first.delivery_id, Event.ACCEPTED, now=NOW)
    assert await claimed(store) == []
    await store.settle(second.delivery_id, Event.ACCEPTED, now=NOW)
    (merge,) = await claimed(store)
    assert merge.message_id == 3
    assert await claimed(store) == []
    await store.settle(merge.delivery_id, Event.ACCEPTED, now=NOW)
    assert numbers(await claimed(store)) == [4, 5]


@pytest_twisted.ensureDeferred
async def test_both_lanes_settled_in_one_commit_let_the_merge_go(store: SqliteStore) -> None:
    await accept(store, "A", "B", "AB")
    done = [Settlement(c.delivery_id, Event.ACCEPTED, NOW) for c in await claimed(store)]
    assert await store.settle_many(done) == [State.DELIVERED] * 2
    assert numbers(await claimed(store)) == [3]


@pytest_twisted.ensureDeferred
async def test_destinations_of_one_scope_share_its_lanes(store: SqliteStore) -> None:
    lanes = ("server|A",)
    await store.accept(received(1, destinations=("one",), scopes=("server",), lanes=lanes))
    await store.accept(received(2, destinations=("two",), scopes=("server",), lanes=lanes))
    assert await store.claim("two", 10, NOW) == []
    (claim,) = await store.claim("one", 10, NOW)
    await store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
    assert numbers(await store.claim("two", 10, NOW)) == [2]


@pytest_twisted.ensureDeferred
async def test_destinations_of_other_scopes_do_not_wait_for_each_other(
    store: SqliteStore,
) -> None:
    await store.accept(received(1, destinations=("clinic", "file"), lanes=("clinic|A", "file|A")))
    assert numbers(await store.claim("file", 10, NOW)) == [1]
    assert numbers(await store.claim("clinic", 10, NOW)) == [1]


@pytest_twisted.ensureDeferred
async def test_a_claim_is_never_more_than_its_limit_and_takes_the_oldest(
    store: SqliteStore,
) -> None:
    await accept(store, *"ABCDE")
    assert numbers(await claimed(store, 2)) == [1, 2]
    assert numbers(await claimed(store, 2)) == [3, 4]
    assert numbers(await claimed(store, 2)) == [5]


@pytest_twisted.ensureDeferred
async def test_a_claim_is_no_longer_than_goes_between_two_processes_but_one_message_always_goes(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.claims.CLAIM_BYTES", 1000)
    for number, size in enumerate((600, 600, 5000, 10), 1):
        await store.accept(received(number, raw=b"A" * size, lanes=(f"clinic|{number}",)))
    assert numbers(await claimed(store)) == [1, 2]
    assert numbers(await claimed(store)) == [3]
    assert numbers(await claimed(store)) == [4]
    assert (await store.ledger(verify=True)).balanced


# --- after an attempt ------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_retry_waits_for_its_time_and_keeps_its_lane(store: SqliteStore) -> None:
    await accept(store, "A", "A", "B")
    first, other = await claimed(store)
    settled = store.settle(first.delivery_id, Event.RETRYABLE, now=NOW, not_before=NOW + 30)
    assert await settled is State.QUEUED
    await store.settle(other.delivery_id, Event.ACCEPTED, now=NOW)
    assert await claimed(store, now=NOW + 29) == []
    assert await store.next_due("clinic") == NOW + 30
    (again,) = await claimed(store, now=NOW + 30)
    assert (again.message_id, again.attempt) == (1, 2)


@pytest_twisted.ensureDeferred
async def test_what_is_released_was_no_attempt(store: SqliteStore) -> None:
    await accept(store, "A")
    (claim,) = await claimed(store)
    await store.settle(claim.delivery_id, Event.RELEASED, now=NOW)
    assert await store.next_due("clinic") == 0.0
    (again,) = await claimed(store)
    assert again.attempt == 1


@pytest_twisted.ensureDeferred
async def test_retries_that_are_due_and_new_messages_share_a_claim(store: SqliteStore) -> None:
    await accept(store, *"ABCD")
    for claim in await claimed(store):
        await store.settle(claim.delivery_id, Event.RETRYABLE, now=NOW, not_before=NOW + 1)
    for number in range(5, 9):
        await store.accept(received(number, patient=f"P{number}"))
    now = NOW + 2
    assert sorted(numbers(await claimed(store, 4, now))) == [1, 2, 5, 6]
    assert sorted(numbers(await claimed(store, 4, now))) == [3, 4, 7, 8]


@pytest_twisted.ensureDeferred
async def test_after_a_dead_letter_the_lane_goes_on(store: SqliteStore) -> None:
    await accept(store, "A", "A")
    (claim,) = await claimed(store)
    settled = store.settle(claim.delivery_id, Event.REFUSED, now=NOW, detail="422 no subject")
    assert await settled is State.DEAD
    assert numbers(await claimed(store)) == [2]
    message = await store.message(1)
    assert message is not None
    assert message.deliveries[0].detail == "422 no subject"


@pytest_twisted.ensureDeferred
async def test_after_a_dead_letter_the_lane_holds_where_that_is_wanted(
    store: SqliteStore,
) -> None:
    await accept(store, "A", "A", "B")
    claim, _other = await claimed(store)
    await store.settle(claim.delivery_id, Event.REFUSED, now=NOW, on_dead="hold")
    assert await claimed(store) == []
    assert (await store.queued())["clinic"] == (1, NOW + 1)
    await store.abandon(1)
    assert numbers(await claimed(store)) == [2]


@pytest_twisted.ensureDeferred
async def test_a_held_delivery_holds_its_lane_and_no_other(store: SqliteStore) -> None:
    await accept(store, "A", "A", "B", "B")
    held, other = await claimed(store)
    assert await store.settle(held.delivery_id, Event.HELD, now=NOW) is State.HELD
    await store.settle(other.delivery_id, Event.ACCEPTED, now=NOW)
    assert numbers(await claimed(store)) == [4]


@pytest_twisted.ensureDeferred
async def test_what_cannot_happen_is_refused_and_changes_nothing(store: SqliteStore) -> None:
    await accept(store, "A", "A")
    (claim,) = await claimed(store)
    await store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
    for delivery in (claim.delivery_id, claim.delivery_id + 64, 4711):
        with pytest.raises(StoreError):
            await store.settle(delivery, Event.ACCEPTED, now=NOW)
    assert (await store.ledger(verify=True)).balanced
    assert numbers(await claimed(store)) == [2]


@pytest_twisted.ensureDeferred
async def test_one_settlement_that_cannot_be_leaves_the_others_of_its_commit_alone(
    store: SqliteStore,
) -> None:
    await accept(store, "A", "B")
    one, other = await claimed(store)
    good = store.settle(one.delivery_id, Event.ACCEPTED, now=NOW)
    wrong = store.settle(4711, Event.ACCEPTED, now=NOW)
    twice = store.settle(one.delivery_id, Event.REFUSED, now=NOW)
    also_good = store.settle(other.delivery_id, Event.HELD, now=NOW)
    assert await good is State.DELIVERED
    with pytest.raises(StoreError, match="not being sent"):
        await wrong
    with pytest.raises(StoreError, match="delivered"):
        await twice
    assert await also_good is State.HELD
    assert (await store.ledger(verify=True)).balanced


# --- restarts --------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_order_and_times_are_kept_over_a_restart(store: SqliteStore, path: Path) -> None:
    await accept(store, "A", "A", "B", "C")
    first, second, _third = await claimed(store)
    await store.settle(first.delivery_id, Event.RETRYABLE, now=NOW, not_before=NOW + 60)
    await store.settle(second.delivery_id, Event.ACCEPTED, now=NOW)
    await store.close()
    again = SqliteStore(path, clock=lambda: NOW)
    again.open()
    assert numbers(await claimed(again)) == [4]  # it was being sent
    assert numbers(await claimed(again, now=NOW + 60)) == [1]
    assert await claimed(again, now=NOW + 60) == []
    await again.close()


@pytest_twisted.ensureDeferred
async def test_what_was_being_sent_can_be_released_for_one_destination(
    store: SqliteStore,
) -> None:
    await store.accept(received(1, destinations=("clinic", "file")))
    await store.claim("clinic", 1, NOW)
    await store.claim("file", 1, NOW)
    assert await store.release("clinic") == 1
    assert await store.release() == 1
    assert numbers(await claimed(store)) == [1]


@pytest_twisted.ensureDeferred
async def test_a_destination_that_nobody_knows_has_nothing(store: SqliteStore) -> None:
    assert await store.claim("nowhere", 10, NOW) == []
    assert await store.next_due("nowhere") is None


@pytest_twisted.ensureDeferred
async def test_retries_and_fresh_heads_take_turns_where_there_is_room_for_one(
    store: SqliteStore,
) -> None:
    await accept(store, *[[f"T{number}"] for number in range(1, 5)])
    order = []
    for second in range(6):
        (claim,) = await claimed(store, limit=1, now=NOW + second)
        order += numbers([claim])
        await store.settle(
            claim.delivery_id, Event.RELEASED, now=NOW + second, not_before=NOW + second
        )
    assert order == [1, 2, 1, 3, 2, 4]


@pytest_twisted.ensureDeferred
async def test_what_was_put_off_before_the_clock_was_set_back_is_due(store: SqliteStore) -> None:
    await accept(store, ["T1"], ["T2"])
    for claim, pause in zip(await claimed(store), (299.0, 301.0), strict=True):
        await store.settle(
            claim.delivery_id, Event.RETRYABLE, now=NOW + 3600, not_before=NOW + 3600 + pause
        )
    assert numbers(await store.claim("clinic", 9, NOW + 3600, 300.0)) == [2]
    assert numbers(await store.claim("clinic", 9, NOW + 3600, 300.0)) == []
    assert numbers(await store.claim("clinic", 9, NOW, 300.0)) == [1]
