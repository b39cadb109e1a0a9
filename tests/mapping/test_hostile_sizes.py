"""Work grows as the message does, and not as its square."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest

from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

CONTEXT = Context(UTC, datetime(2026, 1, 1, tzinfo=UTC), "hostile")
LIBRARY = load_library()
MAPPING = LIBRARY.mapping()
HEAD = "MSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5.1\rPID|1||1^^^X||Muster^Anna\r"
SMALL, LARGE = 80, 800


def results(number: int) -> str:
    return HEAD + "OBR|1||F|X^x^L\r" + "".join(
        f"OBX|{n}|NM|Q{n}^q^L||5|mg|1-2|N|||F\r" for n in range(number)
    )  # fmt: skip


def equal_results(number: int) -> str:
    return HEAD + "OBR|1||F|X^x^L\r" + "OBX|1|NM|Q^q^L||5|mg|1-2|N|||F\r" * number


def orders(number: int) -> str:
    return HEAD + "".join(
        f"ORC|RE|P{n}|F{n}|||||P0^&F0\rOBR|{n}|P{n}|F{n}|X^x^L\rOBX|1|ST|Q^q^L||a\rNTE|1||b\r"
        for n in range(number)
    )


def repetitions(number: int) -> str:
    return HEAD.replace("1^^^X", "~".join(f"{n}^^^X" for n in range(number)))


def relatives(number: int) -> str:
    return HEAD + "".join(f"NK1|{n}|Muster^Kind{n}|CHD\r" for n in range(number))


def lines_of(text: str) -> int:
    """How many lines of Python are run to map a message."""
    message = Message.read(text.encode())
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)
    try:
        MAPPING.convert(message, CONTEXT)
    finally:
        sys.settrace(None)
    return count


def seconds_of(text: str) -> float:
    """The least processor time that a message takes."""
    message = Message.read(text.encode())
    taken = []
    for _ in range(3):
        begin = time.process_time()
        MAPPING.convert(message, CONTEXT)
        taken.append(time.process_time() - begin)
    return min(taken)


@pytest.mark.parametrize("message", [results, equal_results, orders])
def test_work_grows_with_the_message_and_not_faster(message: Callable[[int], str]) -> None:
    MAPPING.convert(Message.read(message(2).encode()), CONTEXT)  # what is compiled once
    small, large = lines_of(message(SMALL)), lines_of(message(LARGE))
    assert large < 1.3 * small * LARGE / SMALL


@pytest.mark.parametrize("message", [repetitions, relatives])
def test_a_value_is_not_compared_with_each_before_it(message: Callable[[int], str]) -> None:
    MAPPING.convert(Message.read(message(2).encode()), CONTEXT)
    # Comparisons run no line of Python, so that only their time tells. 32 times as many values cost
    # some 32 times as much, squared a thousandfold: the bar stands far from both.
    assert seconds_of(message(16000)) < 200 * seconds_of(message(500))


def test_a_repetition_far_behind_its_like_is_not_told_twice() -> None:
    numbers = [*range(100), 7, 99]
    text = HEAD.replace("1^^^X", "~".join(f"{n}^^^X" for n in numbers))
    made = MAPPING.convert(Message.read(text.encode()), CONTEXT).resources
    (patient,) = (item.body for item in made if item.body["resourceType"] == "Patient")
    assert [one["value"] for one in patient["identifier"]] == [str(n) for n in range(100)]
