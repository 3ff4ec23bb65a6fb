from pathlib import Path

import pytest

from tests.sweep.storage.contract import StorageContract


class TestSQLite(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/sweep.db"
