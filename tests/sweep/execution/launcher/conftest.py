"""Fixtures of the launcher's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.execution import launch
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster, and no process started to look whether the toy model imports."""
    cluster = Cluster()
    monkeypatch.setattr(launch, "make_executor", lambda profile: cluster)
    monkeypatch.setattr(launch, "preflight", lambda *arguments, **options: None)
    return cluster


@pytest.fixture
def desk(workplace: Path, cluster: Cluster) -> Iterator[Desk]:
    desk = Desk(workplace)
    yield desk
    desk.close()
