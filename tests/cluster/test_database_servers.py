"""The storage contract and a whole study on PostgreSQL and MariaDB."""

import secrets
from pathlib import Path

import pytest

from tests.cluster.launch_process import launched
from tests.cluster.mariadb import MariaDB
from tests.cluster.postgresql import PostgreSQL
from tests.invariants import check_each_trial_ran_once
from tests.sweep.storage.contract import StorageContract


class ServerContract(StorageContract):
    """The storage contract, extended by a whole study."""

    def test_study_survives_a_killed_launcher(self, workplace: Path, storage: str) -> None:
        options = ["--cluster", "local", "--set", "fixed.epoch_s=0.1"]
        with launched(workplace, *options, storage=storage) as launch:
            launch.wait_until_logged("epoch 2")
            launch.kill()
            launch.start()
            assert launch.wait() == 0, launch.log()
        check_each_trial_ran_once(workplace, num_trials=4, num_epochs=3, storage=storage)


class TestPostgreSQL(ServerContract):
    """The contract on PostgreSQL."""

    @pytest.fixture
    def storage(self, postgresql: PostgreSQL) -> str:
        """Create a database and return its URL."""
        return postgresql.create_database(f"sweep_{secrets.token_hex(4)}")


class TestMariaDB(ServerContract):
    """The contract on MariaDB."""

    @pytest.fixture
    def storage(self, mariadb: MariaDB) -> str:
        """Create a database and return its URL."""
        return mariadb.create_database(f"sweep_{secrets.token_hex(4)}")
