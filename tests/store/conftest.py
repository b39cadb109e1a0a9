from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted

from engine.store.opening import open_session
from engine.store.session import Session
from engine.store.sqlite import SqliteStore
from tests.store.messages import NOW
from tests.store.threaded import ThreadedStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A store whose clock stands still."""
    store = ThreadedStore(path, clock=lambda: NOW)
    store.open()
    yield store
    pytest_twisted.blockon(store.close())


@pytest.fixture
def session(path: Path) -> Iterator[Session]:
    """The writer's own functions, without its thread."""
    with open_session(path, lambda: NOW) as session:
        yield session
