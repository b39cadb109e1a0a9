"""The engine as an operator runs it: a real process, told by signals, watched from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.acceptance.site import Site

COMMAND = [sys.executable, "-m", "engine.cli.main"]
READY_WITHIN = 120.0


class Daemon:
    """``mllp-engine run`` on a site; readiness is what systemd would be told."""

    def __init__(self, site: Site, *, under: Sequence[str] = (), **spawn: Any) -> None:
        self.site = site
        self._notify = site.folder / "notify.sock"
        self._notify.unlink(missing_ok=True)
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(str(self._notify))
        self._notify.chmod(0o777)
        self.log = site.folder / "engine.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*under, *COMMAND, "run", str(site.folder)],
                env={**os.environ, "NOTIFY_SOCKET": str(self._notify), "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=log,
                **spawn,
            )

    def ready(self) -> "Daemon":
        """Wait until every port is open."""
        self.told("READY=1", timeout=READY_WITHIN)
        return self

    def told(self, line: str, *, timeout: float = 30.0) -> None:
        """Wait until systemd would have been told this."""
        self._channel.settimeout(0.05)
        waited = 0.0
        while waited < timeout:
            try:
                if line in self._channel.recv(4096).decode().splitlines():
                    return
            except TimeoutError:
                waited += 0.05
                self._still_runs()
        raise AssertionError(f"systemd was never told {line}: {self.tail()}")

    def _still_runs(self) -> None:
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {self.tail()}")

    def wait(self, seconds: float) -> None:
        """Let it run; it is an error when it ends meanwhile."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        self._still_runs()

    def logged(self, text: str, *, timeout: float = 30.0) -> None:
        """Wait until its log contains a text."""
        self._until(lambda: text in self.log.read_text(errors="replace"), timeout, text)

    def until_delivered(self, *, timeout: float = 240.0) -> None:
        """Wait until nothing is queued any more."""
        self._until(
            lambda: self.metric("mllp_engine_deliveries_queued") == 0, timeout, "an empty queue"
        )

    def _until(self, met: Callable[[], bool], timeout: float, what: str) -> None:
        end = time.monotonic() + timeout
        while not met():
            assert time.monotonic() < end, f"waited in vain for {what}: {self.tail()}"
            self.wait(0.05)

    def tail(self) -> str:
        """The end of its log, for the message of a failing test."""
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does it."""
        self.process.kill()
        self.process.wait()
        self._channel.close()

    @property
    def writing_process(self) -> int:
        """The number of the process that writes the store."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if b"engine.store.process" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise AssertionError("no process writes the store")

    def kill_writing_process(self) -> None:
        """As the kernel's out-of-memory killer may do it; the engine ends with it."""
        os.kill(self.writing_process, signal.SIGKILL)
        assert self.process.wait(20) == 1
        self._channel.close()

    def stop(self, *, timeout: float = 60.0) -> int:
        """As systemd does it; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout)
        self._channel.close()
        return status

    def stop_child(self, *, timeout: float = 60.0) -> None:
        """As stop(), when another program (strace) is the parent of the engine."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGTERM)
        self.process.wait(timeout)

    def metric(self, name: str) -> float:
        """The sum over all labels of a metric, read over HTTP."""
        lines = self.get("/metrics").splitlines()
        samples = [line for line in lines if line.startswith((name + "{", name + " "))]
        return sum(float(line.rpartition(" ")[2]) for line in samples)

    def get(self, path: str) -> str:
        """A page of the console."""
        url = f"http://127.0.0.1:{self.site.console}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return str(reply.read().decode())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.read().decode()

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        self._channel.close()


def command(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another command of mllp-engine on the same site."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=site.folder
    )


def ledger(site: Site) -> dict[str, Any]:
    """What ``mllp-engine ledger --json`` says; it must balance."""
    done = command(site, "ledger", "--json", str(site.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
