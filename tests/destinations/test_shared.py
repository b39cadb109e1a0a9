"""What is remembered of shared resources, and the locks of their writers."""

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from engine.destinations import shared
from engine.destinations.shared import FRESH, STATEMENTS, SharedResources


def test_what_is_learnt_is_known_for_a_while() -> None:
    known = SharedResources()
    assert known.reference("a", 1, 0.0) == ""
    known.learn("a", 1, "Organization/7", 0.0)
    assert known.reference("a", 1, FRESH) == "Organization/7"
    assert known.reference("a", 2, FRESH) == ""
    assert known.reference("a", 1, FRESH + 1) == ""
    known.learn("a", 2, "Organization/7", FRESH + 1)
    assert known.reference("a", 1, FRESH + 1) == ""


def test_a_change_makes_other_statements_unknown() -> None:
    known = SharedResources()
    known.learn("a", 1, "Organization/7", 0.0)
    known.learn("a", 2, "Organization/7", 0.0)
    assert known.reference("a", 1, 0.0)
    known.learn("a", 3, "Organization/7", 0.0, changed=True)
    assert [bool(known.reference("a", n, 0.0)) for n in (1, 2, 3)] == [False, False, True]
    known.learn("a", 1, "Organization/8", 0.0)
    assert known.reference("a", 3, 0.0) == ""


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "REMEMBERED", 3)
    known = SharedResources()
    for number in range(4):
        known.learn(str(number), 1, f"Organization/{number}", 0.0)
        known.reference("0", 1, 0.0)
    assert [bool(known.reference(str(n), 1, 0.0)) for n in range(4)] == [True, False, True, True]
    for statement in range(STATEMENTS + 1):
        known.learn("0", statement, "Organization/0", 0.0)
    assert known.reference("0", STATEMENTS, 0.0)
    assert not known.reference("0", 0, 0.0)


def test_what_turned_out_wrong_is_forgotten() -> None:
    known = SharedResources()
    known.learn("a", 1, "Organization/7", 0.0)
    known.forget(["a", "b"])
    assert known.reference("a", 1, 0.0) == ""


@pytest_twisted.ensureDeferred
async def test_writers_wait_for_each_other_in_any_order_of_keys() -> None:
    known = SharedResources()
    taken = await known.acquire(["b", "a", "a"])
    assert taken == ["a", "b"]
    second = ensureDeferred(known.acquire(["a", "c"]))
    third = ensureDeferred(known.acquire(["c", "b"]))
    assert not second.called
    known.release(taken)
    known.release(await second)
    known.release(await third)
    assert not known._locks


@pytest_twisted.ensureDeferred
async def test_a_writer_that_gives_up_leaves_no_lock_behind() -> None:
    known = SharedResources()
    taken = await known.acquire(["b"])
    waiting: Deferred[list[str]] = ensureDeferred(known.acquire(["a", "b"]))
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    known.release(taken)
    assert not known._locks
