"""What a receipt promised is there after kill -9."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest_twisted

from engine.lifecycle import State
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW

_WRITER = """
import sys
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import defer, task
from engine.lifecycle import Event
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW, received

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

async def send(store, sender):
    number = sender
    while True:
        receipt = await store.accept(received(number, patient=f"T{number}"))
        say("accepted", receipt.message_id)
        number += 8

async def deliver(store):
    while True:
        claims = await store.claim("clinic", 5, NOW)
        for claim in claims[1:]:
            await store.settle(claim.delivery_id, Event.ACCEPTED, now=NOW)
            say("delivered", claim.message_id)

async def main(reactor):
    store = SqliteStore(sys.argv[1], reactor=reactor)
    store.open()
    await defer.gatherResults(
        [defer.ensureDeferred(send(store, n)) for n in range(8)]
        + [defer.ensureDeferred(deliver(store))]
    )

task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
"""


@pytest_twisted.ensureDeferred
async def test_nothing_that_was_promised_is_missing_after_a_kill(path: Path) -> None:
    promised: dict[str, set[int]] = {"accepted": set(), "delivered": set()}
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            what, number = line.split()
            promised[what].add(int(number))
            if min(map(len, promised.values())) >= 200 and writer.poll() is None:
                writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    store = SqliteStore(path, clock=lambda: NOW)
    store.open()
    ledger = await store.ledger(verify=True)
    assert ledger.balanced, ledger.faults
    (clinic,) = ledger.deliveries
    assert clinic.states[State.SENDING] == 0
    assert clinic.states[State.DELIVERED] >= len(promised["delivered"])
    with store.reader(path) as reader:
        for number in promised["accepted"]:
            assert reader.raw(number) is not None
        for number in promised["delivered"]:
            message = reader.message(number)
            assert message is not None
            assert [d.state for d in message.deliveries] == [State.DELIVERED]
    await store.close()
