"""SIGTERM and SIGHUP under load cost nothing: no message, no order, no connection."""

import signal
from pathlib import Path

from tests.acceptance import messages
from tests.acceptance.conftest import Start
from tests.acceptance.daemon import ledger
from tests.acceptance.link import Link
from tests.acceptance.load import Load, lanes
from tests.acceptance.site import Site
from tests.acceptance.test_kill import delivered_in, missing


def test_sigterm_under_load_drains_and_a_restart_resumes(site: Site, start: Start) -> None:
    senders = lanes(4)
    load = Load(senders)
    for _ in range(3):
        engine = start(site).ready()
        load.start(site.port)
        engine.wait(0.5)
        assert engine.stop() == 0
        load.stop()
    engine = start(site).ready()
    load.start(site.port)
    load.stop()
    engine.until_delivered()
    assert engine.stop() == 0
    delivered = delivered_in(site.output)
    for lane in senders:
        assert missing(lane, delivered) == []
        assert delivered[lane.name] == sorted(set(delivered[lane.name]))
    assert ledger(site)


def test_sighup_under_load_keeps_the_connections(site: Site, start: Start) -> None:
    engine = start(site).ready()
    senders = lanes(3)
    load = Load(senders)
    load.start(site.port)
    for _ in range(5):
        engine.wait(0.1)
        engine.process.send_signal(signal.SIGHUP)
        engine.told("READY=1")
    load.stop()
    # A lane that is cut off would leave something unanswered.
    assert [lane.name for lane in senders if lane.waiting] == []
    engine.until_delivered()
    assert engine.stop() == 0
    delivered = delivered_in(site.output)
    assert all(missing(lane, delivered) == [] for lane in senders)


def test_a_bad_configuration_changes_nothing(site: Site, start: Start) -> None:
    engine = start(site).ready()
    channel = site.folder / "channels" / "acceptance.yaml"
    with Link(site.port) as link:
        assert link.exchange(messages.result("A", 1)) == "AA"
        channel.write_text(channel.read_text().replace("mapping:", "maping:"))
        engine.process.send_signal(signal.SIGHUP)
        engine.logged("maping")
        assert link.exchange(messages.result("A", 2)) == "AA"
    assert engine.stop() == 0


def test_a_reload_that_is_asked_for_during_the_start_is_done_after_it(
    site: Site, start: Start
) -> None:
    engine = start(site)
    while not catches(engine.process.pid, signal.SIGHUP):
        engine.wait(0.01)
    engine.process.send_signal(signal.SIGHUP)
    engine.ready()
    engine.logged("engine.reloaded")
    with Link(site.port) as link:
        assert link.exchange(messages.result("A", 1)) == "AA"
    assert engine.stop() == 0


def catches(process: int, number: int) -> bool:
    """Whether a process has a handler for a signal (proc(5))."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)
