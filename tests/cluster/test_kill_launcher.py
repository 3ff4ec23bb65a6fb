"""The launcher killed thirty times by chance; kill_launcher.py is the command for more."""

from pathlib import Path

import pytest

from tests.cluster.kill_launcher import kill_again_and_again
from tests.cluster.slurm import Slurm


@pytest.mark.timeout(900)
def test_thirty_kills(on_slurm: Path, slurm: Slurm, capsys: pytest.CaptureFixture[str]) -> None:
    report = kill_again_and_again(on_slurm, slurm, num_kills=30, seed=20261123)
    with capsys.disabled():
        print(f"\n{report}")
    assert report.in_loop > 0
    assert report.in_startup > 0
    assert report.num_trials > 0
