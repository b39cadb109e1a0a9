"""Conversions for the tests of mapping processes, some of which do what none should."""

import os
import signal
import time
from datetime import UTC
from pathlib import Path
from typing import Any

from engine.conversion.channels import Conversions, Feed, Work
from engine.mapping.prepared import Prepared, prepare
from tests.destinations import stated


class Odd(Conversions):
    """Maps each message as its text says; made anew in each process by ``__reduce__``."""

    def __init__(self, folder: str, name: str = "") -> None:
        self.folder = Path(folder)
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return Odd, (str(self.folder), self.name)

    def compile(self) -> None:
        """Nothing to compile; or, once, no way to begin."""
        if self.name == "stillborn" and self._first("compile"):
            os._exit(3)

    def prepared(self, work: Work) -> Prepared:
        word, _, rest = work.raw.decode().partition(" ")
        if word == "die" or (word == "die-once" and self._first(rest)):
            os.kill(os.getpid(), signal.SIGKILL)
        while word == "never":
            time.sleep(0.01)
        if word == "slow":
            time.sleep(0.2)
        if word == "fault":
            raise LookupError("Testpatient")
        resource = stated.resource("Basic", rest, {"code": {"text": f"{self.name}{rest}"}})
        return prepare(stated.mapped(resource), work.write)

    def _first(self, name: str) -> bool:
        try:
            (self.folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def feed(**changes: Any) -> Feed:
    """A channel's settings."""
    known = {"mapping": "standard", "timezone": UTC, "charset": "utf-8", "assigner": {}}
    return Feed(**{**known, "unmapped": "report", "issues": "deliver", **changes})
