"""A plain MLLP sender of the tests' own: a socket, frames, and patience with a limit."""

import socket
from types import TracebackType

VT, END = b"\x0b", b"\x1c\r"


class Link:
    """One connection to an MLLP port."""

    def __init__(self, port: int, *, timeout: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, *messages: bytes) -> None:
        """Write messages, each as a frame."""
        self._socket.sendall(b"".join(VT + message + END for message in messages))

    def answer(self, *, timeout: float | None = None) -> bytes | None:
        """The next frame's payload; None once the engine closed; TimeoutError when it is silent."""
        if timeout is not None:
            self._socket.settimeout(timeout)
        while END not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                return None
            self._buffer += data
        frame, _, self._buffer = self._buffer.partition(END)
        return frame.removeprefix(VT)

    def exchange(self, message: bytes, *, timeout: float | None = None) -> str:
        """The MSA-1 that answers a message; "" when the connection was closed instead."""
        self.send(message)
        answer = self.answer(timeout=timeout)
        return "" if answer is None else code(answer)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> "Link":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def msa(answer: bytes, field: int) -> str:
    """Field ``field`` of the MSA segment."""
    separator = answer[3:4]
    for segment in answer.split(b"\r"):
        if segment.startswith(b"MSA"):
            fields = [*segment.split(separator), *[b""] * field]
            return fields[field].decode()
    raise AssertionError(f"no MSA in {answer!r}")


def code(answer: bytes) -> str:
    """MSA-1: AA, AE, AR, CA, CE, CR."""
    return msa(answer, 1)


def positive(answer: str) -> bool:
    """Whether an answer takes the message over (HL7 table 0008)."""
    return answer in ("AA", "CA")
