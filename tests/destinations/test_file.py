"""A file of Bundles: every line whole, every delivery once, over crashes and full disks."""

import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, ensureDeferred, gatherResults

from engine.config import FileDestination
from engine.destinations import appender
from engine.destinations.appender import Appender
from engine.destinations.file import SYSTEM, FileSender, delivery_of, line_of
from engine.fhir.outcome import Delivered, Down, Verdict
from engine.mapping.prepared import BLIND, Prepared, prepare
from tests.destinations import stated


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "bundles.ndjson"


@pytest_twisted.async_yield_fixture
async def sender(path: Path) -> AsyncIterator[FileSender]:
    made = FileSender(FileDestination("archive", path))
    yield made
    await made.close()


def result(number: str, **values: str) -> Prepared:
    return prepare(stated.result(number, **values), BLIND)


async def deliver(sender: FileSender, number: int) -> Verdict:
    return await sender.deliver(result(str(number)), delivery_id=number)


def numbers(path: Path) -> list[int]:
    """The deliveries of a file, line by line."""
    bundles = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert all(bundle["type"] == "transaction" for bundle in bundles)
    assert all(bundle["identifier"]["system"] == SYSTEM for bundle in bundles)
    return [int(bundle["identifier"]["value"]) for bundle in bundles]


@pytest_twisted.ensureDeferred
async def test_each_delivery_is_one_line(sender: FileSender, path: Path) -> None:
    verdicts = await gatherResults([ensureDeferred(deliver(sender, n)) for n in range(1, 21)])
    assert verdicts == [Delivered()] * 20
    assert sorted(numbers(path)) == list(range(1, 21))


@pytest_twisted.ensureDeferred
async def test_what_was_written_before_a_crash_is_not_written_again(path: Path) -> None:
    for numbers_sent in ((1, 2, 3), (2, 3, 4)):
        sender = FileSender(FileDestination("archive", path))
        for number in numbers_sent:
            assert await deliver(sender, number) == Delivered()
        await sender.close()
    assert numbers(path) == [1, 2, 3, 4]


@pytest_twisted.ensureDeferred
async def test_a_replay_that_says_something_else_is_written(path: Path) -> None:
    for status in ("final", "final", "corrected"):
        sender = FileSender(FileDestination("archive", path))
        await sender.deliver(result("1", status=status), delivery_id=1)
        await sender.close()
    assert numbers(path) == [1, 1]


@pytest.mark.parametrize("restarts", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_replay_is_written_again_before_a_restart_and_after_it(
    path: Path, restarts: bool
) -> None:
    sender = FileSender(FileDestination("archive", path))
    await deliver(sender, 1)
    if restarts:
        await sender.close()
        sender = FileSender(FileDestination("archive", path))
    for replayed in (True, True):
        await sender.deliver(result("1"), delivery_id=1, replayed=replayed)
    await sender.close()
    assert numbers(path) == [1, 1, 1]
    sender = FileSender(FileDestination("archive", path))
    await deliver(sender, 1)  # a crash has come after the replay was written
    await sender.close()
    assert numbers(path) == [1, 1, 1]


@pytest.mark.parametrize("left", [0, 1, 5, -1])
@pytest_twisted.ensureDeferred
async def test_what_a_crash_left_of_a_line_is_cut_off(path: Path, left: int) -> None:
    line = line_of(result("9"), 9)
    whole = b"".join(line_of(result(str(n)), n) + b"\n" for n in (1, 2))
    path.parent.mkdir()
    path.write_bytes(whole + line[:left])
    sender = FileSender(FileDestination("archive", path))
    for number in (2, 9):
        await deliver(sender, number)
    await sender.close()
    assert numbers(path) == [1, 2, 9]


@pytest.mark.parametrize(
    ("held", "cut"),
    [
        (b"", b""),
        (b"torn" * 40, b""),
        (b"whole\n" + b"torn" * 40, b"whole\n"),
        (b"whole\n" * 9 + b"torn", b"whole\n" * 9),
        (b"a\n" + b"whole" * 40 + b"\n", b"a\n" + b"whole" * 40 + b"\n"),
    ],
)
def test_lines_longer_than_what_is_read_at_once_are_cut_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bytes, cut: bytes
) -> None:
    monkeypatch.setattr(appender, "TAIL", 16)
    path = tmp_path / "file"
    path.write_bytes(held)
    made = Appender(path, lambda line: line)
    made.append([b"next"])
    made.close()
    assert path.read_bytes() == cut + b"next\n"


