import sqlite3
from pathlib import Path

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.store import schema
from engine.store.sqlite import SqliteStore
from tests.store.messages import received
from tests.store.threaded import ThreadedStore


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [number for number, _ in schema.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest_twisted.ensureDeferred
async def test_a_newer_store_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 4711")
    newer.close()
    before = path.read_bytes()
    store = ThreadedStore(path)
    with pytest.raises(StoreError, match=r"schema 4711.*newer engine"):
        store.open()
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="schema 4711"):
        SqliteStore.reader(path)


@pytest_twisted.ensureDeferred
async def test_an_older_store_is_brought_up_to_date_when_the_engine_starts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ThreadedStore(path)
    old.open()
    await old.accept(received(1))
    await old.close()
    steps = [*schema.migrations(), (99, "CREATE TABLE later (x INTEGER) STRICT;")]
    monkeypatch.setattr(schema, "migrations", lambda: steps)
    with pytest.raises(StoreError, match="let this version of the engine run first"):
        SqliteStore.reader(path)
    new = ThreadedStore(path)
    new.open()
    assert (await new.accept(received(2))).message_id == 2
    await new.close()
    with sqlite3.connect(path) as looked:
        assert looked.execute("PRAGMA user_version").fetchone() == (99,)
        assert looked.execute("SELECT count(*) FROM later").fetchone() == (0,)
    looked.close()


@pytest_twisted.ensureDeferred
async def test_a_migration_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [*schema.migrations(), (99, "CREATE TABLE later (x INTEGER); nonsense;")]
    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrations", lambda: broken)
        with pytest.raises(StoreError, match="nonsense"):
            ThreadedStore(path).open()
    store = ThreadedStore(path)
    store.open()
    await store.accept(received(1))
    await store.close()


@pytest_twisted.ensureDeferred
async def test_two_engines_do_not_share_a_store(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreError, match="in use by another engine"):
        ThreadedStore(path).open()
    await store.accept(received(1))


@pytest_twisted.ensureDeferred
async def test_what_is_no_store_is_refused(path: Path) -> None:
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        ThreadedStore(path).open()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        ThreadedStore(tmp_path / "nowhere" / "store.db").open()
    with pytest.raises(StoreError, match="no engine has run"):
        SqliteStore.reader(tmp_path / "store.db")


@pytest_twisted.ensureDeferred
async def test_commits_are_flushed_to_the_disk(store: SqliteStore) -> None:
    """WAL with synchronous FULL (2): each commit is one flush of the log."""
    from tests.store.test_trouble import in_thread, pragma

    assert await in_thread(store, pragma("journal_mode")) == ("wal",)
    assert await in_thread(store, pragma("synchronous")) == (2,)


@pytest_twisted.ensureDeferred
async def test_only_its_owner_reads_a_store(store: SqliteStore, path: Path) -> None:
    await store.accept(received(1))
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.glob("store.db*")}
    assert modes == dict.fromkeys(modes, 0o600)
    assert {"store.db", "store.db-wal"} < set(modes)
