"""Conversions per second of one core, beside a converter written by hand for this one feed."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson

from benchmarks import handwritten, samples
from benchmarks.table import Row
from engine.hl7v2.message import Message
from engine.mapping.library import load_library
from engine.mapping.result import Context

MESSAGES = 500
ROUNDS = 7
GOAL = 3.4
_ID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def measure() -> list[Row]:
    """Bytes in, JSON of every resource out; the best of several rounds each, in turns."""
    messages = _messages()
    convert = ours()
    same = min(share(convert(message), by_hand(message)) for message in messages[:50])
    elements = f"{same:.0%} of the elements"
    engine, hand = _best((convert, by_hand), messages)
    return [
        Row(
            "conversions of the 14-OBX result, one core",
            f"{1 / engine:,.0f}/s, {engine * 1e6:.0f} µs",
            f"by hand {1 / hand:,.0f}/s, {elements}: {engine / hand:.1f}x its time",
            f"≤ {GOAL}x",
            engine / hand <= GOAL,
        )
    ]


def rate_by_hand() -> float:
    """Conversions per second of the other way alone: what this machine is worth."""
    return 1 / _best((by_hand,), _messages())[0]


def _messages() -> list[bytes]:
    return [samples.oru14(number, number % 100).encode() for number in range(MESSAGES)]


def ours() -> Callable[[bytes], list[bytes]]:
    """The engine's way: read, map by the standard library, serialise."""
    mapping = load_library([]).mapping("standard")
    context = Context(UTC, datetime.now(UTC), "benchmark")

    def convert(raw: bytes) -> list[bytes]:
        mapped = mapping.convert(Message.read(raw), context)
        return [orjson.dumps(resource.body) for resource in mapped.resources]

    return convert


def by_hand(raw: bytes) -> list[bytes]:
    """The other way."""
    return [orjson.dumps(body) for body in handwritten.convert(raw)]


def share(ours: Iterable[bytes], by_hand: Iterable[bytes]) -> float:
    """How many of our elements the other makes too; it may make none that we do not."""
    left, right = set(_leaves(_comparable(ours))), set(_leaves(_comparable(by_hand)))
    invented = right - left
    if invented:
        raise AssertionError("\n".join(sorted(invented)))
    return len(right) / len(left)


def _leaves(tree: Any, path: str = "") -> Iterator[str]:
    """Every value with the way to it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _leaves(value, f"{path}[{index}]")
    else:
        yield f"{path} = {tree!r}"


def _comparable(resources: Iterable[bytes]) -> dict[str, Any]:
    """Resources by type and label, every reference by the same name."""
    bodies = [orjson.loads(resource) for resource in resources]
    named: dict[str, Any] = {}
    for body in bodies:
        label = f"{body['resourceType']}/{_label(body)}"
        named[next(f"{label}/{n}" for n in count() if f"{label}/{n}" not in named)] = body
    ids = {body.pop("id"): name for name, body in named.items()}

    def known(found: re.Match[bytes]) -> bytes:
        return ids["m" + found[0].decode().replace("-", "")].encode()

    return {name: orjson.loads(_ID.sub(known, orjson.dumps(body))) for name, body in named.items()}


def _label(body: dict[str, Any]) -> str:
    identifiers = body.get("identifier") or [{}]
    return str(identifiers[0].get("value") or body.get("code", {}).get("text", ""))


def _best(ways: Sequence[Callable[[bytes], list[bytes]]], messages: Sequence[bytes]) -> list[float]:
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for index, way in enumerate(ways):
            begin = time.process_time()
            for message in messages:
                way(message)
            best[index] = min(best[index], (time.process_time() - begin) / len(messages))
    return best
