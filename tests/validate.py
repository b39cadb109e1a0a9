"""Convert a folder of messages and have HL7's R4 validator read every Bundle; errors by cause.

``python -m tests.validate ../corpus`` for base R4, ``--us-core FOLDER`` with the definitions of US
Core: what a message does not say, no mapping can add, so the causes that ``mapping/us_core.tsv``
explains are counted apart. Exit status 1 when there is another error, 2 when a message could not be
converted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from engine.workbench.conversion import Conversion, convert_all
from engine.workbench.feeds import feed
from engine.workbench.inputs import Input, find
from tests import us_core
from tests.services import r4

#: A whole corpus on a small machine.
_LONG = 3600


def spread(files: Sequence[Input], count: int) -> list[Input]:
    """So many of the files, evenly from first to last."""
    if not 0 < count < len(files):
        return list(files)
    return [files[number * len(files) // count] for number in range(count)]


def converted(
    files: Sequence[Input], out: Path, *, write: str = "upsert", unmapped: str = "report"
) -> list[str]:
    """Write what each file becomes to a folder; what could not be converted, and why."""
    source = replace(feed(None, None, None, None), write=write, unmapped=unmapped)
    work = Conversion(source, out=out)
    done = convert_all(work, files, jobs=os.cpu_count() or 1)
    return [f"{each.name}: {each.failure}" for found in done for each in found if each.failure]


def claimed(folder: Path) -> None:
    """Let the resources of every Bundle in a folder claim their US Core profiles."""
    for file in folder.rglob("*.json"):
        bundle = orjson.loads(file.read_bytes())
        us_core.claim(bundle)
        file.write_bytes(orjson.dumps(bundle))


def report(found: Sequence[r4.Finding], folder: Path) -> str:
    """Errors by cause, the most frequent first, each with the files that have it."""
    counts = Counter(finding.cause for finding in found)
    files: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for finding in found:
        files[finding.cause][os.path.relpath(finding.file, folder)] = None
    lines = []
    for cause, count in counts.most_common():
        first, *others = files[cause]
        more = f" and {len(others)} more" if others else ""
        lines.append(f"{count:6}  {cause}\n        {first}{more}")
    lines.append(f"{len(found)} errors of {len(counts)} causes")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.validate", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="FILE|FOLDER")
    parser.add_argument("--sample", type=int, default=0, help="so many files, evenly spread")
    parser.add_argument("--write", default="upsert", choices=["upsert", "own-ids", "create"])
    parser.add_argument("--unmapped", default="report", choices=["report", "extension"])
    parser.add_argument("--us-core", type=Path, metavar="FOLDER", help="its definitions")
    return parser.parse_args()


def main() -> int:
    """Convert, validate, print."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = spread(find(given.paths), given.sample)
        failures = converted(files, folder, write=given.write, unmapped=given.unmapped)
        definitions = [given.us_core, us_core.VALUE_SETS] if given.us_core else []
        if definitions:
            claimed(folder)
        found = r4.findings(folder, definitions=definitions, timeout=_LONG)
        known = [each for each in found if definitions and us_core.reason(each)]
        found = [each for each in found if not (definitions and us_core.reason(each))]
        lines = [*failures, f"{len(files)} files", *us_core.tally(known), report(found, folder)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 2 if failures else 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
