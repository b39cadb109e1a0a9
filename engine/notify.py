"""What systemd is told: readiness, reloads, stopping, and that the reactor still turns."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Systemd:
    """The notification socket of a ``Type=notify`` unit; does nothing when there is none.

    The protocol is one datagram of ``NAME=value`` lines (sd_notify(3)); a library is not
    needed for it.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._watchdog = environment.get("WATCHDOG_USEC", "")
        pid = environment.get("WATCHDOG_PID", "")
        self._mine = not pid or pid == str(os.getpid())

    @property
    def watchdog_interval(self) -> float:
        """Seconds between two signs of life: half of what systemd waits; 0: none is wanted."""
        if not (self._address and self._mine and self._watchdog.isdigit()):
            return 0.0
        return int(self._watchdog) / 2_000_000

    def ready(self, status: str) -> None:
        """Every port is open."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self, monotonic_microseconds: int) -> None:
        """A SIGHUP came; ready() ends it (Type=notify-reload wants the time)."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_microseconds}")

    def stopping(self) -> None:
        """A SIGTERM came: draining."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """One sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # An address that starts with @ is in Linux' abstract namespace.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            try:
                channel.sendto(text.encode(), address)
            except OSError:
                return  # systemd's socket is full or gone; the service does not fall over that
