"""A study on the real Slurm, recorded in PostgreSQL, whose server stops and restarts."""

import secrets
import signal
from pathlib import Path

import pytest

from tests.cluster.launch_process import HOLD, launched
from tests.cluster.postgresql import PostgreSQL
from tests.invariants import check_each_trial_ran_once

OPTIONS = ["--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]


@pytest.fixture
def storage(postgresql: PostgreSQL) -> str:
    """Create a database and return its URL."""
    return postgresql.create_database(f"sweep_{secrets.token_hex(4)}")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_launcher_waits_for_the_database_and_continues(
    slurm_workplace: Path, postgresql: PostgreSQL, storage: str, mode: str
) -> None:
    """During the outage the trials report epochs and end."""
    with launched(slurm_workplace, *OPTIONS, storage=storage) as launch:
        launch.wait_until_held(trial=1)
        postgresql.stop(mode)
        try:
            launch.release()
            launch.wait_until_logged("the database does not answer")
            launch.wait_until("trial 1 has ended", launch.attempt_folders(trial=1)[0].result.exists)
            launch.wait_until_logged("trying again in 4 s")
        finally:
            postgresql.start()
        launch.wait_until_logged("the outage is over")
        assert launch.wait() == 0, launch.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=4, num_epochs=4, epoch_s=0, storage=storage)
    assert "Traceback" not in launch.log()


def test_launcher_can_be_interrupted_and_restarted_during_an_outage(
    slurm_workplace: Path, postgresql: PostgreSQL, storage: str
) -> None:
    with launched(slurm_workplace, *OPTIONS, storage=storage) as launch:
        launch.wait_until_held(trial=1)
        postgresql.stop()
        try:
            launch.wait_until_logged("the database does not answer")
            launch.process.send_signal(signal.SIGINT)
            assert launch.wait() == 130
            launch.start()
            assert launch.wait() == 2
        finally:
            postgresql.start()
        launch.release()
        launch.start()
        assert launch.wait() == 0, launch.log()
    assert f"storage {storage} cannot be opened: connection failed" in launch.log()
    assert "Traceback" not in launch.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=4, num_epochs=4, epoch_s=0, storage=storage)
