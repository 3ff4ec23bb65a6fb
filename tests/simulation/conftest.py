"""Fixtures of the simulation's tests."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.database import MEMORY, create_template


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """Return a database with all tables and no rows, in memory if possible."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        yield create_template(Path(folder))
