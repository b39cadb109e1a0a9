"""Who waits until a message is delivered: `ack.when: delivered` in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.lifecycle import State

#: What a waiter is told once: the state that decides.
Told = Callable[[State], None]


class _Watch:
    """One message, the destinations that have not settled it, and who is to be told."""

    __slots__ = ("open", "told")

    def __init__(self, destinations: Iterable[str], told: Told) -> None:
        self.open = set(destinations)
        self.told = told


class Settlements:
    """Messages whose senders wait for the deliveries; the delivery loops tell what they settle."""

    def __init__(self) -> None:
        self._watches: dict[int, _Watch] = {}

    def watch(self, message_id: int, destinations: Iterable[str], told: Told) -> None:
        """Tell once: delivered everywhere, or the first destination that will not deliver it."""
        watch = _Watch(destinations, told)
        if watch.open:
            self._watches[message_id] = watch
        else:
            told(State.DELIVERED)

    def forget(self, message_id: int) -> None:
        """Nobody waits any more."""
        self._watches.pop(message_id, None)

    def settled(self, message_id: int, destination: str, state: State) -> None:
        """A delivery has reached a state; called for every one, most of which nobody awaits."""
        watch = self._watches.get(message_id)
        if watch is None:
            return
        if state is State.DELIVERED:
            watch.open.discard(destination)
            if watch.open:
                return
        elif state not in (State.DEAD, State.HELD):
            return  # on its way: the sender goes on waiting
        del self._watches[message_id]
        watch.told(state)
