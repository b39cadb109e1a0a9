"""Configuration folders for tests: a good one, and changes to it."""

from pathlib import Path

from engine.config import Configuration, load_configuration
from engine.errors import ConfigurationError

ENGINE = """\
servers:
  clinic:
    url: https://fhir.clinic.example/r4
"""
CHANNEL = """\
channel: north-lab
source:
  mllp:
    port: 2575
  timezone: America/New_York
destinations:
  - fhir: clinic
"""


class Site:
    """A folder whose files a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}
        self.write("engine.yaml", ENGINE)
        self.write("channels/north-lab.yaml", CHANNEL)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def channel(self, addition: str, name: str = "north-lab") -> None:
        """Give the channel further lines."""
        self.write(f"channels/{name}.yaml", CHANNEL.replace("north-lab", name) + addition)

    def mllp(self, addition: str) -> None:
        """Give the port further lines."""
        port = "    port: 2575\n"
        self.write("channels/north-lab.yaml", CHANNEL.replace(port, f"{port}    {addition}\n"))

    def load(self) -> Configuration:
        """Load it."""
        return load_configuration(self.folder, environment=self.environment)

    def problems(self) -> list[str]:
        """What is wrong with it, as it is printed."""
        try:
            self.load()
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        return []
