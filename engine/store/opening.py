"""Open a store: one engine at a time, with the schema that this engine knows."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.errors import StoreError
from engine.store.schema import migrate, require_current
from engine.store.session import Session, store_error


def lock(path: Path) -> IO[bytes]:
    """Keep other engines from the same store; the kernel ends it with the process.

    A store holds patients' data: what is made here is its owner's only.
    """
    try:
        beside = path.with_name(path.name + ".lock")
        for file in (path, beside):
            file.touch(mode=0o600)
        held = beside.open("ab")
    except OSError as failure:
        raise StoreError(f"{path}: {failure.strerror}") from failure
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        held.close()
        raise StoreError(f"{path} is in use by another engine") from failure
    return held


def in_use(path: Path) -> bool:
    """Whether an engine has this store now."""
    try:
        with path.with_name(path.name + ".lock").open("ab") as beside:
            fcntl.flock(beside, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as failure:
        raise StoreError(f"{path}: {failure.strerror}") from failure
    return False


def open_session(path: Path, clock: Callable[[], float]) -> Session:
    """A writing connection to a store that exists or is made; SQLite's errors as StoreError."""
    try:
        session = Session(path, clock)
    except sqlite3.Error as failure:
        raise store_error(path, failure) from failure
    try:
        migrate(session.connection, path)
    except sqlite3.Error as failure:
        session.close()
        raise store_error(path, failure) from failure
    except StoreError:
        session.close()
        raise
    return session


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """All or nothing, outside the writer's thread."""
    session.connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if session.connection.in_transaction:
            session.connection.execute("ROLLBACK")
        raise
    session.connection.execute("COMMIT")


@contextmanager
def short_session(path: Path, clock: Callable[[], float]) -> Iterator[Session]:
    """One transaction of a command, beside the engine that may be running."""
    if not path.exists():
        raise StoreError(f"there is no store {path}: no engine has run with it yet")
    try:
        with Session(path, clock) as session:
            require_current(session.connection, path)
            with transaction(session):
                yield session
    except sqlite3.Error as failure:
        raise store_error(path, failure) from failure
