"""The load: connections that send a message, wait for its ACK, and send the next.

A process of its own (``python -m benchmarks.sender PORT CONNECTIONS SECONDS``),
so that it does not share an interpreter with what is measured.  It prints one
line of JSON: how many positive and other answers came in how many seconds, and
the spread of the time between a message and its answer.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import samples

WARM_UP = 1.0


@dataclass(frozen=True)
class Sent:
    """What came of a load."""

    answers: int
    refused: int
    seconds: float
    median: float
    worst_percent: float

    @property
    def rate(self) -> float:
        """Positive answers per second."""
        return self.answers / self.seconds


def run(
    port: int, connections: int, seconds: float, *, start: int = 0, kind: str = "oru14"
) -> Sent:
    """Send from another process."""
    arguments = [str(port), str(connections), str(seconds), str(start), kind]
    command = [sys.executable, "-m", "benchmarks.sender", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Sent(**json.loads(done.stdout))


class _Line:
    """One connection: the bytes of an answer so far and when its message left."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.left = 0.0

    def send(self, frame: bytes) -> None:
        self.left = time.perf_counter()
        self.socket.sendall(frame)

    def complete(self) -> bool:
        """Read; whether the answer is whole."""
        data = self.socket.recv(4096)
        if not data:
            raise ConnectionError("the listener hung up")
        self.answer += data
        return self.answer.endswith(b"\x1c\r")


def _load(port: int, connections: int, seconds: float, frames: Iterator[bytes]) -> Sent:
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        line = _Line(port)
        selector.register(line.socket, selectors.EVENT_READ, line)
        line.send(next(frames))
    begin = time.perf_counter() + WARM_UP
    end = begin + seconds
    delays: list[float] = []
    refused = 0
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(1.0):
            line = key.data
            if not line.complete():
                continue
            if now >= begin:
                if b"|AA|" in line.answer or b"|CA|" in line.answer:
                    delays.append(time.perf_counter() - line.left)
                else:
                    refused += 1
            line.answer = b""
            line.send(next(frames))
    return _summary(delays, refused, seconds)


def _summary(delays: list[float], refused: int, seconds: float) -> Sent:
    delays.sort()
    count = len(delays)
    median = delays[count // 2] if count else 0.0
    worst = delays[count * 99 // 100] if count else 0.0
    return Sent(count, refused, seconds, median, worst)


def main(port: str, connections: str, seconds: str, start: str, kind: str) -> None:
    """Send, and print what came of it."""
    source = samples.frames if kind == "oru14" else samples.small_frames
    frames = source(1000, int(start))
    print(json.dumps(vars(_load(int(port), int(connections), float(seconds), frames))))


if __name__ == "__main__":
    main(*sys.argv[1:])
