"""What a process asked of the kernel, in the order in which the kernel was asked.

strace stops a thread at the entry and at the exit of every call it watches, so
the order of its lines is a real order: an fdatasync whose exit stands above the
entry of a send was on the disk before the first byte of that send.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WATCHED = "recvfrom,read,sendto,sendmsg,write,writev,pwrite64,fsync,fdatasync"
_LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
_PATH = re.compile(r"^\d+<([^>]*)>")


@dataclass(frozen=True)
class Call:
    """One system call: where its entry and its exit stand in the trace."""

    name: str
    path: str
    text: str
    entered: int
    left: int


def strace(output: Path) -> list[str]:
    """The command line to put in front of a program."""
    return [
        *("strace", "-f", "-qq", "-y", "-s", "65536"),
        *("-e", f"trace={WATCHED}", "-e", "signal=none"),
        *("-o", str(output), "--"),
    ]


def calls(trace: Iterable[str]) -> list[Call]:
    """The calls of a trace, unfinished halves joined with their resumption."""
    done: list[Call] = []
    open_calls: dict[str, tuple[str, str, int]] = {}
    for number, line in enumerate(trace):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, resumed, name, rest = found.groups()
        if resumed:
            name, head, entered = open_calls.pop(thread)
            done.append(_call(name, head + rest, entered, number))
        elif rest.endswith("<unfinished ...>"):
            open_calls[thread] = (name, rest.removesuffix("<unfinished ...>"), number)
        else:
            done.append(_call(name, rest, number, number))
    return done


def _call(name: str, text: str, entered: int, left: int) -> Call:
    path = _PATH.match(text)
    return Call(name, path[1] if path else "", text, entered, left)
