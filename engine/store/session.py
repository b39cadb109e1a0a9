"""One connection that writes, with what it knows by heart, and how a store is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from engine.errors import StoreError
from engine.store.presence import LOG_LIMIT
from engine.store.schema import refuse_newer, version_of

#: Seconds that a statement waits for another process's lock before the store counts as locked.
PATIENCE = 2.0

#: SQLite's result codes that are a condition of the store, not a fault of one call.
_CONDITIONS = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
#: After these the connection itself is sound and is kept.
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


def condition_of(error: BaseException) -> int | None:
    """The primary result code when the store as a whole cannot write, else None."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    return primary if primary in _CONDITIONS else None


def is_passing(condition: int) -> bool:
    """Whether the connection survives this condition."""
    return condition in _PASSING


def store_error(path: Path, error: BaseException) -> StoreError:
    """SQLite's words as ours, without a value of any message."""
    return StoreError(f"{path}: {error}")


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in which transactions begin and end where the code says so."""
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        cached_statements=512,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


class Session:
    """The connection that writes, and the names that it need not look up again."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self.clock = clock
        self.connection = connect(path)
        self._buckets: dict[tuple[str, str], int] = {}
        self._destinations: dict[str, int] = {}
        self._last_message: int | None = None
        self._retry_next: set[int] = set()
        try:
            self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self) -> None:
        refuse_newer(version_of(self.connection), self.path)  # before anything is written
        run = self.connection.execute
        run("PRAGMA journal_mode = WAL")
        # WAL with FULL: the commit returns after the fsync of the log, which is our promise.
        run("PRAGMA synchronous = FULL")
        run("PRAGMA cache_size = -32768")
        run("PRAGMA wal_autocheckpoint = 4000")
        run(f"PRAGMA journal_size_limit = {LOG_LIMIT}")

    def bucket(self, channel: str, port: str) -> int:
        """The number of a channel on a port."""
        key = (channel, port)
        number = self._buckets.get(key)
        if number is None:
            run = self.connection.execute
            run("INSERT INTO bucket (channel, port) VALUES (?, ?) ON CONFLICT DO NOTHING", key)
            row = run("SELECT id FROM bucket WHERE channel = ? AND port = ?", key).fetchone()
            number = self._buckets[key] = int(row[0])
        return number

    def destination(self, name: str) -> int:
        """The number of a destination."""
        number = self._destinations.get(name)
        if number is None:
            run = self.connection.execute
            run("INSERT INTO destination (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            row = run("SELECT id FROM destination WHERE name = ?", (name,)).fetchone()
            number = self._destinations[name] = int(row[0])
        return number

    def retry_first(self, destination: int) -> bool:
        """Whether it is a retry's turn, and not a fresh delivery's; the next time it is not."""
        self._retry_next ^= {destination}
        return destination not in self._retry_next

    def last_message(self) -> int:
        """The number of the newest message there has been, 0 when there was none."""
        if self._last_message is None:
            row = self.connection.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()
            self._last_message = int(row[0])
        return self._last_message

    def stored_message(self, number: int) -> None:
        """Messages up to this number are in the store, unless the transaction is undone."""
        self._last_message = number

    def rolled_back(self) -> None:
        """Forget what a transaction which is undone may have added."""
        self._buckets.clear()
        self._destinations.clear()
        self._last_message = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back; the log is folded into the database when nobody else reads."""
        self.connection.close()
