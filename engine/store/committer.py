"""Groups of calls, each in one transaction: all that is promised of it is on the disk.

Nothing is promised before the fsync of its commit has returned; a call that fails loses
nothing but itself; a store that cannot write, or whose files are not those that a restart would
find, fails every call, and is tried again by the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.errors import StoreError
from engine.store import claims
from engine.store.kinds import Kind
from engine.store.opening import transaction
from engine.store.session import Session, condition_of, is_passing, store_error

#: A kind of call and its argument.
Asked = tuple[Kind, Any]


class Failed(NamedTuple):
    """In place of a call's result: why there is none."""

    error: BaseException


class _Call:
    """One call of a group, and what came of it."""

    __slots__ = ("argument", "kind", "result")

    def __init__(self, kind: Kind, argument: Any) -> None:
        self.kind = kind
        self.argument = argument
        self.result: Any = None


class Committer:
    """The writing session, and how groups of calls are done with it."""

    def __init__(self, opened: Callable[[], Session], present: Callable[[], None]) -> None:
        self._open = opened
        self._present = present
        self._session: Session | None = None

    def open(self) -> None:
        """Open the session; what was being sent when the store was left is queued again.

        Raises:
            StoreError: that cannot be.

        """
        session = self._session = self._open()
        try:
            with transaction(session):
                claims.release(session, None)
        except sqlite3.Error as failure:
            self.close()
            raise store_error(session.path, failure) from failure

    def close(self) -> None:
        """Give the files back."""
        if self._session is not None:
            self._session.close()

    def commit(self, asked: Sequence[Asked]) -> list[Any]:
        """Do these together; what came of each: its result, or ``Failed``."""
        group = [_Call(kind, argument) for kind, argument in asked]
        try:
            session = self._session or self._reopen()
            kinds = _by_kind(group)
            session.connection.execute("BEGIN IMMEDIATE")
            if not _all_at_once(session, kinds):
                for calls in kinds:
                    _run(session, calls)
            self._present()  # and as late as can be
            session.connection.execute("COMMIT")
        except BaseException as failure:
            return [Failed(self._undo(failure))] * len(group)
        return [call.result for call in group]

    def _reopen(self) -> Session:
        self._session = self._open()
        return self._session

    def _undo(self, failure: BaseException) -> BaseException:
        """Take back the group; what its calls are told."""
        session, condition = self._session, condition_of(failure)
        if session is None:
            return failure
        failure = self._what_is_behind(failure)
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

    def _what_is_behind(self, failure: BaseException) -> BaseException:
        """What is wrong with the files, when SQLite has only stumbled over it."""
        try:
            self._present()
        except StoreError as reason:
            return reason
        return failure


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
            calls[0].result = Failed(failure)
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
