"""Whatever waits is committed together, by somebody who does nothing else.

While a group is committed, what is asked for becomes the next one. So a lone call goes at once,
and the more there is to do, the more of it shares an fsync.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from engine.errors import StoreError
from engine.store.committer import Asked, Failed
from engine.store.kinds import Kind

#: At most so many calls, and about so many bytes of messages, in one commit.
GROUP_CALLS = 1024
GROUP_BYTES = 4 * 1024 * 1024
#: So many calls are a group worth having ready, for when the one before it is done: the reactor
#: may be at something else by then.
AHEAD = 4


class Bench(Protocol):
    """Where groups are committed: apart from the reactor, which must not wait for a disk.

    Groups are done in their order; ``done`` gets what came of each, ``over`` is called when no
    more will be done. Both are called on the reactor's thread.
    """

    def open(self, done: Callable[[Sequence[Any]], None], over: Callable[[], None]) -> None:
        """Begin; raise StoreError when the store cannot be opened."""
        ...

    def commit(self, group: Sequence[Asked]) -> None:
        """Do a group, after those before it."""
        ...

    def close(self) -> None:
        """End, and give the files back."""
        ...

    def kill(self) -> None:
        """End at once, whatever is under way; ``over`` is called as ever."""
        ...


#: Gets a call's result, or ``Failed``; never raises.
Told = Callable[[Any], None]


class _Call:
    """What was asked for, and who is told what came of it."""

    __slots__ = ("argument", "kind", "size", "told")

    def __init__(self, kind: Kind, argument: Any, size: int, told: Told) -> None:
        self.kind = kind
        self.argument = argument
        self.size = size
        self.told = told


class Writer:
    """Calls in, what came of them out, in groups.

    ``lost`` is called when the bench has ended although nobody has closed it: nothing can be
    written any more, and what was claimed last is unknown until the store is opened again.
    """

    def __init__(self, bench: Bench, lost: Callable[[StoreError], None]) -> None:
        self._bench = bench
        self._lost = lost
        self._groups: deque[list[_Call]] = deque()
        self._waiting: list[_Call] = []
        self._closing = False
        self._over: StoreError | None = None
        self._closed: Deferred[None] = Deferred()

    def start(self) -> None:
        """Open the store; raise StoreError when that cannot be."""
        self._bench.open(self._done, self._ended)

    def submit(self, kind: Kind, argument: Any, size: int = 0) -> Deferred[Any]:
        """Have a call done; its Deferred fires after the commit."""
        deferred: Deferred[Any] = Deferred()

        def told(result: Any) -> None:
            if isinstance(result, Failed):
                deferred.errback(result.error)
            else:
                deferred.callback(result)

        self.ask(kind, argument, size, told)
        return deferred

    def ask(self, kind: Kind, argument: Any, size: int, told: Told) -> None:
        """Have a call done, of about so many bytes; tell what came of it after the commit."""
        if self._closing or self._over:
            told(Failed(self._over or StoreError("the store is closed")))
            return
        self._waiting.append(_Call(kind, argument, size, told))
        self._hand_over()

    def stop(self) -> Deferred[None]:
        """Do what was asked for until now, then close."""
        if not self._closing:
            self._closing = True
            if self._over:
                self._closed.callback(None)
            elif not self._groups:
                self._bench.close()
        return self._closed

    def give_up(self) -> None:
        """Wait no longer for a bench that does nothing any more: what was asked for fails."""
        if self._over is None:
            self._bench.kill()

    def _hand_over(self) -> None:
        """Have the next group done, when the bench would soon have nothing to do."""
        on_their_way = len(self._groups)
        if on_their_way > 1 or len(self._waiting) < (AHEAD if on_their_way else 1):
            return
        group, self._waiting = _cut(self._waiting)
        self._groups.append(group)
        try:
            self._bench.commit([(call.kind, call.argument) for call in group])
        except Exception:  # no memory: it is said in part, or not at all
            # What comes for the next group would be taken for what came of this one.
            self._bench.kill()

    def _done(self, results: Sequence[Any]) -> None:
        """Have the next group done, and tell what came of this one."""
        group = self._groups.popleft()
        self._hand_over()
        if self._closing and not self._groups:
            self._bench.close()
        for call, result in zip(group, results, strict=True):
            call.told(result)

    def _ended(self) -> None:
        """Nothing is done any more: as it was asked for, or by a fault."""
        error = self._over = StoreError("the process that writes the store has ended")
        closing = self._closing
        if not closing:
            self._lost(error)
        calls = [*chain.from_iterable(self._groups), *self._waiting]
        self._groups.clear()
        self._waiting = []
        for call in calls:
            call.told(Failed(error))
        if closing:
            self._closed.callback(None)


def _cut(calls: list[_Call]) -> tuple[list[_Call], list[_Call]]:
    """The next group, within its limits, and the rest."""
    number = size = 0
    for number, call in enumerate(calls, 1):
        size += call.size
        if number >= GROUP_CALLS or size >= GROUP_BYTES:
            break
    return calls[:number], calls[number:]
