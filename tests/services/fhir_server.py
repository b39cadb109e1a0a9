"""HAPI FHIR JPA, R4, in memory: a real server for tests, fetched by Maven and started by itself.

``python -m tests.services.fhir_server [PORT]`` runs one in the foreground, to try things out.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

from tests.services import maven

OPTIONS = ("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")


@contextlib.contextmanager
def fhir_server(*java_options: str, port: int = 0) -> Iterator[str]:
    """Run a server on a free port (or on ``port``); yields its base URL.

    ``-Dvalidate=true``: it answers 422 to what base R4 forbids.
    """
    logging = f"-Dlogback.configurationFile={maven.HERE / 'fhir-server' / 'logback.xml'}"
    command = maven.java("fhir-server", "FhirServer", *OPTIONS, logging, *java_options)
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [*command, str(port)], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield _ready(process, errors)
        finally:
            process.terminate()
            process.wait(30)


def _ready(process: subprocess.Popen[str], errors: IO[str]) -> str:
    """Wait for the line that says where it listens."""
    assert process.stdout is not None
    for line in process.stdout:  # ends when the process does
        if line.startswith("ready "):
            return line.split()[1]
    errors.seek(0)
    raise RuntimeError(f"HAPI FHIR ended with {process.wait()}: {errors.read()[-2000:]}")


def main() -> None:
    """Run until interrupted."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8090
    with fhir_server(port=port) as base, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{base}\n")
        sys.stdout.flush()
        while True:
            input()


if __name__ == "__main__":
    main()
