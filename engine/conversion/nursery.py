"""The engine's end of the process that gets mappings ready and forks the others."""

from __future__ import annotations

import os
import socket

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from engine.conversion.channels import Conversions
from engine.pipes import begin


class Nursery:
    """One such process; begins at once, and is ready a second or two later."""

    def __init__(self, conversions: Conversions, longest: float) -> None:
        self._control, theirs = socket.socketpair()
        given = os.memfd_create("mappings")
        try:
            with os.fdopen(os.dup(given), "wb") as file:
                file.write(conversions.packed)
            os.lseek(given, 0, os.SEEK_SET)
            self._process = begin(
                "engine.conversion.process",
                str(theirs.fileno()),
                str(longest),
                stdin=given,
                descriptors=[theirs.fileno()],
            )
        finally:
            os.close(given)
            theirs.close()

    @property
    def alive(self) -> bool:
        """Whether it may still fork."""
        return self._process.poll() is None

    def fork(self) -> socket.socket:
        """A connection to another process, which is there soon; closed when that ends.

        Raises:
            OSError: this one has ended.

        """
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def end(self) -> Deferred[int]:
        """End it; those that it has forked stay until they are told."""
        self._control.close()
        self._process.kill()
        return deferToThread(self._process.wait)
