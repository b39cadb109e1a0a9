"""What this process knows that a server holds of resources which many patients share.

Practitioner, Organization, Location come again with every message. Each is looked at once and
then only when a message says something else of it; and by one writer at a time, for two at
once leave duplicates or conflicts (measured on HAPI FHIR 8.8).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from twisted.internet.defer import DeferredLock

#: So many resources are remembered; what is forgotten is looked at again.
REMEMBERED = 50_000
#: So many ways in which messages state the same resource (one with, one without the given name).
STATEMENTS = 16
#: Seconds after which it is looked at again: others may have deleted or changed it.
FRESH = 3600.0


class _Known:
    """Where a resource is, and which statements of it the server's version covers."""

    __slots__ = ("covered", "reference", "since")

    def __init__(self, reference: str, since: float) -> None:
        self.reference = reference
        self.since = since
        self.covered: set[int] = set()


class SharedResources:
    """Knowledge and locks by key: the type and criterion, or the type and own id."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._locks: dict[str, _Lock] = {}

    def reference(self, key: str, statement: int, now: float) -> str:
        """The literal reference to a resource that covers a statement, "" when not known."""
        known = self._known.get(key)
        if known is None or statement not in known.covered or now - known.since > FRESH:
            return ""
        self._known.move_to_end(key)
        return known.reference

    def learn(
        self, key: str, statement: int, reference: str, now: float, *, changed: bool = False
    ) -> None:
        """The server's version covers a statement; ``changed``: it may cover no other any more."""
        known = self._known.get(key)
        if known is None or changed or known.reference != reference or now - known.since > FRESH:
            known = self._known[key] = _Known(reference, now)
        if len(known.covered) >= STATEMENTS:
            known.covered.clear()
        known.covered.add(statement)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, keys: Iterable[str]) -> None:
        """What was known turned out not to be so."""
        for key in keys:
            self._known.pop(key, None)

    # --- one writer at a time ----------------------------------------------------------------

    async def acquire(self, keys: Iterable[str]) -> list[str]:
        """Become the only writer of these; in one order, so that none wait in a ring."""
        taken: list[str] = []
        try:
            for key in sorted(set(keys)):
                lock = self._locks.setdefault(key, _Lock())
                lock.users += 1
                try:
                    await lock.lock.acquire()
                except BaseException:
                    self._leave(key)
                    raise
                taken.append(key)
        except BaseException:
            self.release(taken)
            raise
        return taken

    def release(self, keys: Iterable[str]) -> None:
        """Let the next writer in."""
        for key in keys:
            self._locks[key].lock.release()
            self._leave(key)

    def _leave(self, key: str) -> None:
        lock = self._locks[key]
        lock.users -= 1
        if not lock.users:
            del self._locks[key]


class _Lock:
    """A lock that is forgotten when nobody uses it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = DeferredLock()
        self.users = 0
