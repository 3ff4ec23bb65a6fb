"""A study on the real Slurm, recorded in PostgreSQL, whose server goes away and comes back."""

import secrets
import signal
from pathlib import Path

import pytest

from tests.cluster.launching import HOLD, launched
from tests.cluster.postgresql import PostgreSQL
from tests.nothing_lost import check_nothing_lost_nothing_twice

OPTIONS = ["--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]


@pytest.fixture
def storage(postgresql: PostgreSQL) -> str:
    return postgresql.create_database(f"sweep_{secrets.token_hex(4)}")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_launcher_waits_and_goes_on(
    on_slurm: Path, postgresql: PostgreSQL, storage: str, mode: str
) -> None:
    """Trials report and end meanwhile."""
    with launched(on_slurm, *OPTIONS, storage=storage) as launch:
        launch.wait_until_held(trial=1)
        postgresql.stop(mode)
        try:
            launch.let_go()
            launch.wait_until_said("the database does not answer")
            launch.wait_until("trial 1 has ended", launch.attempt_folders(trial=1)[0].result.exists)
            launch.wait_until_said("trying again in 4 s")
        finally:
            postgresql.start()
        launch.wait_until_said("what failed works again")
        assert launch.finish() == 0, launch.log()
    check_nothing_lost_nothing_twice(on_slurm, num_trials=4, num_epochs=4, epoch_s=0, storage=storage)
    assert "Traceback" not in launch.log()


def test_the_launcher_is_interrupted_and_killed_meanwhile(
    on_slurm: Path, postgresql: PostgreSQL, storage: str
) -> None:
    with launched(on_slurm, *OPTIONS, storage=storage) as launch:
        launch.wait_until_held(trial=1)
        postgresql.stop()
        try:
            launch.wait_until_said("the database does not answer")
            launch.process.send_signal(signal.SIGINT)
            assert launch.finish() == 130
            launch.start()
            assert launch.finish() == 2
        finally:
            postgresql.start()
        launch.let_go()
        launch.start()
        assert launch.finish() == 0, launch.log()
    assert f"storage {storage} cannot be opened: connection failed" in launch.log()
    assert "Traceback" not in launch.log()
    check_nothing_lost_nothing_twice(on_slurm, num_trials=4, num_epochs=4, epoch_s=0, storage=storage)
