"""The launcher driven through simulated years, without files, processes or waiting."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from sweep.definition.cluster import SlurmProfile
from sweep.definition.study import load_study
from sweep.operations.preflight import PreflightResult
from sweep.operations.startup import LaunchRequest, open_launcher
from sweep.storage.study_reader import study_data
from tests.sweep.launcher.harness import URL, FakeClock
from tests.sweep.launcher.simulation import SimulatedCluster

pytestmark = pytest.mark.slow

NUM_TRIALS = 60
RETRIES = "failures.retries={preempted: 50, node_failure: 50, lost: 50}"


@pytest.mark.parametrize("pruner", ["none", "median"])
def test_study_of_simulated_years_ends_with_every_trial_accounted_for(workplace: Path, pruner: str) -> None:
    clock = FakeClock()
    begin = clock.now()
    cluster = SimulatedCluster(clock, seed=20261125)
    study = load_study("toy", [f"trials={NUM_TRIALS}", "parallel=2", RETRIES, f"pruner={{name: {pruner}}}"])
    profile = SlurmProfile(executor="slurm", timeout_min=60, gres="gpu:1", poll_seconds=12 * 3600.0)
    request = LaunchRequest(study, profile, URL, workplace / "sweeps", workplace)

    while True:  # the launcher is killed and replaced every two simulated months
        with open_launcher(
            request,
            cluster,
            clock,
            check_code=lambda *_, **__: PreflightResult(),
            open_folder=cluster.open_folder,
        ) as launcher:
            until = clock.now() + timedelta(days=60)
            while (num_active := launcher.step()) and clock.now() < until:
                clock.sleep(launcher.poll_seconds)
        if num_active == 0:
            break

    data = study_data("toy", URL)
    assert clock.now() - begin > timedelta(days=200 if pruner == "median" else 300)
    states = Counter(data.trials["state"])
    assert set(states) <= {"complete", "pruned"}
    assert states.total() == NUM_TRIALS
    assert (states["pruned"] > 0) is (pruner == "median")
    assert len(data.attempts) == len(cluster.jobs) > NUM_TRIALS  # one job per attempt, some of them retries
    assert cluster.num_attempts_at_once() == 1
    epochs = data.epochs.groupby("number")["epoch"]
    complete = data.trials.loc[data.trials["state"] == "complete", "number"]
    assert all(epochs.get_group(number).tolist() == list(range(1, 11)) for number in complete)
