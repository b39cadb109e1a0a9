"""Deliver to a file: one transaction Bundle per line, each once, even over a crash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from engine.config import FileDestination
from engine.fhir import bundle
from engine.fhir.outcome import Delivered, Retry, Verdict
from engine.mapping.result import Mapped

#: Each line says which delivery it is: Bundle.identifier, which R4 has for just that.
SYSTEM = "urn:mllp-engine:delivery"

_TAIL = 1 << 20


class FileSender:
    """Appends to one file. Lines that wait for the disk share one fsync."""

    concurrency = 64

    def __init__(self, destination: FileDestination) -> None:
        self.name = destination.name
        self._path = destination.path
        self._waiting: list[tuple[int, bytes, Deferred[Verdict]]] = []
        self._busy = False
        self._written: set[int] | None = None

    def deliver(self, mapped: Mapped, delivery_id: int) -> Deferred[Verdict]:
        """Append the Bundle of a message, unless a line of this delivery is there."""
        made = bundle.transaction(mapped.resources)
        made["identifier"] = {"system": SYSTEM, "value": str(delivery_id)}
        done: Deferred[Verdict] = Deferred()
        self._waiting.append((delivery_id, bundle.dump(made) + b"\n", done))
        if not self._busy:
            self._flush()
        return done

    async def close(self) -> None:
        """Nothing is held open."""

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        self._busy = True
        lines = [(number, line) for number, line, _ in batch]

        def told(result: Any) -> None:
            verdict: Verdict = Delivered()
            if result is not None:
                verdict = Retry(f"{type(result.value).__name__}: {self._path.name}")
            for _, _, done in batch:
                done.callback(verdict)
            self._busy = False
            if self._waiting:
                self._flush()

        deferToThread(self._append, lines).addBoth(told)

    def _append(self, lines: list[tuple[int, bytes]]) -> None:
        """Write and fsync, in a thread."""
        if self._written is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._written = recover(self._path)
        new = [(number, line) for number, line in lines if number not in self._written]
        with self._path.open("ab") as file:
            size = file.tell()
            try:
                file.write(b"".join(line for _, line in new))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)  # a torn line would be read as a message
                raise
        self._written.clear()  # what was written before a crash comes first, and only once


def recover(path: Path) -> set[int]:
    """Cut a torn last line; the deliveries that the end of the file holds already.

    At most one claim's worth of deliveries was under way when a process died, and these are the
    last lines: the last megabyte is read.
    """
    if not path.exists():
        return set()
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            file.truncate(size - len(tail) + whole)
            file.flush()
            os.fsync(file.fileno())
    lines = tail[:whole].split(b"\n")
    return {number for line in lines if (number := _delivery(line)) is not None}


def _delivery(line: bytes) -> int | None:
    try:
        identifier = orjson.loads(line).get("identifier", {})
    except (orjson.JSONDecodeError, AttributeError):
        return None
    value = identifier.get("value", "")
    return int(value) if identifier.get("system") == SYSTEM and value.isdigit() else None
