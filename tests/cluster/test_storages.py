"""The databases that are servers: each does what SQLite does, and a whole study is recorded in it."""

import secrets
from pathlib import Path

import pytest

from tests.cluster.launching import launched
from tests.cluster.mariadb import MariaDB
from tests.cluster.postgresql import PostgreSQL
from tests.nothing_lost import check_nothing_lost_nothing_twice
from tests.sweep.storage.contract import StorageContract


class ServerContract(StorageContract):
    """What holds of a server over the network beside that."""

    def test_a_whole_study(self, workplace: Path, storage: str) -> None:
        options = ["--cluster", "local", "--set", "fixed.epoch_s=0.1"]
        with launched(workplace, *options, storage=storage) as launch:
            launch.wait_until_said("epoch 2")
            launch.kill()
            launch.start()
            assert launch.finish() == 0, launch.log()
        check_nothing_lost_nothing_twice(workplace, num_trials=4, num_epochs=3, storage=storage)


class TestPostgreSQL(ServerContract):
    @pytest.fixture
    def storage(self, postgresql: PostgreSQL) -> str:
        return postgresql.create_database(f"sweep_{secrets.token_hex(4)}")


class TestMariaDB(ServerContract):
    @pytest.fixture
    def storage(self, mariadb: MariaDB) -> str:
        return mariadb.create_database(f"sweep_{secrets.token_hex(4)}")
