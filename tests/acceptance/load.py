"""Senders under load: each connection is one patient's lane, and resends what was unanswered."""

import threading
from collections import deque
from dataclasses import dataclass, field

from tests.acceptance import messages
from tests.acceptance.link import Link, msa, positive

WINDOW = 4


@dataclass
class Lane:
    """One patient's results in order: what was sent and not answered, what was acknowledged."""

    name: str
    sent: int = 0
    waiting: deque[int] = field(default_factory=deque)
    acknowledged: list[int] = field(default_factory=list)

    def run(self, port: int, stop: threading.Event) -> None:
        """Send until told to stop or cut off; begin with what nobody answered."""
        try:
            with Link(port) as link:
                self._resend(link)
                while not stop.is_set():
                    self._send_next(link)
                while self.waiting:
                    self._take_answer(link)
        except (OSError, ConnectionError):
            return

    def _resend(self, link: Link) -> None:
        link.send(*[messages.result(self.name, number) for number in self.waiting])
        for _ in range(len(self.waiting)):
            self._take_answer(link)

    def _send_next(self, link: Link) -> None:
        self.sent += 1
        self.waiting.append(self.sent)
        link.send(messages.result(self.name, self.sent))
        if len(self.waiting) >= WINDOW:
            self._take_answer(link)

    def _take_answer(self, link: Link) -> None:
        answer = link.answer()
        if answer is None:
            raise ConnectionError("the engine hung up")
        # Answers come in the order of the messages, so the oldest waiting one is meant.
        assert msa(answer, 2) == messages.control_id(self.name, self.waiting[0])
        number = self.waiting.popleft()
        if positive(msa(answer, 1)):
            self.acknowledged.append(number)


class Load:
    """Several lanes sending at once from threads."""

    def __init__(self, lanes: list[Lane]) -> None:
        self._lanes = lanes
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, port: int) -> None:
        """Connect and send."""
        self._stop.clear()
        self._threads = [
            threading.Thread(target=lane.run, args=(port, self._stop)) for lane in self._lanes
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more; wait until every lane has its answers or was cut off."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


def lanes(count: int) -> list[Lane]:
    """Lanes named A, B, C and so on."""
    return [Lane(chr(ord("A") + index)) for index in range(count)]
