"""Values between processes: whole again, however they are cut."""

import socket

import pytest

from engine.pipes import Frames, framed, values

VALUES = [(1, "north", b"MSH|1\r" * 50, 0.5), 7, (2, None, {"warning": 1})]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 17, 1000])
def test_any_chunking_gives_the_same_values(size: int) -> None:
    wire = b"".join(map(framed, VALUES))
    frames = Frames()
    found = [v for n in range(0, len(wire), size) for v in frames.feed(wire[n : n + size])]
    assert found == VALUES


def test_the_end_of_a_connection_ends_the_values() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(b"".join(map(framed, VALUES)) + framed("torn")[:-1])
        assert list(values(theirs)) == VALUES
