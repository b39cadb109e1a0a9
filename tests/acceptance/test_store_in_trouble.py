"""A store that cannot commit gives no positive answer; one that can again, does."""

import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance import messages
from tests.acceptance.conftest import Start
from tests.acceptance.daemon import ledger
from tests.acceptance.link import Link, positive
from tests.acceptance.site import Site
from tests.services import need

NOT_ROOT = "run as root (or in a user namespace of your own) to mount a small tmpfs"
ENOUGH_TO_FILL = 20_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        need.leave_out("the right to mount a tmpfs", NOT_ROOT)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(site: Site) -> tuple[list[int], str]:
    """Send until an answer is not positive: what was accepted before, and that answer."""
    accepted: list[int] = []
    with Link(site.port) as link:
        for number in range(1, ENOUGH_TO_FILL):
            answer = link.exchange(messages.result("A", number))
            if not positive(answer):
                return accepted, answer
            accepted.append(number)
    raise AssertionError("the disk never filled up")


def stored(site: Site) -> set[str]:
    """The control ids of all messages that the store holds as accepted."""
    database = next(site.data.glob("*.db"))
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader:
        rows = reader.execute("SELECT control_id FROM message WHERE outcome = 'accepted'")
        return {control_id for (control_id,) in rows}


def test_a_full_disk_ends_positive_answers_and_keeps_every_promise(
    tmp_path: Path, small_disk: Path, start: Start
) -> None:
    site = Site(tmp_path / "site", store=small_disk).write_out()
    engine = start(site).ready()
    accepted, refusal = fill(site)
    assert refusal in ("AE", "")
    assert accepted
    assert {messages.control_id("A", number) for number in accepted} <= stored(site)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    with Link(site.port) as link:
        assert link.exchange(messages.result("A", ENOUGH_TO_FILL)) == "AA"
    engine.until_delivered()
    assert engine.stop() == 0
    assert ledger(site)


def test_a_limit_on_file_size_is_a_full_disk_too(site: Site, start: Start) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    engine = start(site, preexec_fn=limit).ready()
    accepted, refusal = fill(site)
    assert refusal in ("AE", "")
    assert {messages.control_id("A", number) for number in accepted} <= stored(site)
    engine.kill()


def test_a_locked_store_takes_nothing_and_recovers(site: Site, start: Start) -> None:
    start(site).ready()
    database = next(site.data.glob("*.db"))
    thief = sqlite3.connect(database, isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    with Link(site.port) as link:
        assert not positive(link.exchange(messages.result("A", 1), timeout=60))
    thief.execute("ROLLBACK")
    thief.close()
    with Link(site.port) as link:
        assert link.exchange(messages.result("A", 2)) == "AA"


@contextmanager
def read_only(site: Site, small_disk: Path) -> Iterator[None]:
    """A store that nobody may write; root, whom no permission binds, needs a mount for it."""
    if os.getuid() == 0:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        yield
        return
    for path in (site.data, *site.data.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield
    site.data.chmod(0o755)


def test_a_read_only_store_is_refused_at_start(
    tmp_path: Path, request: pytest.FixtureRequest, start: Start
) -> None:
    root = os.getuid() == 0
    folder = request.getfixturevalue("small_disk") if root else tmp_path / "data"
    site = Site(tmp_path / "site", store=folder).write_out()
    start(site).ready().stop()
    with read_only(site, folder):
        engine = start(site)
        assert engine.process.wait(60) != 0
    assert "read-only" in engine.tail().lower() or "permission" in engine.tail().lower()


def test_a_store_that_is_deleted_ends_positive_answers_and_health_says_so(
    tmp_path: Path, start: Start
) -> None:
    site = Site(tmp_path / "site", processes=0).write_out()
    engine = start(site).ready()
    with Link(site.port) as link:
        assert link.exchange(messages.result("A", 1)) == "AA"
        for file in site.data.glob("engine.db*"):
            file.unlink()
        assert link.exchange(messages.result("A", 2)) == "AE"
        assert link.exchange(messages.result("A", 3)) == "AE"
    assert "engine.db is gone" in engine.get("/health")
    engine.logged("engine.db is gone")
    assert engine.stop() == 0
