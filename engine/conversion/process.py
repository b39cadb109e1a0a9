"""The processes that map: one that gets everything ready, and those that it forks.

The first one reads the mappings and compiles them, which takes a second or two; each fork of it
is there at once and shares its memory. It has a socket on which the engine hands it the sockets
of the processes that it wants. All of them end when the engine hangs up.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from engine.conversion.channels import Conversions, Work
from engine.errors import MessageError, origin
from engine.pipes import framed, leave_signals_to_the_engine, values

#: The first word of an answer.
PREPARED, UNREADABLE, FAULT = "prepared", "unreadable", "fault"


def main(control: int, longest: float) -> None:
    """Be the first one; standard input is a pickle of the conversions."""
    leave_signals_to_the_engine()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what we fork
    conversions: Conversions = pickle.load(sys.stdin.buffer)
    conversions.compile()
    gc.collect()
    gc.freeze()  # a collection would write into pages that are shared
    with socket.socket(fileno=control) as engine:
        fork_on_demand(engine, conversions, longest)


def fork_on_demand(engine: socket.socket, conversions: Conversions, longest: float) -> None:
    """Fork a process for every socket that comes, until the engine hangs up."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(engine, 1, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            if os.fork():
                continue
            engine.close()
            _be_the_first_to_go()
            try:
                serve(connection, conversions, longest)
            except OSError:  # the engine is gone, and with it whoever wants to know
                os._exit(1)
            os._exit(0)


def _be_the_first_to_go() -> None:
    """When memory runs out, a process that maps can be replaced; the engine cannot (proc(5))."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def serve(connection: socket.socket, conversions: Conversions, longest: float) -> None:
    """Map what comes, one after the other.

    What takes too long ends this process (SIGALRM unhandled): the only way that stops every
    kind of work, and the engine knows which message it was.
    """
    connection.sendall(framed(os.getpid()))
    for number, *work in values(connection):
        signal.setitimer(signal.ITIMER_REAL, longest)
        answer = framed((number, *_answered(conversions, Work(*work))))
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.sendall(answer)


def _answered(conversions: Conversions, work: Work) -> tuple[Any, ...]:
    try:
        return PREPARED, conversions.prepared(work).packed()
    except MessageError as error:
        return UNREADABLE, str(error)
    except Exception as fault:
        return FAULT, type(fault).__name__, origin(fault)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
