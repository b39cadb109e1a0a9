"""Ports for the tests of this folder."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest_twisted

if TYPE_CHECKING:
    from tests.sources.rig import Rig


@pytest_twisted.async_yield_fixture
async def open_port(tmp_path: pathlib.Path) -> AsyncIterator[Callable[..., Rig]]:
    """Open a port for channels (one plain channel, if none are given); closed after the test."""
    # Not at the top: pytest loads this file before it installs the reactor.
    from tests.sources.rig import Rig, channel_of

    rigs: list[Rig] = []

    def open_port(*channels: Any, **source: Any) -> Rig:
        rig = Rig(tmp_path, channels or (channel_of(),), **source)
        rig.start()
        rigs.append(rig)
        return rig

    yield open_port
    for rig in rigs:
        await rig.stop()
