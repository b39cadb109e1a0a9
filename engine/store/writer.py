"""One thread that writes: whatever waits for it is committed together.

Nothing is promised before the fsync of its commit has returned; a call that fails loses
nothing but itself; a store that cannot write, or whose files are not those that a restart would
find, fails every call, and is tried again by the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from engine.errors import StoreError
from engine.store.session import Session, condition_of, is_passing, store_error

T = TypeVar("T")

#: At most so many calls, and about so many bytes of messages, in one commit.
GROUP_CALLS = 1024
GROUP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """A kind of call: how many of them are done at once.

    Calls of one group have not been answered yet, so their order is ours to choose: by rank,
    what adds or settles before what hands out.
    """

    name: str
    rank: int
    run: Callable[[Session, Sequence[Any]], Sequence[Any]]


@dataclass(eq=False, slots=True)
class _Call:
    kind: Kind
    argument: Any
    deferred: Deferred[Any]
    size: int
    #: what came of it
    result: Any = None


class Writer:
    """The thread, its queue, and its way back to the reactor."""

    def __init__(
        self,
        opened: Callable[[], Session],
        from_thread: Callable[..., Any],
        present: Callable[[], None],
    ) -> None:
        self._open = opened
        self._present = present
        self._from_thread = from_thread
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._session: Session | None = None
        self._closing = False
        self._closed: Deferred[None] = Deferred()
        self._thread = threading.Thread(target=self._work, name="store writer", daemon=True)

    def start(self) -> None:
        """Open the store; raise StoreError when that cannot be."""
        started: SimpleQueue[BaseException | None] = SimpleQueue()
        self._started = started.put
        self._thread.start()
        failure = started.get()
        if failure is not None:
            self._closing = True
            raise failure

    def submit(self, kind: Kind, argument: Any, size: int = 0) -> Deferred[Any]:
        """Have a call done; its Deferred fires on the reactor's thread, after the commit."""
        if self._closing:
            return fail(StoreError("the store is closed"))
        call = _Call(kind, argument, Deferred(), size)
        self._calls.put(call)
        return call.deferred

    def stop(self) -> Deferred[None]:
        """Do what was asked for until now, then close."""
        if not self._closing:
            self._closing = True
            self._calls.put(None)
        return self._closed

    # --- in the thread -----------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._session = self._open()
        except BaseException as failure:
            self._started(failure)
            return
        self._started(None)
        going_on = True
        while going_on:
            group, going_on = self._next_group()
            if group:
                self._do(group)
                self._from_thread(_answer, group)
        if self._session is not None:
            self._session.close()
        self._from_thread(self._closed.callback, None)

    def _next_group(self) -> tuple[list[_Call], bool]:
        """Everything that waits, within limits; and whether there may be more."""
        group: list[_Call] = []
        size = 0
        call = self._calls.get()
        while call is not None:
            group.append(call)
            size += call.size
            if len(group) >= GROUP_CALLS or size >= GROUP_BYTES:
                return group, True
            try:
                call = self._calls.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _do(self, group: list[_Call]) -> None:
        try:
            session = self._session or self._reopen()
            self._present()  # now, to say what SQLite would only stumble over
            kinds = _by_kind(group)
            session.connection.execute("BEGIN IMMEDIATE")
            if not _all_at_once(session, kinds):
                for calls in kinds:
                    _run(session, calls)
            self._present()  # and as late as can be
            session.connection.execute("COMMIT")
        except BaseException as failure:
            error = self._undo(failure)
            for call in group:
                call.result = _failure(error)

    def _reopen(self) -> Session:
        self._session = self._open()
        return self._session

    def _undo(self, failure: BaseException) -> BaseException:
        """Take back the group; what its calls are told."""
        session, condition = self._session, condition_of(failure)
        if session is None:
            return failure
        session.rolled_back()
        try:
            if session.connection.in_transaction:
                session.connection.execute("ROLLBACK")
        except Exception:
            condition = None
        else:
            if isinstance(failure, StoreError):
                return failure  # the files: what the connection has open may be all that is left
        if condition is None or not is_passing(condition):
            self._session = None  # a connection that has seen worse is not trusted again
            session.close()
        return store_error(session.path, failure)


def _by_kind(group: list[_Call]) -> list[list[_Call]]:
    kinds: dict[Kind, list[_Call]] = {}
    for call in group:
        kinds.setdefault(call.kind, []).append(call)
    return [kinds[kind] for kind in sorted(kinds, key=lambda kind: kind.rank)]


def _all_at_once(session: Session, kinds: list[list[_Call]]) -> bool:
    """Do everything; when one call fails, nothing, and the others must be told from it."""
    try:
        for calls in kinds:
            _call(session, calls)
    except Exception as failure:
        if condition_of(failure) is not None or not session.connection.in_transaction:
            raise
        session.rolled_back()
        session.connection.execute("ROLLBACK")
        session.connection.execute("BEGIN IMMEDIATE")
        return False
    return True


def _call(session: Session, calls: list[_Call]) -> None:
    results = calls[0].kind.run(session, [call.argument for call in calls])
    for call, result in zip(calls, results, strict=True):
        call.result = result


def _run(session: Session, calls: list[_Call]) -> None:
    """Do calls of one kind at once; when that fails, one by one, so that one fails alone."""
    try:
        _attempt(session, calls)
    except Exception as failure:
        if condition_of(failure) is not None or not session.connection.in_transaction:
            raise  # what was done before is undone as well: nothing may be promised
        if len(calls) == 1:
            calls[0].result = _failure(failure)
            return
        for call in calls:
            _run(session, [call])


def _attempt(session: Session, calls: list[_Call]) -> None:
    run = session.connection.execute
    run("SAVEPOINT calls")
    try:
        _call(session, calls)
    except BaseException:
        session.rolled_back()
        if session.connection.in_transaction:  # SQLite may have undone all of it by itself
            run("ROLLBACK TO calls")
            run("RELEASE calls")
        raise
    run("RELEASE calls")


def _failure(error: BaseException) -> Failure:
    return Failure(error)  # type: ignore[no-untyped-call]


def _answer(group: list[_Call]) -> None:
    """Fire the Deferreds of a group; on the reactor's thread."""
    for call in group:
        if isinstance(call.result, Failure):
            call.deferred.errback(call.result)
        else:
            call.deferred.callback(call.result)
