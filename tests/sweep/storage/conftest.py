"""Fixtures of the storage's tests that need no other database than SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweep.storage.database import connect, parse_url


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An SQLite database without tables."""
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    yield engine
    engine.dispose()
