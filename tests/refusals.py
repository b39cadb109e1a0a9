"""Convert messages and post every Bundle to a HAPI FHIR server that validates; what it refuses.

``python -m tests.refusals --sample 100 ../corpus``. Exit status 1 when it refuses one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import orjson

from engine.workbench.inputs import find
from tests.services.fhir_server import fhir_server
from tests.validate import converted, spread

#: What the server is told to do: answer 422 to what base R4 forbids.
STRICT = "-Dvalidate=true"
_HEAD = {"Content-Type": "application/fhir+json"}
_WRONG = ("error", "fatal")


def refusals(base: str, folder: Path) -> Iterator[str]:
    """A line for each transaction of a folder that the server does not take, in its words.

    The messages of one file become a collection, which is not posted: it is nobody's transaction.
    """
    for file in sorted(folder.rglob("*.json")):
        body = file.read_bytes()
        if orjson.loads(body)["type"] != "transaction":
            continue
        request = urllib.request.Request(base, body, _HEAD)
        try:
            with urllib.request.urlopen(request, timeout=120):
                pass
        except urllib.error.HTTPError as refused:
            yield f"{file.relative_to(folder)}: {refused.code} {_words(refused.read())}"


def _words(answer: bytes) -> str:
    try:
        issues = orjson.loads(answer).get("issue", ())
    except orjson.JSONDecodeError:
        return answer[:200].decode("utf-8", "replace")
    said = [i.get("diagnostics", i["code"]) for i in issues if i.get("severity") in _WRONG]
    return "; ".join(said)[:500]


def main() -> int:
    """Convert, post, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.refusals", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="FILE|FOLDER")
    parser.add_argument("--sample", type=int, default=100, help="so many files, evenly spread")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, fhir_server(STRICT) as base:
        folder = Path(name)
        files = spread(find(given.paths), given.sample)
        found = [*converted(files, folder), *refusals(base, folder)]
    sys.stdout.write("\n".join([*found, f"{len(files)} files, {len(found)} refused"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
