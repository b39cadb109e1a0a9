"""Open a store: one engine at a time, with the schema that this engine knows."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.errors import StoreError
from engine.store.presence import Presence
from engine.store.schema import migrate, require_current
from engine.store.session import PATIENCE, Session, store_error

#: Seconds that the last commit of an engine which is gone may take: as long as it waits for a
#: lock of SQLite's, and a while for the disk.
LAST_COMMIT = PATIENCE + 1.0


def lock(path: Path) -> IO[bytes]:
    """Keep other engines from the same store; the kernel ends it with the process.

    A process that has just been killed may have left one which is finishing its last commit: so
    it is tried for a while.

    A store holds patients' data: what is made here is its owner's only.
    """
    try:
        beside = path.with_name(path.name + ".lock")
        for file in (path, beside):
            file.touch(mode=0o600)
        held = beside.open("ab")
    except OSError as failure:
        raise StoreError(f"{path}: {failure.strerror}") from failure
    until = time.monotonic() + LAST_COMMIT
    while not _locked(held):
        if time.monotonic() >= until:
            held.close()
            raise StoreError(f"{path} is in use by another engine")
        time.sleep(0.01)
    return held


def _locked(held: IO[bytes]) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


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


class Opening:
    """How the writing session of a store is opened, also again after trouble."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self.presence = Presence(path)

    def session(self) -> Session:
        """Open one, if the database is still the one that was opened first.

        Raises:
            StoreError: it is another one or gone, or cannot be opened.

        """
        self.presence.look_at_database()  # to open another one, or none, would hide a loss
        session = open_session(self._path, self._clock)
        self.presence.opened()
        return session


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
    """All or nothing, outside the writer's groups."""
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
