"""A store that is written by a thread: a test may have a look at its session, or patch it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, cast

from engine.store.committer import Asked, Committer
from engine.store.opening import Opening
from engine.store.sqlite import SqliteStore


class ThreadBench:
    """Commits in a thread of this process."""

    def __init__(self, committer: Committer, from_thread: Callable[..., Any]) -> None:
        self._committer = committer
        self._from_thread = from_thread
        self._groups: SimpleQueue[Sequence[Asked] | None] = SimpleQueue()

    def open(self, done: Callable[[Sequence[Any]], None], over: Callable[[], None]) -> None:
        """Begin; raise StoreError when the store cannot be opened."""
        opened: SimpleQueue[BaseException | None] = SimpleQueue()

        def work() -> None:
            try:
                self._committer.open()
            except BaseException as failure:
                opened.put(failure)
                return
            opened.put(None)
            while (group := self._groups.get()) is not None:
                self._from_thread(done, self._committer.commit(group))
            self._committer.close()
            self._from_thread(over)

        threading.Thread(target=work, name="store writer", daemon=True).start()
        failure = opened.get()
        if failure is not None:
            raise failure

    def commit(self, group: Sequence[Asked]) -> None:
        """Do a group."""
        self._groups.put(group)

    def close(self) -> None:
        """End, and give the files back."""
        self._groups.put(None)

    def kill(self) -> None:
        """Nothing ends a thread."""


class ThreadedStore(SqliteStore):
    """As the engine's, but for who writes."""

    def _bench(self) -> ThreadBench:
        from twisted.internet import reactor  # it is installed by now

        opening = Opening(self._path, self._clock)
        committer = Committer(opening.session, opening.presence.look)
        return ThreadBench(committer, cast("Any", reactor).callFromThread)
