"""An engine in a process of its own, as an operator runs it, for commands that need one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from engine.errors import EngineError

_STARTS_WITHIN = 90.0
_STOPS_WITHIN = 40.0
_TICK = 0.05
_TAIL = 2000


class Engine:
    """``mllp-engine run`` on a folder; its log goes to ``engine.log`` there."""

    def __init__(self, folder: Path, page: str) -> None:
        self._log = folder / "engine.log"
        self._page = page
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.cli.main", "run", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us, who then stop it in good order
                env={key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"},
            )

    async def ready(self) -> None:
        """Wait until every port is open.

        Raises:
            EngineError: it ended instead, or never got there.

        """
        try:
            async with asyncio.timeout(_STARTS_WITHIN):
                while not await asyncio.to_thread(self._is_ready):
                    if self.process.poll() is not None:
                        raise EngineError(f"the engine did not start:\n{self.tail()}")
                    await asyncio.sleep(_TICK)
        except TimeoutError:
            what = f"the engine was not ready within {_STARTS_WITHIN:g} s"
            raise EngineError(f"{what}:\n{self.tail()}") from None

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._page}/ready", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def tail(self) -> str:
        """The end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]

    def stop(self) -> int:
        """Let it drain and end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
