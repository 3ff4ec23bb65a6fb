"""Two launchers of one study, on one host and as from two."""

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
from tests.cluster.launching import HOLD, Launch, launched
from tests.nothing_lost import check_nothing_lost_nothing_twice

OPTIONS = ["--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]


def move_to_another_host(silent_for: timedelta) -> None:
    """The launcher that has the study is on another login node, and has said nothing for so long."""
    engine = connect(parse_url("sqlite:///sweep.db"))
    seen_at = datetime.now(UTC) - silent_for
    with engine.begin() as connection:
        connection.execute(update(StudyRow).values(launcher="login2 4711 abc", launcher_seen_at=seen_at))
    engine.dispose()


def freeze(launcher: subprocess.Popen[bytes]) -> None:
    """Stop it between two transactions: in the middle of one it would hold SQLite's lock."""

    def holds_nothing() -> bool:
        launcher.send_signal(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect("sweep.db", timeout=1)) as database:
                database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            launcher.send_signal(signal.SIGCONT)
            return False
        return True

    daemons.wait_until("the launcher is stopped", holds_nothing)


def test_the_second_refuses_until_the_first_has_been_silent_for_long(on_slurm: Path) -> None:
    with launched(on_slurm, *OPTIONS) as first:
        first.wait_until_held(trial=1)
        second = Launch(on_slurm, *OPTIONS)
        second.start()
        assert second.finish() == 2
        here = f"process {first.process.pid} on {platform.node()}, last heartbeat "
        assert f"error: study toy already has a launcher: {here}" in second.log()

        freeze(first.process)
        move_to_another_host(timedelta(seconds=100))
        second.start()
        assert second.finish() == 2
        assert "process 4711 on login2, last heartbeat 10" in second.log()

        move_to_another_host(STALE_AFTER)
        second.start()
        daemons.wait_until("it is taken over", lambda: second.log().count("trial folders:") == 2, 60)
        first.process.send_signal(signal.SIGCONT)  # it wakes up
        assert first.finish() == 1
        assert (
            "another launcher has taken over the study: this launcher ends, and its jobs continue"
            in first.log()
        )
        second.let_go()
        assert second.finish() == 0, second.log()
    check_nothing_lost_nothing_twice(on_slurm, num_trials=4, num_epochs=4, epoch_s=0)


def test_one_that_has_died_is_taken_over_at_once(on_slurm: Path) -> None:
    with launched(on_slurm, *OPTIONS) as launch:
        launch.wait_until_held(trial=1)
        launch.kill()
        launch.let_go()
        launch.start()
        assert launch.finish() == 0, launch.log()
    check_nothing_lost_nothing_twice(on_slurm, num_trials=4, num_epochs=4, epoch_s=0)
