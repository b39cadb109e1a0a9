"""systemd's notification protocol, read on a real datagram socket."""

from __future__ import annotations

import os
import pathlib
import socket
from collections.abc import Iterator

import pytest

from engine.notify import Systemd


@pytest.fixture
def inbox(tmp_path: pathlib.Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(tmp_path / "notify"))
        inbox.setblocking(False)
        yield inbox


def test_readiness_reload_and_stop_are_told(inbox: socket.socket) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": inbox.getsockname()})
    systemd.ready("listening on 2575")
    systemd.reloading(17)
    systemd.alive()
    systemd.stopping()
    told = [inbox.recv(200) for _ in range(4)]
    assert told == [
        b"READY=1\nSTATUS=listening on 2575",
        b"RELOADING=1\nMONOTONIC_USEC=17",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_an_abstract_socket_is_reached(tmp_path: pathlib.Path) -> None:
    name = f"mllp-engine-test-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind("\0" + name)
        Systemd({"NOTIFY_SOCKET": "@" + name}).alive()
        assert inbox.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nothing_happens(tmp_path: pathlib.Path) -> None:
    Systemd({}).ready("listening")
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("listening")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_watchdog_gets_two_signs_of_life_in_its_time(
    environment: dict[str, str], seconds: float
) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": "/run/notify", **environment})
    assert systemd.watchdog_interval == seconds
