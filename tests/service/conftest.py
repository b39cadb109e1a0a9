"""A service in this process: a real configuration folder, real sockets, a real store."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest_twisted

if TYPE_CHECKING:
    from tests.service.site import Running


@pytest_twisted.async_yield_fixture
async def site(tmp_path: pathlib.Path) -> AsyncIterator[Callable[[], Running]]:
    """Make a configuration folder and the service on it; stopped after the test."""
    # Not at the top: pytest loads this file before it installs the reactor.
    from tests.service.site import Running

    made: list[Running] = []

    def make() -> Running:
        made.append(Running(tmp_path))
        return made[-1]

    yield make
    for running in made:
        await running.end()
