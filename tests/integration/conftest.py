"""Real services, started once for all tests that need them."""

import os
from collections.abc import Iterator

import pytest

from tests.services import fhir_server as hapi


@pytest.fixture(scope="session")
def fhir_server() -> Iterator[str]:
    """The base URL of a HAPI FHIR server; MLLP_ENGINE_FHIR_SERVER names one that runs already."""
    running = os.environ.get("MLLP_ENGINE_FHIR_SERVER")
    if running:
        yield running
        return
    with hapi.fhir_server() as base:
        yield base
