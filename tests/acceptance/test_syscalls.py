"""The watch on the system calls would notice a broken promise."""

import pytest

from tests.acceptance.syscalls import calls
from tests.acceptance.test_order_of_promises import unkept_promises

ARRIVES = (
    r'10 recvfrom(9<socket:[1]>, "\vMSH|^~\\&|X|||||| |ORU^R01^ORU_R01|A-1|P|2.5.1", 65536) = 60'
)
WRITES = '11 pwrite64(5</data/engine.db-wal>, "page", 4096, 32) = 4096'
SYNCS = "11 fdatasync(5</data/engine.db-wal>) = 0"
PROMISES = r'10 sendto(9<socket:[1]>, "\vMSH|...\rMSA|AA|A-1\r", 60, 0, NULL, 0) = 60'
SYNC_BEGINS = "11 fdatasync(5</data/engine.db-wal> <unfinished ...>"
SYNC_ENDS = "11 <... fdatasync resumed>) = 0"
OTHER_FILE = "11 fdatasync(6</data/bundles.ndjson>) = 0"


@pytest.mark.parametrize(
    ("trace", "broken"),
    [
        ([ARRIVES, WRITES, SYNCS, PROMISES], []),
        ([ARRIVES, WRITES, SYNC_BEGINS, SYNC_ENDS, PROMISES], []),
        ([ARRIVES, WRITES, PROMISES, SYNCS], ["A-1"]),
        ([ARRIVES, WRITES, SYNC_BEGINS, PROMISES, SYNC_ENDS], ["A-1"]),
        ([WRITES, SYNCS, ARRIVES, PROMISES], ["A-1"]),
        ([ARRIVES, SYNCS, WRITES, PROMISES], ["A-1"]),
        ([ARRIVES, WRITES, OTHER_FILE, PROMISES], ["A-1"]),
    ],
)
def test_a_promise_is_kept_only_by_a_finished_sync_of_what_was_written(
    trace: list[str], broken: list[str]
) -> None:
    assert unkept_promises(calls(trace)) == broken
