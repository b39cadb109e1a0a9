"""The process that writes the store: groups of calls in, what came of each out.

It has an interpreter of its own: beside the reactor's, a thread would wait for it and make it
wait, several times for each commit. It shares the engine's lock on the store, so that no other
engine has the files while a last commit of this one may be under way.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import StoreError, origin
from engine.pipes import framed, leave_signals_to_the_engine, values
from engine.store.committer import Committer, Failed
from engine.store.kinds import KINDS
from engine.store.opening import Opening

#: Objects that are made between two looks for rings: calls and their results leave none.
_COLLECT_AFTER = 50_000


class Clock:
    """The engine's time, as it is told with each group."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


def main(path: str, descriptor: int, now: float) -> None:
    """Open the store, say so, and commit what comes, until the engine says that it is enough."""
    leave_signals_to_the_engine()
    clock = Clock(now)
    opening = Opening(Path(path), clock)
    committer = Committer(opening.session, opening.presence.look)
    with socket.socket(fileno=descriptor) as engine:
        try:
            try:
                committer.open()
            except StoreError as failure:
                engine.sendall(framed(failure))
                return
            engine.sendall(framed(None))
            gc.collect()
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER, 20, 20)
            if serve(engine, committer, clock):
                committer.close()
                return
        except OSError:
            pass
        os._exit(1)  # the engine is gone; its next start waits for us, and not for a checkpoint


def serve(engine: socket.socket, committer: Committer, clock: Clock) -> bool:
    """Commit group after group; whether the engine has said that there will be no more."""
    for said in values(engine):
        if said is None:
            return True
        clock.now, asked = said
        results = committer.commit([(KINDS[name], argument) for name, argument in asked])
        engine.sendall(framed(_plain(results)))
    return False


def _plain(results: Sequence[Any]) -> list[Any]:
    """Results that can be read on the other side: no exception but our own.

    The text of any other may quote a message, and stays here.
    """
    return [_told(result) if isinstance(result, Failed) else result for result in results]


def _told(failed: Failed) -> Failed:
    error = failed.error
    if isinstance(error, StoreError):
        return Failed(StoreError(str(error)))
    return Failed(StoreError(f"a fault of the store: {type(error).__name__} in {origin(error)}"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
