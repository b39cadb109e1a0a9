"""HL7's FHIR R4 validator as a yes-or-no: the errors it finds in files of ours."""

import subprocess
from pathlib import Path

from tests.services import maven


def errors(*files: Path) -> list[str]:
    """One line per error: file, severity, location, message."""
    command = maven.java("validator", "Validate", "-Xmx1g", "-XX:+UseSerialGC")
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the validator itself failed: {done.stderr[-2000:]}")
    return done.stdout.splitlines()
