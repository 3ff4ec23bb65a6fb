"""What replaces the surroundings of a launcher, so that a seed decides about everything."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from optuna.storages._rdb import storage
from sqlalchemy import Engine

from sweep.launcher import launcher
from sweep.operations import launch_check, startup
from sweep.storage import database, lease, optuna_storage
from tests.simulation.database import simulated_database
from tests.simulation.world import World


@contextmanager
def simulated_surroundings(world: World) -> Iterator[None]:
    """Draw tokens from the seed, give each launcher a process id of its own, and replace the database."""

    def is_alive(process: int) -> bool:
        return not world.launchers[process - 1].is_dead

    def process_id() -> int:
        assert world.launcher is not None
        return world.launcher.number

    engines = []

    def connect(*arguments: Any) -> Engine:
        engines.append(database.connect(*arguments))
        return engines[-1]

    def token_hex(num_bytes: int) -> str:
        return world.random.randbytes(num_bytes).hex()

    has_dashboard = world.random.random() < 0.25
    show = launcher.show_in_dashboard if has_dashboard else mock.Mock()  # it takes a third of the time
    with (
        mock.patch.object(launcher, "show_in_dashboard", show),
        mock.patch("secrets.token_hex", token_hex),
        mock.patch.object(
            uuid, "uuid4", side_effect=lambda: uuid.UUID(bytes=world.random.randbytes(16), version=4)
        ),
        mock.patch.object(lease, "os", SimpleNamespace(getpid=process_id)),
        mock.patch.object(lease, "platform", SimpleNamespace(node=lambda: "login")),
        mock.patch.object(lease, "psutil", SimpleNamespace(pid_exists=is_alive)),
        mock.patch.object(launch_check, "connect", connect),
        mock.patch.object(storage, "time", SimpleNamespace(sleep=world.clock.sleep)),
        mock.patch.object(storage, "random", world.random),  # the pause before a commit is repeated
        mock.patch.object(storage, "_VersionManager"),
        mock.patch.object(optuna_storage, "_create_optuna_tables"),  # the template has the tables
        mock.patch.object(storage.models.BaseModel.metadata, "create_all"),
        mock.patch.object(startup, "provenance", return_value={"data_sha256": None}),
        simulated_database(world),
    ):
        yield
    for engine in engines:  # also those of launchers that have crashed
        engine.dispose()
