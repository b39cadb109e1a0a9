import hashlib
from pathlib import Path

import pytest_twisted

from engine.lifecycle import Event, Outcome, State
from engine.store.sqlite import Search, SqliteStore
from tests.store.messages import NOW, received


@pytest_twisted.ensureDeferred
async def test_a_message_is_on_the_disk_when_its_receipt_comes(
    store: SqliteStore, path: Path
) -> None:
    message = received(1)
    receipt = await store.accept(message)
    with store.reader(path) as reader:
        assert reader.raw(receipt.message_id) == message.raw
        stored = reader.message(receipt.message_id)
    assert stored is not None
    assert (stored.channel, stored.port, stored.peer) == ("lab", "2575", "127.0.0.1:40000")
    assert (stored.control_id, stored.sender, stored.type) == ("1", "LAB|TEST", "ORU^R01")
    assert (stored.patient, stored.order, stored.version) == ("T1", "F1", "2.5.1")
    assert (stored.answer, stored.configuration, stored.received_at) == ("AA", "c0ffee", NOW + 1)
    assert [(d.destination, d.state) for d in stored.deliveries] == [("clinic", State.QUEUED)]


@pytest_twisted.ensureDeferred
async def test_every_byte_survives(store: SqliteStore) -> None:
    raw = bytes(range(256)) * 5000
    receipt = await store.accept(received(1, raw=raw))
    kept = await store.raw(receipt.message_id)
    assert kept is not None
    assert hashlib.sha256(kept).digest() == hashlib.sha256(raw).digest()


@pytest_twisted.ensureDeferred
async def test_odd_text_in_what_is_searched_by_is_kept(store: SqliteStore) -> None:
    odd = "a\0b'\"\\ \U0001f600 ü"
    await store.accept(received(1, control_id=odd, patient=odd, reason=odd))
    (found,) = await store.find(Search(control_id=odd))
    assert (found.control_id, found.patient, found.reason) == (odd, odd, odd)


@pytest_twisted.ensureDeferred
async def test_one_message_has_a_delivery_for_each_destination(store: SqliteStore) -> None:
    destinations = ("clinic", "archive", "registry")
    receipt = await store.accept(received(1, destinations=destinations))
    message = await store.message(receipt.message_id)
    assert message is not None
    assert tuple(delivery.destination for delivery in message.deliveries) == destinations


@pytest_twisted.ensureDeferred
async def test_what_is_not_accepted_is_kept_without_deliveries(store: SqliteStore) -> None:
    for number, outcome in enumerate(
        (Outcome.REFUSED, Outcome.FILTERED, Outcome.ACKNOWLEDGEMENT, Outcome.QUARANTINED)
    ):
        receipt = await store.accept(received(number, outcome=outcome, destinations=()))
        message = await store.message(receipt.message_id)
        assert message is not None
        assert (receipt.outcome, message.outcome, message.deliveries) == (outcome, outcome, ())
        assert await store.raw(receipt.message_id) == received(number).raw


@pytest_twisted.ensureDeferred
async def test_a_frame_that_is_no_message_is_kept_with_its_peer_and_the_reason(
    store: SqliteStore,
) -> None:
    receipt = await store.quarantine("2575", "10.0.0.9:1", b"\xff\xfe", "no MSH", NOW)
    message = await store.message(receipt.message_id)
    assert message is not None
    assert (message.channel, message.peer, message.reason) == ("", "10.0.0.9:1", "no MSH")
    assert await store.raw(receipt.message_id) == b"\xff\xfe"


@pytest_twisted.ensureDeferred
async def test_the_answer_that_came_later_is_noted(store: SqliteStore) -> None:
    receipt = await store.accept(received(1, answer=""))
    await store.answered(receipt.message_id, "CA")
    await store.answered(receipt.message_id, "AE")
    message = await store.message(receipt.message_id)
    assert message is not None
    assert (message.answer, message.answered_at) == ("AE", NOW)


# --- duplicates ------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_the_same_bytes_again_are_a_duplicate_and_get_the_same_answer(
    store: SqliteStore,
) -> None:
    first = await store.accept(received(1, answer="CA"))
    again = await store.accept(received(1, answer="CA"))
    assert (again.outcome, again.original_id) == (Outcome.DUPLICATE, first.message_id)
    assert again.original_answer == "CA"
    message = await store.message(again.message_id)
    assert message is not None
    assert (message.deliveries, message.original) == ((), first.message_id)
    assert await store.raw(again.message_id) == received(1).raw


@pytest_twisted.ensureDeferred
async def test_duplicates_within_one_commit_are_told_apart_from_their_original(
    store: SqliteStore,
) -> None:
    receipts = [await d for d in [store.accept(received(1)) for _ in range(5)]]
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED] + [Outcome.DUPLICATE] * 4
    assert {r.original_id for r in receipts[1:]} == {receipts[0].message_id}


@pytest_twisted.ensureDeferred
async def test_the_same_control_id_with_other_bytes_is_accepted_and_flagged(
    store: SqliteStore,
) -> None:
    await store.accept(received(1))
    other = await store.accept(received(1, raw=b"MSH|other"))
    assert (other.outcome, other.reused_id) == (Outcome.ACCEPTED, True)
    message = await store.message(other.message_id)
    assert message is not None
    assert message.reused


