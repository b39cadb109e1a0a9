"""A value that no JSON can hold costs itself, and says where it was."""

from pathlib import Path

import orjson
import pytest

from engine.conversion.channels import Conversions, Work
from engine.errors import Location
from engine.mapping.result import Issue, Mapped, Severity
from engine.mapping.writable import writable
from tests.conversion.feeds import feed
from tests.destinations import stated
from tests.service.site import library

HUGE = 10**30


def mapped() -> Mapped:
    odd = {
        "code": {"text": "x"},
        "count": HUGE,
        "list": [1, HUGE, {"deep": {1}}, orjson.Fragment(b"5.10")],
        "path": Path("x"),
    }
    return stated.mapped(stated.resource("Basic", "1", {}), stated.resource("Basic", "2", odd))


def test_what_cannot_be_written_is_an_issue_with_its_place() -> None:
    first, second = writable(mapped()).resources
    before = mapped().resources
    assert first == before[0]
    kept = orjson.loads(orjson.dumps(second.body))
    assert (kept["code"], kept["list"]) == ({"text": "x"}, [1, 5.1])
    assert "count" not in kept
    assert writable(mapped()).issues == [
        Issue(Severity.ERROR, "a value that JSON cannot hold", before[1].origin, f"Basic.{path}")
        for path in ("count", "list", "list.deep", "path")
    ]


class Odd(Conversions):
    def mapped(self, channel: str, raw: bytes, received_at: float) -> Mapped:  # noqa: ARG002
        return mapped()


@pytest.mark.parametrize("policy", ["deliver", "hold"])
def test_a_message_with_such_a_value_is_delivered_without_it_or_held_with_its_place(
    policy: str,
) -> None:
    odd = Odd(library(), {"north": feed(issues=policy)})
    prepared = odd.prepared(Work("north", "own-ids", b"", 0.0))
    assert prepared.issues["error"] == 4
    if policy == "deliver":
        assert len(prepared.entries) == 2
        assert prepared.hold is None
    else:
        assert prepared.hold is not None
        assert "a value that JSON cannot hold and 3 more" in prepared.hold


def test_a_place_is_where_the_resource_comes_from() -> None:
    made = mapped()
    made.resources[1].origin = Location("OBX", 3)
    assert {issue.at for issue in writable(made).issues} == {Location("OBX", 3)}
