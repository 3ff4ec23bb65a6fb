"""Fixtures for the services that the tests of this folder use: Slurm, PostgreSQL, MariaDB and MLflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import mariadb as mariadb_server
from tests.cluster import postgresql as postgresql_server
from tests.cluster import slurm as slurm_cluster
from tests.cluster.mariadb import MariaDB
from tests.cluster.mlflow_server import MlflowServer
from tests.cluster.postgresql import PostgreSQL
from tests.cluster.slurm import Slurm
from tests.services import require_service


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """Start a Slurm cluster once per session."""
    require_service("Slurm", slurm_cluster.is_installed(), slurm_cluster.PACKAGES)
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    slurm.start()
    yield slurm
    slurm.stop()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server once per session."""
    require_service("PostgreSQL", postgresql_server.is_installed(), postgresql_server.PACKAGES)
    server = PostgreSQL()
    try:
        server.create()
        yield server
    finally:
        server.delete()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Start a MariaDB server once per session."""
    require_service("MariaDB", mariadb_server.is_installed(), mariadb_server.PACKAGES)
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.delete()


@pytest.fixture
def slurm_workplace(workplace: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use the Slurm cluster in `workplace`; cancel all jobs and repair all faults after the test."""
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    (workplace / "cluster.yaml").write_text((slurm.folder / "cluster.yaml").read_text())
    yield workplace
    slurm.repair()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """Start an MLflow server once per session."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
