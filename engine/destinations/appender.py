"""Append lines to a file so that each is on the disk, whole, and there once even over a crash."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

#: So much before the last line is read when a file is opened: far more than one group of lines.
TAIL = 16 << 20


class FileTaken(OSError):  # noqa: N818 - it says what is the matter
    """Another process, or another destination of ours, writes this file."""


class Appender:
    """A file that is only ever added to. Its calls block: they belong into a thread.

    ``name`` tells what a line is known by. A line whose name stands among the last ones in the
    file when it is opened, with the same content, is not written again.
    """

    def __init__(self, path: Path, name: Callable[[bytes], bytes]) -> None:
        self.path = path
        self._name = name
        self._file: int | None = None
        self._there: dict[bytes, int] = {}

    def append(self, lines: Sequence[bytes], again: Collection[bytes] = ()) -> None:
        """Add lines (without their ends) and wait until they are on the disk.

        Those that are ``again`` asked for are written whether they are there or not.

        Raises:
            OSError: none of them counts as written; what was written of them is cut off.

        """
        file = self._open()
        new = [line for line in lines if not self._is_there(line) or line in again]
        end = os.fstat(file).st_size
        try:
            _write(file, b"".join(line + b"\n" for line in new))
            os.fsync(file)
        except OSError:
            try:
                os.ftruncate(file, end)  # half a line would be read as one
            except OSError:
                self.close()  # it is cut off when the file is opened again
            raise

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _is_there(self, line: bytes) -> bool:
        return bool(self._there) and self._there.pop(self._name(line), None) == hash(line)

    def _open(self) -> int:
        if self._file is not None and not _is_same(self._file, self.path):
            self.close()  # it was renamed or removed: rotated
        if self._file is None:
            self._file = self._opened()
        return self._file

    def _opened(self) -> int:
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            _lock(file, self.path)
            self._there = {self._name(line): hash(line) for line in _last_lines(file)}
            if is_new:
                _sync_folder(self.path.parent)
        except BaseException:
            os.close(file)
            raise
        return file


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileTaken(None, "another writer has the file", str(path)) from None


def _last_lines(file: int) -> list[bytes]:
    """The whole lines at the end of a file; what a crash left of a line is cut off.

    A line may be longer than all else that is read; those at both ends are read whole.
    """
    size = os.fstat(file).st_size
    end = _line_end(file, size)
    if end < size:
        os.ftruncate(file, end)
        os.fsync(file)
    last = _line_end(file, end - 1)
    start = _line_end(file, last - TAIL)
    return _read(file, start, end).split(b"\n")[:-1]


def _line_end(file: int, before: int) -> int:
    """Where the last whole line before a position ends."""
    while before > 0:
        start = max(0, before - TAIL)
        found = _read(file, start, before).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        before = start
    return 0


def _read(file: int, start: int, end: int) -> bytes:
    parts = []
    while start < end and (part := os.pread(file, end - start, start)):
        parts.append(part)
        start += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _is_same(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(file)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _sync_folder(folder: Path) -> None:
    """A new name in a folder is only as durable as the folder (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
