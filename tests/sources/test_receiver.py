"""A receiver written for txHL7, behind our port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import defer

from engine.hl7v2.frame import wrap
from engine.sources.receiver import PluggedReceiver
from tests.sources.rig import Rig, adt

OpenPort = Callable[..., Rig]

txhl7 = pytest.importorskip("txHL7.receiver", reason="pip install txHL7")


class Slow(txhl7.AbstractHL7Receiver):  # type: ignore[misc, name-defined]
    """Answers when it is told to, some of its messages never, one with an exception."""

    def __init__(self) -> None:
        self.waiting: dict[str, defer.Deferred[None]] = {}

    def handleMessage(self, message_container: Any) -> Any:  # noqa: N802
        control_id = str(message_container.message.segment("MSH")[10])
        if control_id == "silent":
            return None
        if control_id == "fails":
            raise KeyError(control_id)
        self.waiting[control_id] = defer.Deferred()
        return self.waiting[control_id].addCallback(lambda _: message_container.ack())

    def getCodec(self) -> tuple[str, str]:  # noqa: N802
        return "utf-8", "strict"


def plug(rig: Rig) -> Slow:
    receiver = Slow()
    around = rig.port.around
    plugged = PluggedReceiver(receiver, "2575", around.record, rig.replies)
    rig.port.around = replace(around, reception=plugged)
    return receiver


@pytest_twisted.ensureDeferred
async def test_its_answers_leave_in_the_order_of_the_messages(open_port: OpenPort) -> None:
    rig = open_port()
    receiver = plug(rig)
    sender = await rig.sender()
    sender.send(adt("1"), adt("silent"), adt("2"), adt("fails"))
    await rig.until(lambda: set(receiver.waiting) == {"1", "2"})
    receiver.waiting["2"].callback(None)
    receiver.waiting["1"].callback(None)
    await sender.answered(3)
    assert (sender.codes, sender.ids) == (["AA", "AA", "AR"], ["1", "2", "fails"])


@pytest_twisted.ensureDeferred
async def test_bad_input_is_refused_and_does_not_cost_the_connection(open_port: OpenPort) -> None:
    rig = open_port()
    receiver = plug(rig)
    sender = await rig.sender()
    sender.raw(wrap(adt("1"))[1:])  # no start byte
    sender.send(b"hello", adt("2").replace(b"Anna", b"\xff"), adt("3"))
    await rig.until(lambda: "3" in receiver.waiting)
    receiver.waiting["3"].callback(None)
    await sender.answered(3)
    assert (sender.codes, sender.ids) == (["AR", "AR", "AA"], ["1", "2", "3"])
