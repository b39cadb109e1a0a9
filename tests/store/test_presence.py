"""Files that are taken away under a running engine: nothing is promised into nowhere."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import pytest_twisted

from engine.errors import StoreError
from engine.store.presence import LOG_LIMIT, Presence
from engine.store.sqlite import SqliteStore
from tests.store.messages import received
from tests.store.threaded import ThreadedStore


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def unlinked(path: Path) -> None:
    path.unlink()


def all_unlinked(path: Path) -> None:
    for file in path.parent.glob(path.name + "*"):
        file.unlink()


def renamed(path: Path) -> None:
    path.rename(path.with_name("old.db"))


def folder_renamed(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replaced(path: Path) -> None:
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def log_unlinked(path: Path) -> None:
    log_of(path).unlink()


def log_emptied(path: Path) -> None:
    os.truncate(log_of(path), 0)


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (unlinked, "store.db is gone"),
        (all_unlinked, "store.db is gone"),
        (renamed, "store.db is gone"),
        (folder_renamed, "store.db is gone"),
        (replaced, "another file"),
        (emptied, "cut from [0-9]+ bytes to 0"),
        (cut, "cut from"),
        (log_unlinked, "store.db-wal is gone"),
        (log_emptied, "store.db-wal has been cut"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_store_whose_file_was_taken_away_promises_nothing_and_says_why(
    tmp_path: Path, happens: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "data" / "store.db"
    path.parent.mkdir()
    store = ThreadedStore(path)
    store.open()
    await store.accept(received(1))
    checkpoint(path)
    await store.accept(received(2))
    happens(path)
    for number in (3, 4):
        with pytest.raises(StoreError, match=said):
            await store.accept(received(number))
        with pytest.raises(StoreError, match=said):
            await store.settle_many(())  # as /health asks
    await store.close()


@pytest_twisted.ensureDeferred
async def test_a_file_that_comes_back_is_written_on(store: SqliteStore, path: Path) -> None:
    await store.accept(received(1))
    renamed(path)
    with pytest.raises(StoreError):
        await store.accept(received(2))
    path.with_name("old.db").rename(path)
    await store.accept(received(3))
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT control_id FROM message ORDER BY id").fetchall()
    assert found == [("1",), ("3",)]


def checkpoint(path: Path, statement: str = "PRAGMA wal_checkpoint(RESTART)") -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


@pytest_twisted.ensureDeferred
async def test_a_file_that_sqlite_itself_makes_shorter_is_the_same_file(
    store: SqliteStore, path: Path
) -> None:
    for number in range(20):
        await store.accept(received(number, raw=bytes(100_000)))
    checkpoint(path)
    await store.settle_many(())
    size = path.stat().st_size
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE message SET raw = x''")
        other.execute("VACUUM")
    checkpoint(path)
    assert path.stat().st_size < size
    await store.accept(received(100))


def test_a_log_may_be_cut_to_its_limit_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    log_of(path).touch()
    files = Presence(path)
    files.opened()
    for size in (LOG_LIMIT + 4096, LOG_LIMIT):
        os.truncate(log_of(path), size)
        files.look()
    os.truncate(log_of(path), LOG_LIMIT - 1)
    with pytest.raises(StoreError, match="has been cut"):
        files.look()