@pytest_twisted.ensureDeferred
async def test_after_other_bytes_the_first_ones_are_still_a_duplicate(store: SqliteStore) -> None:
    first = await store.accept(received(1))
    await store.accept(received(1, raw=b"MSH|other"))
    again = await store.accept(received(1))
    assert again.original_id == first.message_id


@pytest_twisted.ensureDeferred
async def test_the_same_control_id_of_another_sender_is_another_message(
    store: SqliteStore,
) -> None:
    await store.accept(received(1))
    other = await store.accept(received(1, sender="OTHER|TEST"))
    assert (other.outcome, other.reused_id) == (Outcome.ACCEPTED, False)


@pytest_twisted.ensureDeferred
async def test_without_a_control_id_nothing_is_a_duplicate(store: SqliteStore) -> None:
    receipts = [await store.accept(received(1, control_id="")) for _ in range(2)]
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED] * 2


@pytest_twisted.ensureDeferred
async def test_outside_its_window_a_duplicate_is_a_new_message(store: SqliteStore) -> None:
    await store.accept(received(1))
    within = await store.accept(received(1, duplicates_after=NOW))
    outside = await store.accept(received(1, duplicates_after=NOW + 1))
    assert within.outcome is Outcome.DUPLICATE
    assert (outside.outcome, outside.reused_id) == (Outcome.ACCEPTED, False)


@pytest_twisted.ensureDeferred
async def test_after_a_negative_answer_a_resend_is_a_new_message(store: SqliteStore) -> None:
    first = await store.accept(received(1, answer=""))
    await store.answered(first.message_id, "AE")
    (claim,) = await store.claim("clinic", 1, NOW)
    await store.settle(claim.delivery_id, Event.HELD, now=NOW)
    again = await store.accept(received(1, answer=""))
    assert (again.outcome, again.reused_id) == (Outcome.ACCEPTED, False)


@pytest_twisted.ensureDeferred
async def test_a_resend_of_what_failed_in_time_but_is_on_its_way_is_a_duplicate(
    store: SqliteStore,
) -> None:
    first = await store.accept(received(1, answer=""))
    await store.answered(first.message_id, "AE")
    assert (await store.accept(received(1, answer=""))).original_id == first.message_id
    await store.claim("clinic", 1, NOW)
    assert (await store.accept(received(1, answer=""))).original_id == first.message_id


@pytest_twisted.ensureDeferred
async def test_another_channel_takes_the_same_message_for_its_own_destinations(
    store: SqliteStore,
) -> None:
    first = await store.accept(received(1))
    together = [store.accept(received(1, channel=name)) for name in ("copy", "lab", "third")]
    copy, again, third = [await receipt for receipt in together]
    assert (copy.outcome, copy.reused_id) == (Outcome.ACCEPTED, False)
    assert (third.outcome, third.reused_id) == (Outcome.ACCEPTED, False)
    assert again.original_id == first.message_id
    assert (await store.accept(received(1, channel="copy"))).original_id == copy.message_id


@pytest_twisted.ensureDeferred
async def test_a_refused_message_is_no_original(store: SqliteStore) -> None:
    await store.accept(received(1, outcome=Outcome.REFUSED, answer="AR", destinations=()))
    assert (await store.accept(received(1))).outcome is Outcome.ACCEPTED


@pytest_twisted.ensureDeferred
async def test_a_resend_of_a_message_in_flight_names_the_one_that_waits(
    store: SqliteStore,
) -> None:
    first = await store.accept(received(1, answer=""))
    again = await store.accept(received(1, answer=""))
    assert (again.original_id, again.original_answer) == (first.message_id, "")


@pytest_twisted.ensureDeferred
async def test_bytes_with_one_checksum_are_compared_themselves(store: SqliteStore) -> None:
    # CRC-32 is linear: these two collide.
    one, other = b"plumless", b"buckeroo"
    await store.accept(received(1, raw=one))
    assert (await store.accept(received(1, raw=other))).reused_id
    assert (await store.accept(received(1, raw=one))).outcome is Outcome.DUPLICATE


@pytest_twisted.ensureDeferred
async def test_a_receipt_is_that_of_its_own_message_in_a_large_group(store: SqliteStore) -> None:
    messages = [received(number, patient=f"T{number % 7}") for number in range(700)]
    receipts = [await d for d in [store.accept(message) for message in messages]]
    assert [r.message_id for r in receipts] == list(range(1, 701))
    for receipt, message in list(zip(receipts, messages, strict=True))[::97]:
        assert await store.raw(receipt.message_id) == message.raw


def test_lanes_without_a_scope_hold_within_each_destination() -> None:
    plain = received(1, lanes=("p",), destinations=("a", "b"))
    assert plain.deliveries() == [("a", ["a|p"]), ("b", ["b|p"])]


def test_a_delivery_waits_in_the_lanes_of_its_scope() -> None:
    message = received(
        1, lanes=("s|p", "f|p", "s|p"), destinations=("one", "two", "f"), scopes=("s", "s", "f")
    )
    assert message.deliveries() == [("one", ["s|p"]), ("two", ["s|p"]), ("f", ["f|p"])]


def test_a_message_without_lanes_waits_in_the_one_lane_of_its_destination() -> None:
    assert received(1, lanes=()).deliveries() == [("clinic", ["clinic|"])]
