"""Two launchers of one study, on the same host and on different hosts."""

import platform
import signal
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from sweep.storage.database import connect, parse_url
from sweep.storage.lease import STALE_AFTER
from sweep.storage.tables import StudyRow
from tests.cluster import daemons
from tests.cluster.launch_process import HOLD, LaunchProcess, launched
from tests.invariants import check_each_trial_ran_once

OPTIONS = ["--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]


def record_launcher_on_another_host(heartbeat_age: timedelta) -> None:
    """Record that the study's launcher runs on another host and when it sent its last heartbeat."""
    engine = connect(parse_url("sqlite:///sweep.db"))
    seen_at = datetime.now(UTC) - heartbeat_age
    with engine.begin() as connection:
        connection.execute(update(StudyRow).values(launcher="login2 4711 abc", launcher_seen_at=seen_at))
    engine.dispose()


def freeze(launcher: subprocess.Popen[bytes]) -> None:
    """Suspend a launcher between two transactions, because in a transaction it would hold SQLite's lock."""

    def is_suspended_without_lock() -> bool:
        launcher.send_signal(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect("sweep.db", timeout=1)) as database:
                database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            launcher.send_signal(signal.SIGCONT)
            return False
        return True

    daemons.wait_until("the launcher is suspended", is_suspended_without_lock)


def test_second_launcher_is_rejected_until_the_heartbeat_of_the_first_is_stale(slurm_workplace: Path) -> None:
    with launched(slurm_workplace, *OPTIONS) as first:
        first.wait_until_held(trial=1)
        second = LaunchProcess(slurm_workplace, *OPTIONS)
        second.start()
        assert second.wait() == 2
        here = f"process {first.process.pid} on {platform.node()}, last heartbeat "
        assert f"error: study toy already has a launcher: {here}" in second.log()

        freeze(first.process)
        record_launcher_on_another_host(timedelta(seconds=100))
        second.start()
        assert second.wait() == 2
        assert "process 4711 on login2, last heartbeat 10" in second.log()

        record_launcher_on_another_host(STALE_AFTER)
        second.start()
        daemons.wait_until(
            "the second launcher takes the study over", lambda: second.log().count("trial folders:") == 2, 60
        )
        first.process.send_signal(signal.SIGCONT)
        assert first.wait() == 1
        assert (
            "another launcher has taken over the study: this launcher ends, and its jobs continue"
            in first.log()
        )
        second.release()
        assert second.wait() == 0, second.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=4, num_epochs=4, epoch_s=0)


def test_study_of_a_killed_launcher_is_taken_over_immediately(slurm_workplace: Path) -> None:
    with launched(slurm_workplace, *OPTIONS) as launch:
        launch.wait_until_held(trial=1)
        launch.kill()
        launch.release()
        launch.start()
        assert launch.wait() == 0, launch.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=4, num_epochs=4, epoch_s=0)