@pytest.mark.parametrize(
    "there",
    [
        [b"1 " + b"long" * 40],
        [b"1 short", b"2 " + b"long" * 40],
        [b"1 " + b"long" * 40, b"2 short"],
        [b"1 " + b"long" * 40, b"2 " + b"long" * 50],
        [b"1 a", b"2 b", b"3 c"],
    ],
)
def test_a_line_is_known_again_however_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: list[bytes]
) -> None:
    monkeypatch.setattr(appender, "TAIL", 16)
    path = tmp_path / "file"
    for _ in range(2):
        made = Appender(path, lambda line: line[:1])
        made.append(there)
        made.close()
    assert path.read_bytes().splitlines() == there


@pytest_twisted.ensureDeferred
async def test_a_file_that_was_renamed_is_begun_anew(sender: FileSender, path: Path) -> None:
    await deliver(sender, 1)
    path.rename(path.with_suffix(".1"))
    await deliver(sender, 2)
    assert (numbers(path.with_suffix(".1")), numbers(path)) == ([1], [2])


@pytest_twisted.ensureDeferred
async def test_a_full_disk_is_nobodys_fault_and_leaves_no_half_line(
    sender: FileSender, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliver(sender, 1)
    write = os.write
    monkeypatch.setattr(appender.os, "write", lambda file, data: _full(write, file, data))
    assert await deliver(sender, 2) == Down("No space left on device")
    monkeypatch.undo()
    assert numbers(path) == [1]
    assert await deliver(sender, 2) == Delivered()
    assert numbers(path) == [1, 2]


def _full(write: object, file: int, data: memoryview) -> int:
    """Take a little, then nothing more."""
    if len(data) > 100:
        return int(write(file, data[: len(data) - 50]))  # type: ignore[operator]
    raise OSError(28, os.strerror(28))


@pytest_twisted.ensureDeferred
async def test_half_a_line_that_cannot_be_cut_off_at_once_is_cut_off_before_the_next(
    sender: FileSender, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, os.strerror(5))

    await deliver(sender, 1)
    write = os.write
    monkeypatch.setattr(appender.os, "write", lambda file, data: _full(write, file, data))
    monkeypatch.setattr(appender.os, "ftruncate", broken)
    assert await deliver(sender, 2) == Down("No space left on device")
    monkeypatch.undo()
    assert await deliver(sender, 3) == Delivered()
    assert await deliver(sender, 2) == Delivered()
    assert numbers(path) == [1, 3, 2]


@pytest_twisted.ensureDeferred
async def test_two_writers_never_share_a_file(sender: FileSender, path: Path) -> None:
    await deliver(sender, 1)
    other = FileSender(FileDestination("other", path))
    assert await deliver(other, 2) == Down("another writer has the file")
    await sender.close()
    assert await deliver(other, 2) == Delivered()
    await other.close()
    assert numbers(path) == [1, 2]


@pytest_twisted.ensureDeferred
async def test_a_folder_that_cannot_be_made_is_nobodys_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    sender = FileSender(FileDestination("archive", tmp_path / "file" / "bundles"))
    assert isinstance(await deliver(sender, 1), Down)
    await sender.close()


@pytest_twisted.ensureDeferred
async def test_a_delivery_that_is_broken_off_leaves_the_others_alone(
    sender: FileSender, path: Path
) -> None:
    first, second = (sender.deliver(result(str(n)), delivery_id=n) for n in (1, 2))
    first.cancel()
    with pytest.raises(CancelledError):
        await first
    assert await second == Delivered()
    assert numbers(path) == [1, 2]


def test_lines_of_others_are_known_by_themselves() -> None:
    assert delivery_of(line_of(result("1"), 17)) == b"17"
    assert delivery_of(b'{"resourceType":"Bundle"}') == b'{"resourceType":"Bundle"}'


def test_the_lock_is_the_files_own(path: Path) -> None:
    made = Appender(path, lambda line: line)
    made.append([b"a"])
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.close()
    made.close()


def test_every_line_is_on_the_disk_before_it_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("write", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(
            appender.os, name, lambda *a, n=name, r=real: (calls.append(n), r(*a))[1]
        )
    made = Appender(path, lambda line: line)
    made.append([b"a", b"b"])
    made.close()
    assert calls[-2:] == ["write", "fsync"]
    assert path.read_bytes() == b"a\nb\n"
