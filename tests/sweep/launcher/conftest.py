"""Fixtures of the launcher's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.launcher import startup as launch
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> FakeExecutor:
    """A executor, and no process started to look whether the toy model imports."""
    executor = FakeExecutor()
    monkeypatch.setattr(launch, "make_executor", lambda profile: executor)
    monkeypatch.setattr(launch, "preflight", lambda *arguments, **options: None)
    return executor


@pytest.fixture
def harness(workplace: Path, executor: FakeExecutor) -> Iterator[LauncherHarness]:
    harness = LauncherHarness(workplace)
    yield harness
    harness.close()
