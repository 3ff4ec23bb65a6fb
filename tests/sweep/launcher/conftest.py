"""Fixtures of the launcher's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness


@pytest.fixture
def executor() -> FakeExecutor:
    """Return an executor whose jobs a test controls."""
    return FakeExecutor()


@pytest.fixture
def harness(workplace: Path, executor: FakeExecutor) -> Iterator[LauncherHarness]:
    """Return a harness that opens launchers with that executor."""
    harness = LauncherHarness(workplace, executor)
    yield harness
    harness.close()
