"""A clinic for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_twisted

if TYPE_CHECKING:
    from tests.destinations.clinic import Clinic


@pytest_twisted.async_yield_fixture
async def clinic() -> AsyncIterator[Clinic]:
    """A FHIR server in memory and the senders to it."""
    from tests.destinations.clinic import Clinic  # the reactor is installed by now, not before

    made = Clinic()
    yield made
    await made.close()
