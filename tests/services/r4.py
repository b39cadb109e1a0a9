"""HL7's FHIR R4 validator: the errors that it finds in files of ours."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.services import maven

#: Positions and resources in a location: ``Bundle.entry[3].resource/*Patient/m1*/.name[0]``.
_ENTRY = re.compile(r"^Bundle\.entry\[\d+\]\.resource")
_RESOURCE = re.compile(r"/\*(\w+)/[^*]*\*/")
_INDEX = re.compile(r"\[\d+\]")


class Finding(NamedTuple):
    """One error, as the validator words it."""

    file: str
    severity: str
    location: str
    id: str
    message: str

    @property
    def cause(self) -> str:
        """What is wrong and where, the same for all errors of one kind."""
        place = _RESOURCE.sub(r" \1", _ENTRY.sub("", self.location))
        return f"{_INDEX.sub('', place).strip()}: {self.message[:160]}"


def findings(*files: Path, definitions: Iterable[Path] = (), timeout: float = 300) -> list[Finding]:
    """Every error in these files, or folders of them.

    ``definitions`` are folders of StructureDefinitions and the like that resources may claim: what
    the validator derives from them it keeps.
    """
    definitions = tuple(definitions)
    heap = "-Xmx3g" if definitions else "-Xmx1g"
    command = maven.java("validator", "Validate", heap, "-XX:+UseSerialGC")
    given = [text for folder in definitions for text in ("-p", str(folder))]
    done = subprocess.run(
        [*command, *given, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the validator itself failed: {done.stderr[-2000:]}")
    return [Finding(*line.split("\t", 4)) for line in done.stdout.splitlines()]


def errors(*files: Path) -> list[str]:
    """One line per error: file, severity, location, message id, message."""
    return ["\t".join(found) for found in findings(*files)]
