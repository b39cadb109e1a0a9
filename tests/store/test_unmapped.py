"""The worklist of codes that no table holds."""

from dataclasses import astuple
from pathlib import Path

import pytest
import pytest_twisted

from engine.lifecycle import Event
from engine.store import worklist
from engine.store.records import HeldDelivery, MissingCodes, Settlement, UnmappedCode
from engine.store.session import Session
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW, received

PCN = ("allergens", "PCN", "penicillin")
TYPED = ("allergens", "", "penicillin (rash)")


async def settled(
    store: SqliteStore,
    *codes: tuple[str, str, str],
    event: Event = Event.ACCEPTED,
    now: float = NOW,
) -> int:
    """Claim the next delivery to each destination and settle it; the message's number."""
    numbers = set()
    for destination in ("clinic", "archive"):
        for claimed in await store.claim(destination, 1, now):
            missing = MissingCodes(claimed.channel, codes)
            await store.settle(claimed.delivery_id, event, now=now, missing=missing)
            numbers.add(claimed.message_id)
    (number,) = numbers
    return number


def counts(found: list[UnmappedCode]) -> dict[tuple[str, str], int]:
    return {(entry.code, entry.text): entry.count for entry in found}


@pytest_twisted.ensureDeferred
async def test_a_code_is_counted_with_its_example_and_its_times(store: SqliteStore) -> None:
    for number in (1, 2, 3):
        await store.accept(received(number))
        await settled(store, PCN, *([TYPED] if number == 2 else []), now=NOW + number)
    often, once = await store.unmapped()
    assert astuple(often)[1:] == ("lab", *PCN, 3, NOW + 1, NOW + 3, 1)
    assert astuple(once)[1:] == ("lab", *TYPED, 1, NOW + 2, NOW + 2, 2)


@pytest_twisted.ensureDeferred
async def test_retries_replays_and_further_destinations_count_nothing_again(
    store: SqliteStore,
) -> None:
    await store.accept(received(1, destinations=("clinic", "archive")))
    number = await settled(store, PCN, event=Event.RETRYABLE)
    await settled(store, PCN, event=Event.RELEASED)
    await settled(store, PCN)
    await store.replay(number)
    await settled(store, PCN, TYPED)
    assert counts(await store.unmapped()) == {PCN[1:]: 1, TYPED[1:]: 1}


@pytest_twisted.ensureDeferred
async def test_the_list_is_narrowed_by_channel_and_table(store: SqliteStore) -> None:
    await store.accept(received(1))
    await settled(store, PCN, ("sexes", "W", ""))
    await store.accept(received(2, channel="ward", patient="T2"))
    await settled(store, PCN)
    assert len(await store.unmapped()) == 3
    assert [entry.channel for entry in await store.unmapped("ward")] == ["ward"]
    assert [entry.code for entry in await store.unmapped(table="sexes")] == ["W"]
    assert await store.unmapped("ward", "sexes") == []


@pytest_twisted.ensureDeferred
async def test_what_is_forgotten_is_counted_from_1_when_it_comes_again(store: SqliteStore) -> None:
    await store.accept(received(1))
    await settled(store, PCN, TYPED)
    (entry,) = [one for one in await store.unmapped() if one.code == "PCN"]
    assert await store.forget_unmapped([entry.id, 99]) == 1
    assert len(await store.unmapped()) == 1
    await store.accept(received(2))
    await settled(store, PCN)
    again = next(one for one in await store.unmapped() if one.code == "PCN")
    assert (again.count, again.example) == (1, 2)
    assert again.id != entry.id


@pytest_twisted.ensureDeferred
async def test_held_deliveries_are_found_by_the_codes_of_their_messages(
    store: SqliteStore, path: Path
) -> None:
    for number, codes, event in (
        (1, [PCN], Event.HELD), (2, [TYPED], Event.HELD), (3, [PCN], Event.ACCEPTED),
        (4, [PCN, TYPED], Event.HELD),
    ):  # fmt: skip
        await store.accept(received(number, patient=f"T{number}"))
        await settled(store, *codes, event=event)
    (pcn,) = [entry.id for entry in await store.unmapped() if entry.code]
    with store.reader(path) as reader:
        assert reader.held_with([pcn]) == [HeldDelivery(1, "clinic"), HeldDelivery(4, "clinic")]
        assert reader.held_with([]) == []


def test_what_is_held_is_found_without_a_look_at_all_deliveries(session: Session) -> None:
    rows = ",".join(f"({64 * n}, {n}, 1, 'delivered', '[1]', 0)" for n in range(1, 3001))
    into = "delivery (id, message, destination, state, lanes, blocked)"
    session.destination("clinic")
    session.connection.execute(f"INSERT INTO {into} VALUES {rows}, (9, 0, 1, 'held', '[1]', 0)")
    noted(session, 0, PCN)
    steps: list[int] = []
    session.connection.set_progress_handler(lambda: steps.append(1), 1000)
    assert worklist.held_with(session.connection, [1]) == [HeldDelivery(0, "clinic")]
    assert len(steps) <= 1


@pytest_twisted.ensureDeferred
async def test_a_purge_forgets_which_messages_had_a_code_and_not_the_count(
    store: SqliteStore, path: Path
) -> None:
    for number in (1, 2):
        await store.accept(received(number))
        await settled(store, PCN)
    assert await store.purge(NOW + 2) == 1
    with store.reader(path) as reader:
        rows = reader._connection.execute("SELECT message FROM unmapped_in").fetchall()
    assert rows == [(2,)]
    assert counts(await store.unmapped()) == {PCN[1:]: 2}


def noted(session: Session, message: int, *codes: tuple[str, str, str]) -> None:
    missing = MissingCodes("lab", codes)
    told = Settlement(message * 64, Event.ACCEPTED, NOW, missing=missing)
    worklist.note(session, [told])


def test_free_text_where_codes_belong_does_not_fill_the_store(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "AT_MOST", 5)
    for number in range(1, 4):
        noted(session, number, *[("notes", "", f"text {number}.{n}" * 99) for n in range(3)], PCN)
    found = worklist.entries(session.connection, "", "notes")
    assert len(found) == 5
    assert {len(entry.text) for entry in found} == {worklist.LONGEST}
    assert [e.count for e in worklist.entries(session.connection, "", "allergens")] == [3]


def test_a_text_that_is_no_unicode_is_kept_as_well_as_it_can_be(session: Session) -> None:
    noted(session, 1, ("notes", "\ud800", ""))
    assert [entry.code for entry in worklist.entries(session.connection, "", "")] == ["?"]


def test_many_settlements_at_once_are_counted_together(session: Session) -> None:
    told = [
        Settlement(
            message * 64 + nth, Event.ACCEPTED, NOW + message,
            missing=MissingCodes("lab", (PCN, ("sexes", str(message % 7), ""))),
        )
        for message in range(1, 300)
        for nth in (0, 1)
    ]  # fmt: skip
    session.connection.execute("BEGIN")
    worklist.note(session, told)
    session.connection.execute("COMMIT")
    first, *rest = worklist.entries(session.connection, "", "")
    assert (first.count, first.example, first.last_seen) == (299, 1, NOW + 299)
    assert sum(entry.count for entry in rest) == 299
