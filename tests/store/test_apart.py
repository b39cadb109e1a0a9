"""The store in a process of its own, as the engine has it."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.lifecycle import Event, Outcome, State
from engine.store.opening import lock
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW, received


class Apart(SqliteStore):
    """A store whose clock stands still, and what it says when its process is gone."""

    def __init__(self, path: Path) -> None:
        self.losses: list[StoreError] = []
        super().__init__(path, clock=lambda: NOW, lost=self.losses.append)


@pytest.fixture
def apart(path: Path) -> Iterator[Apart]:
    store = Apart(path)
    store.open()
    yield store
    pytest_twisted.blockon(store.close())


def children() -> list[int]:
    """The processes that write a store."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    said = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found}
    return [pid for pid, command in said.items() if b"engine.store.process" in command]


@pytest_twisted.ensureDeferred
async def test_a_message_goes_its_way_by_the_engines_clock(apart: Apart, path: Path) -> None:
    receipt = await apart.accept(received(1))
    [claim] = await apart.claim("clinic", 5, NOW)
    assert (claim.message_id, claim.raw) == (receipt.message_id, received(1).raw)
    assert await apart.settle(claim.delivery_id, Event.ACCEPTED, now=NOW) is State.DELIVERED
    assert (await apart.accept(received(1))).outcome is Outcome.DUPLICATE
    with apart.reader(path) as reader:
        message = reader.message(receipt.message_id)
    assert message is not None
    assert message.stored_at == NOW


@pytest_twisted.ensureDeferred
async def test_large_and_small_come_through_whole(apart: Apart) -> None:
    raws = [bytes([number]) * size for number, size in enumerate((1, 3_000_000, 70_000, 9), 1)]
    calls = [apart.accept(received(number, raw=raw)) for number, raw in enumerate(raws, 1)]
    receipts = [await call for call in calls]
    claims = await apart.claim("clinic", 9, NOW)
    assert len(receipts) == len(raws)
    waiting = {claim.message_id: claim.raw for claim in claims}
    assert waiting[receipts[0].message_id] == raws[0]
    for receipt, raw in zip(receipts, raws, strict=True):
        assert await apart.raw(receipt.message_id) == raw


@pytest_twisted.ensureDeferred
async def test_a_fault_is_told_without_the_text_that_it_is_about(apart: Apart) -> None:
    with pytest.raises(StoreError, match=r"UnicodeEncodeError in .*\.py:\d+$"):
        await apart.accept(received(1, reason="\udcff"))
    with pytest.raises(StoreError, match="64 destinations"):
        await apart.accept(received(2, destinations=tuple(map(str, range(65)))))
    assert (await apart.accept(received(3))).message_id == 1


@pytest_twisted.ensureDeferred
async def test_signals_that_end_the_engine_leave_its_store_to_it(apart: Apart) -> None:
    [pid] = children()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)
        await apart.accept(received(number))
    assert children() == [pid]


@pytest_twisted.ensureDeferred
async def test_a_store_whose_process_is_killed_promises_nothing_more_and_says_so(
    path: Path,
) -> None:
    store = Apart(path)
    store.open()
    kept = await store.accept(received(1))
    [pid] = children()
    os.kill(pid, signal.SIGSTOP)
    unknown = [store.accept(received(number)) for number in (2, 3)]
    claimed = store.claim("clinic", 5, NOW)
    os.kill(pid, signal.SIGKILL)
    for call in (*unknown, claimed):
        with pytest.raises(StoreError, match="has ended"):
            await call
    with pytest.raises(StoreError, match="has ended"):
        await store.accept(received(4))
    await store.close()
    assert len(store.losses) == 1
    again = Apart(path)
    again.open()
    ledger = await again.ledger(verify=True)
    assert ledger.balanced
    assert ledger.deliveries[0].states[State.SENDING] == 0
    assert await again.raw(kept.message_id) == received(1).raw
    await again.close()
    assert children() == []


@pytest_twisted.ensureDeferred
async def test_a_closed_store_leaves_no_process_and_no_log(apart: Apart, path: Path) -> None:
    other = path.with_name("other.db")
    store = Apart(other)
    store.open()
    last = store.accept(received(1))
    closing = store.close()
    await last
    await closing
    assert len(children()) == 1  # the other store's
    assert not other.with_name("other.db-wal").exists()


def test_what_keeps_a_store_from_being_opened_is_said_by_the_one_who_opens_it(path: Path) -> None:
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Apart(path).open()
    assert children() == []


@pytest_twisted.ensureDeferred
async def test_nobody_else_gets_the_store_while_a_last_commit_may_be_under_way(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.opening.LAST_COMMIT", 0.2)
    store = Apart(path)
    store.open()
    store._lock.close()  # as when the engine is killed, and its process is not through
    with pytest.raises(StoreError, match="in use by another engine"):
        Apart(path).open()
    await store.accept(received(1))
    await store.close()
    again = Apart(path)
    again.open()
    await again.close()


@pytest_twisted.ensureDeferred
async def test_what_is_asked_for_while_the_process_is_dying_fails_like_the_rest(path: Path) -> None:
    store = Apart(path)
    store.open()
    [pid] = children()
    os.kill(pid, signal.SIGKILL)
    calls = [store.accept(received(number)) for number in range(3)]
    for call in calls:
        with pytest.raises(StoreError, match="has ended"):
            await call
    await store.close()


class Hit(subprocess.Popen[bytes]):
    """A process that gets a Ctrl-C as soon as it is there."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.send_signal(signal.SIGINT)


@pytest_twisted.ensureDeferred
async def test_a_signal_that_comes_before_the_process_could_ignore_it_does_not_end_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Hit)
    store = Apart(path)
    store.open()
    await store.accept(received(1))
    await store.close()


@pytest_twisted.ensureDeferred
async def test_a_file_beside_the_configuration_is_no_module_of_the_process(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('notes on vegetables')")
    monkeypatch.chdir(tmp_path)
    store = Apart(path)
    store.open()
    await store.accept(received(1))
    await store.close()


def test_where_no_file_can_be_opened_any_more_the_store_says_why_it_cannot_be(path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, limits[1]))  # room for the lock alone
    try:
        with pytest.raises(StoreError, match=r"no process can write .*: Too many open files"):
            Apart(path).open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_process_whose_engine_is_gone_before_it_has_begun_ends_without_a_word(path: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs, lock(path) as held:
        given = theirs.fileno()
        command = [sys.executable, "-m", "engine.store.process", str(path), str(given), repr(NOW)]
        fds = [given, held.fileno()]
        done = subprocess.run(command, pass_fds=fds, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@pytest_twisted.ensureDeferred
async def test_a_process_that_does_nothing_any_more_can_be_given_up(path: Path) -> None:
    store = Apart(path)
    store.open()
    [pid] = children()
    os.kill(pid, signal.SIGSTOP)
    call = store.accept(received(1))
    closing = store.close()
    store.give_up()
    with pytest.raises(StoreError, match="has ended"):
        await call
    await closing
    assert children() == []
