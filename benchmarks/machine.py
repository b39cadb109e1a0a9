"""Which machine a figure was measured on, and how large a process is."""

import os
import platform
from pathlib import Path

from tests.acceptance.daemon import Daemon


def name() -> str:
    """Processor, cores, kernel, Python: what a figure means nothing without."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0))
    return f"{cpu}, {cores} cores, Linux {platform.release()}, Python {platform.python_version()}"


def memory(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def engine(daemon: Daemon) -> float:
    """Resident memory of an engine in MiB: its own process, and the one that writes its store."""
    return memory(daemon.process.pid) + memory(daemon.writing_process)


def fsyncs(folder: Path, seconds: float = 1.0) -> float:
    """What the disk itself gives: 4 KiB writes, each with its fdatasync, per second."""
    import time

    done = 0
    with (folder / "probe").open("wb", buffering=0) as probe:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            probe.write(b"\0" * 4096)
            os.fdatasync(probe.fileno())
            done += 1
    (folder / "probe").unlink()
    return done / seconds
