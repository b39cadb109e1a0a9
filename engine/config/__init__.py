"""engine.yaml and channels/*.yaml as frozen values, every problem reported at once."""

from engine.config.installation import Installation, load_installation
from engine.config.load import load_configuration
from engine.config.model import (
    Ack,
    Basic,
    Bearer,
    Channel,
    Configuration,
    ConsoleSettings,
    Destination,
    EngineSettings,
    FhirDestination,
    FileDestination,
    LogSettings,
    MappingSettings,
    MllpSource,
    NoAuth,
    Retry,
    Secret,
    Server,
)
from engine.config.schema import schema
from engine.config.secrets import Secrets

__all__ = [
    "Ack",
    "Basic",
    "Bearer",
    "Channel",
    "Configuration",
    "ConsoleSettings",
    "Destination",
    "EngineSettings",
    "FhirDestination",
    "FileDestination",
    "Installation",
    "LogSettings",
    "MappingSettings",
    "MllpSource",
    "NoAuth",
    "Retry",
    "Secret",
    "Secrets",
    "Server",
    "load_configuration",
    "load_installation",
    "schema",
]
