"""A site and its engine, made and ended for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.daemon import Daemon
from tests.acceptance.site import Site

Start = Callable[..., Daemon]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A channel that writes Bundles into a file."""
    return Site(tmp_path / "site").write_out()


@pytest.fixture
def start() -> Iterator[Start]:
    """Start engines that do not outlive the test."""
    with ExitStack() as running:
        yield lambda site, **how: running.enter_context(Daemon(site, **how))
