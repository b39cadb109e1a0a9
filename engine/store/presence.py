"""Whether the files that are written are still those that a restart would find.

Whoever has a file open can write to it after somebody has deleted, renamed or cut it: SQLite
commits, and the next start finds nothing. So it is looked before each commit, at the price of
some microseconds beside an fsync.
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import StoreError

#: SQLite itself cuts its log to this size when it begins it anew.
LOG_LIMIT = 64 * 1024 * 1024


class _File:
    """One file as it was last seen."""

    def __init__(self, path: str, may_shrink_to: int = 0) -> None:
        self._path = path
        self._may_shrink_to = may_shrink_to
        self._identity: tuple[int, int] | None = None
        self._size = 0

    def forget(self) -> None:
        """Take whatever is there the next time."""
        self._identity, self._size = None, 0

    def look(self) -> None:
        try:
            now = os.stat(self._path)  # noqa: PTH116 - a Path would cost more than the call
        except OSError as failure:
            if self._identity is None and isinstance(failure, FileNotFoundError):
                return  # it is yet to be made
            raise StoreError(f"{self._path} is gone: {failure.strerror}") from failure
        identity = (now.st_dev, now.st_ino)
        if self._identity is None:
            self._identity = identity
        elif identity != self._identity:
            raise StoreError(f"{self._path} is another file than the one that is written to")
        if now.st_size < self._size and not self._may_be(now.st_size):
            raise StoreError(f"{self._path} has been cut from {self._size} bytes to {now.st_size}")
        self._size = now.st_size

    def _may_be(self, size: int) -> bool:
        """Whether SQLite may have made the file shorter."""
        return bool(self._may_shrink_to) and size >= self._may_shrink_to


class _Database(_File):
    def _may_be(self, size: int) -> bool:
        """A VACUUM makes it shorter, and says so in its header (file format, 1.3)."""
        with Path(self._path).open("rb") as file:
            header = file.read(100)
        page = int.from_bytes(header[16:18], "big")
        pages = int.from_bytes(header[28:32], "big")
        return len(header) == 100 and pages * (65536 if page == 1 else page) <= size


class Presence:
    """The database and its log."""

    def __init__(self, path: Path) -> None:
        self._database = _Database(str(path))
        self._log = _File(f"{path}-wal", LOG_LIMIT)

    def opened(self) -> None:
        """A connection was opened, and with it perhaps another log."""
        self._log.forget()
        self.look()

    def look(self) -> None:
        """See that a commit would be found again.

        Raises:
            StoreError: it would not; says what has happened.

        """
        self._database.look()
        self._log.look()

    def look_at_database(self) -> None:
        """See that a connection would open what was there before."""
        self._database.look()
