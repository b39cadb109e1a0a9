"""kill -9 under load, again and again: nothing acknowledged is lost, reordered or doubled."""

import os
import random
from pathlib import Path

import pytest

from tests.acceptance import messages
from tests.acceptance.daemon import Daemon, ledger
from tests.acceptance.load import Lane, Load, lanes
from tests.acceptance.site import Site
from tests.services import need

CYCLES = int(os.environ.get("KILL_CYCLES", "50" if need.in_ci() else "6"))
SHORTEST, LONGEST = 0.02, 0.5
#: So that several processes share the cycles: the start of an engine is most of one.
STORES = 5


@pytest.mark.parametrize("store", range(STORES))
def test_what_was_acknowledged_survives_every_kill(site: Site, store: int) -> None:
    if store:  # processes for mapping, as the first has them, double what a start costs
        site.processes = 0
        site.write_out()
    senders = lanes(4)
    load = Load(senders)
    dice = random.Random(site.port)
    for _ in range(-(-CYCLES // STORES)):
        with Daemon(site) as engine:
            engine.ready()
            load.start(site.port)
            engine.wait(dice.uniform(SHORTEST, LONGEST))
            if store % 2:
                engine.kill_writing_process()
            else:
                engine.kill()
            load.stop()
    with Daemon(site) as engine:
        engine.ready()
        load.start(site.port)
        load.stop()  # each lane resends what it had no answer to, then ends
        engine.until_delivered()
        assert engine.stop() == 0
    delivered = delivered_in(site.output)
    for lane in senders:
        assert lane.acknowledged, "a load that got nothing through proves nothing"
        assert missing(lane, delivered) == []
        assert delivered[lane.name] == sorted(set(delivered[lane.name]))
    assert ledger(site)


def delivered_in(output: Path) -> dict[str, list[int]]:
    """The numbers of each lane's results in the order of the file."""
    found: dict[str, list[int]] = {}
    for line in output.read_bytes().splitlines():
        number = messages.number_in(line)
        assert number is not None, f"a line that no message explains: {line[:200]!r}"
        found.setdefault(number[0], []).append(number[1])
    return found


def missing(lane: Lane, delivered: dict[str, list[int]]) -> list[int]:
    return sorted(set(lane.acknowledged) - set(delivered.get(lane.name, [])))
