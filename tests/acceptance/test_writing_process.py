"""The process that writes the store is a part of the engine: neither goes on without the other."""

import os
import signal
import time
from pathlib import Path

from tests.acceptance.conftest import Start
from tests.acceptance.daemon import ledger
from tests.acceptance.load import Load, lanes
from tests.acceptance.site import Site


def test_when_the_writing_process_is_killed_the_engine_ends_and_a_start_has_every_promise(
    site: Site, start: Start
) -> None:
    engine = start(site).ready()
    senders = lanes(3)
    load = Load(senders)
    load.start(site.port)
    while sum(len(lane.acknowledged) for lane in senders) < 100:
        engine.wait(0.05)
    engine.kill_writing_process()
    assert '"store.lost"' in engine.log.read_text()
    assert "Traceback" not in engine.log.read_text()
    load.stop()
    start(site).ready().until_delivered()
    acknowledged = sum(len(lane.acknowledged) for lane in senders)
    (account,) = ledger(site)["messages"]
    assert account["accepted"] >= acknowledged


def test_when_the_engine_is_killed_its_writing_process_goes_with_it(
    site: Site, start: Start
) -> None:
    engine = start(site).ready()
    child = engine.writing_process
    engine.kill()
    end = time.monotonic() + 5.0
    while Path(f"/proc/{child}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_an_engine_whose_writing_process_does_nothing_any_more_ends_when_it_is_told_to(
    site: Site, start: Start
) -> None:
    site.drain = 1.0
    site.write_out()
    engine = start(site, start_new_session=True).ready()
    child = engine.writing_process
    senders = lanes(3)
    load = Load(senders)
    load.start(site.port)
    while sum(len(lane.acknowledged) for lane in senders) < 100:
        engine.wait(0.05)
    os.kill(child, signal.SIGSTOP)
    engine.wait(0.2)
    assert engine.stop(timeout=30) == 1
    assert not Path(f"/proc/{child}").exists()
    load.stop()
    assert "Traceback" not in engine.log.read_text()
    start(site).ready().until_delivered()
    (account,) = ledger(site)["messages"]
    assert account["accepted"] >= sum(len(lane.acknowledged) for lane in senders)
