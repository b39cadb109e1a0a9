"""Java peers: jars fetched by Maven, one class compiled, everything kept in ``.services/``.

MLLP_ENGINE_SERVICES names another folder for it. No build plugin and no project layout: a
``pom.xml`` names the jars, ``javac`` compiles the one source beside it, and a second run finds
both in the cache.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import need

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("MLLP_ENGINE_SERVICES", HERE.parents[1] / ".services"))
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
HOW = "apt-get install openjdk-17-jdk-headless maven (or run .ci/services)"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time fills a folder of the cache."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def jars(name: str) -> Path:
    """The folder with the jars that ``tests/services/<name>/pom.xml`` names."""
    folder = CACHE / name
    pom = HERE / name / "pom.xml"
    with locked(folder):
        copied = folder / "pom.xml"
        if not copied.exists() or copied.read_bytes() != pom.read_bytes():
            _fetch(pom, folder)
    return folder / "lib"


def _fetch(pom: Path, folder: Path) -> None:
    maven = need.program("mvn", HOW)
    partial = folder.with_suffix(".part")
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    shutil.copy(pom, partial / "pom.xml")
    options = ["-DoutputDirectory=lib", "-DincludeScope=runtime"]
    done = subprocess.run(
        [maven, "-q", "-B", COPY, *options],
        cwd=partial,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        need.leave_out(f"jars of {folder.name}", f"Maven Central: {done.stdout.strip()[:300]}")
    partial.rename(folder)


def java(name: str, main: str, *options: str) -> list[str]:
    """The command line that runs class ``main`` of ``tests/services/<name>``."""
    runtime = need.program("java", HOW)
    compiler = need.program("javac", HOW)
    lib = jars(name)
    classes = CACHE / name / "classes"
    source = HERE / name / f"{main}.java"
    with locked(classes):
        _compile(compiler, source, lib, classes)
    return [runtime, *options, "-cp", f"{classes}:{lib}/*", main]


def _compile(compiler: str, source: Path, lib: Path, classes: Path) -> None:
    made = classes / f"{source.stem}.class"
    if made.exists() and made.stat().st_mtime >= source.stat().st_mtime:
        return
    quiet = ["-nowarn", "-proc:none", "-parameters", "-Xlint:none"]
    command = [compiler, *quiet, "-cp", f"{lib}/*", "-d", str(classes), str(source)]
    subprocess.run(command, check=True, capture_output=True)
