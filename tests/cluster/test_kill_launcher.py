"""A study whose launcher is killed at random moments; `kill_launcher.py` runs more kills as a command."""

from pathlib import Path

import pytest

from tests.cluster.kill_launcher import kill_repeatedly
from tests.cluster.slurm import Slurm


@pytest.mark.timeout(900)
def test_each_trial_runs_once_although_thirty_launchers_are_killed(
    slurm_workplace: Path, slurm: Slurm, capsys: pytest.CaptureFixture[str]
) -> None:
    report = kill_repeatedly(slurm_workplace, slurm, num_kills=30, seed=20261123)
    with capsys.disabled():
        print(f"\n{report}")
    assert report.num_kills_while_polling > 0
    assert report.num_kills_in_startup > 0
    assert report.num_trials > 0
