"""Real services, started once for all tests that need them."""

import os
from collections.abc import Iterator

import pytest

from tests.service.conftest import site
from tests.services import fhir_server as hapi

__all__ = ["fhir_server", "site"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes let one have the server and all tests that need it."""
    for item in items:
        if "fhir_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("fhir-server"))


@pytest.fixture(scope="session")
def fhir_server() -> Iterator[str]:
    """The base URL of a HAPI FHIR server; MLLP_ENGINE_FHIR_SERVER names one that runs already."""
    running = os.environ.get("MLLP_ENGINE_FHIR_SERVER")
    if running:
        yield running
        return
    with hapi.fhir_server() as base:
        yield base
