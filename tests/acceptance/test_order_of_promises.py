"""No positive answer leaves before the commit that makes it true is on the disk.

``kill -9`` cannot show this, because the page cache survives the process; the
order of the system calls can.
"""

import re
import subprocess
from pathlib import Path

from tests.acceptance.conftest import Start
from tests.acceptance.load import Load, lanes
from tests.acceptance.site import Site
from tests.acceptance.syscalls import Call, calls, strace
from tests.services import need

RECEIVED = re.compile(r"\|ORU\^R01\^ORU_R01\|([A-Z]-\d+)\|")
PROMISED = re.compile(r"MSA\|(?:AA|CA)\|([A-Z]-\d+)")
MESSAGES_AT_LEAST = 50
HOW = "apt-get install strace, in a container with CAP_SYS_PTRACE (or run .ci/services)"


def can_trace(folder: Path) -> bool:
    done = subprocess.run([*strace(folder / "probe"), "true"], check=False, capture_output=True)
    return done.returncode == 0


def test_the_wal_is_synced_between_a_message_and_its_positive_answer(
    site: Site, start: Start, tmp_path: Path
) -> None:
    need.program("strace", HOW)
    if not can_trace(tmp_path):
        need.leave_out("strace's right to trace", HOW)
    trace = tmp_path / "trace"
    engine = start(site, under=strace(trace)).ready()
    senders = lanes(3)
    load = Load(senders)
    load.start(site.port)
    while sum(len(lane.acknowledged) for lane in senders) < MESSAGES_AT_LEAST:
        engine.wait(0.1)
    load.stop()
    engine.stop_child()
    seen = calls(trace.read_text(errors="replace").splitlines())
    acknowledged = {f"{lane.name}-{n}" for lane in senders for n in lane.acknowledged}
    assert unkept_promises(seen) == []
    assert promises(seen).keys() >= acknowledged


def promises(seen: list[Call]) -> dict[str, int]:
    """Where the write of each positive answer begins."""
    sends = (call for call in seen if call.name in ("sendto", "sendmsg", "write", "writev"))
    return {number: call.entered for call in sends for number in PROMISED.findall(call.text)}


def unkept_promises(seen: list[Call]) -> list[str]:
    """Answers without a WAL write, then its completed sync, since the message came in."""
    arrivals: dict[str, int] = {}
    for call in seen:
        if call.name in ("recvfrom", "read"):
            for number in RECEIVED.findall(call.text):
                arrivals.setdefault(number, call.left)
    return [
        number
        for number, promised in promises(seen).items()
        if not committed_between(seen, arrivals[number], promised)
    ]


def committed_between(seen: list[Call], after: int, before: int) -> bool:
    wal = [call for call in seen if call.path.endswith("-wal")]
    wrote = [call.left for call in wal if call.name in ("pwrite64", "write")]
    return any(
        sync.left < before and any(after < written < sync.entered for written in wrote)
        for sync in wal
        if sync.name in ("fsync", "fdatasync")
    )
