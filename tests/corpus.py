"""The corpus of HL7 v2 messages outside of the project, for the tests that read it.

``HL7_CORPUS`` names its folder. It is the one thing that a run may lack under CI, too; then the
tests that need it are left out, and one loud line at the end of the run says so.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.services import need

ROOT = Path(__file__).resolve().parent.parent
INDEX = "INDEX.tsv"
HOW = "HL7_CORPUS names its folder, which has an INDEX.tsv; default ../shared/corpus"


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One message file and what the index says of it."""

    path: Path
    name: str  # as in the index, and in messages of tests
    type: str  # MSH-9 as it stands there
    version: str
    eol: str
    encoding_characters: str
    flags: frozenset[str]
    expected: tuple[Path, ...]  # the FHIR that its origin makes of it

    @property
    def raw(self) -> bytes:
        """The bytes of the file."""
        return self.path.read_bytes()


def folder() -> Path:
    """The corpus; the calling test is left out when there is none."""
    named = Path(os.environ.get("HL7_CORPUS") or "../shared/corpus")
    found = named if named.is_absolute() else ROOT / named
    if not (found / INDEX).is_file():
        need.leave_out("the corpus of messages", HOW, in_ci_too=True)
    return found


def corpus_files() -> Sequence[CorpusFile]:
    """Every file that the index names; the calling test is left out without a corpus."""
    return _read(folder())


@cache
def _read(root: Path) -> tuple[CorpusFile, ...]:
    with (root / INDEX).open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(
        CorpusFile(
            path=root / row["path"],
            name=row["path"],
            type=row["message_type"],
            version=row["version"],
            eol=row["eol"],
            encoding_characters=row["msh2"],
            flags=frozenset(filter(None, row["flags"].split(","))),
            expected=tuple(root / path for path in row["expected_fhir"].split(";") if path),
        )
        for row in rows
    )
