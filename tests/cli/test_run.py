"""``mllp-engine run``: a real process, its exit statuses and its signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ENGINE = "console:\n  port: 0\ndrain: 5\n"
CHANNEL = """\
channel: north
source:
  mllp:
    port: {port}
  timezone: UTC
assigner:
  PID-3: urn:oid:2.999.1
destinations:
  - file: out.ndjson
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "channels").mkdir()
    (tmp_path / "engine.yaml").write_text(ENGINE)
    (tmp_path / "channels" / "north.yaml").write_text(CHANNEL.format(port=0))
    return tmp_path


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """The command in a process of its own, and the socket where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(60)
        command = [sys.executable, "-m", "engine.cli.main", "run", *arguments]
        with subprocess.Popen(
            command,
            env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process, systemd
            finally:
                process.kill()


def told(systemd: socket.socket, line: str) -> None:
    while line not in systemd.recv(4096).decode().splitlines():
        pass


def test_it_runs_until_sigterm_and_ends_with_0(folder: Path) -> None:
    with running(folder, "--config", str(folder)) as (process, systemd):
        told(systemd, "READY=1")
        told(systemd, "WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        told(systemd, "RELOADING=1")
        told(systemd, "READY=1")
        process.send_signal(signal.SIGTERM)
        told(systemd, "STOPPING=1")
        assert process.wait(60) == 0


def test_a_wrong_configuration_ends_with_2_and_every_problem(folder: Path) -> None:
    channel = folder / "channels" / "north.yaml"
    channel.write_text(channel.read_text().replace("timezone", "timezon") + "drp: x\n")
    with running(folder, str(folder)) as (process, _):
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "channels/north.yaml:" in said
    assert "timezon" in said
    assert "drp" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_ends_with_1_and_a_sentence(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        (folder / "channels" / "north.yaml").write_text(CHANNEL.format(port=number))
        with running(folder, str(folder)) as (process, _):
            _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"port 127.0.0.1:{number} cannot be opened" in said
    assert "Traceback" not in said


def test_a_store_that_cannot_be_opened_ends_with_1_and_a_sentence(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "engine.db").write_text("no database, but long enough to look at" * 100)
    with running(folder, str(folder)) as (process, _):
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "engine.db" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("how", ["2>&-", "<&- >&- 2>&-", "2> >(:)", "2> /dev/full"])
def test_whoever_does_not_want_its_log_has_an_engine_all_the_same(folder: Path, how: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(60)
        command = f"exec {sys.executable} -m engine.cli.main run {folder} {how}"
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify")}
        with subprocess.Popen(["bash", "-c", command], env=environment) as process:
            try:
                told(systemd, "READY=1")
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
            finally:
                process.kill()
