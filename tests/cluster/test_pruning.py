"""Optuna's pruners on the real Slurm, whose jobs have no access to the database."""

from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from sweep.storage.database import connect, parse_url
from sweep.storage.tables import AttemptRow
from tests.cluster.launch_process import launched

PRUNERS = [
    "{name: median, startup_trials: 1, warmup_epochs: 0}",
    "{name: successive_halving, min_epochs: 1, reduction_factor: 2}",
    "{name: hyperband, min_epochs: 1, max_epochs: 8, reduction_factor: 2}",
]
NUM_EPOCHS = 8
# The first trial is the best one, so that each of the others should be pruned from its first epoch.
POINTS = "enqueue: [{x: 0.9}, {x: 0.5}, {x: 0.4}, {x: 0.3}, {x: 0.2}, {x: 0.1}]\n"


@pytest.mark.parametrize("pruner", PRUNERS)
def test_next_trial_starts_after_a_trial_is_pruned(slurm_workplace: Path, pruner: str) -> None:
    """Each job occupies both GPUs of the only node, so that one job runs at a time."""
    study = slurm_workplace / "studies/toy.yaml"
    study.write_text(study.read_text() + POINTS)
    (slurm_workplace / "cluster.yaml").write_text(
        "default: one\nprofiles:\n  one: {executor: slurm, timeout_min: 60, poll_seconds: 0.3, "
        'settle_seconds: 1, gres: "gpu:2", additional: {nodelist: n1}}\n'
    )
    options = ["--trials", "6", "--set", f"fixed.epochs={NUM_EPOCHS}", "--set", "fixed.epoch_s=0.6"]
    with launched(slurm_workplace, *options, "--set", f"pruner={pruner}") as launch:
        assert launch.wait() == 0, launch.log()
    data = launch.read_study()
    pruned = data.trials[data.trials["state"] == "pruned"]
    assert data.trials["state"].tolist()[0] == "complete"
    assert set(data.trials["state"]) == {"complete", "pruned"}
    assert len(pruned) >= 2
    assert (pruned["num_epochs"] < NUM_EPOCHS).all()
    assert (data.trials["num_attempts"] == 1).all()

    engine = connect(parse_url("sqlite:///sweep.db"))
    with Session(engine) as session:
        stop_requests = {row.trial_id - 1: row.stop_requested_at for row in session.query(AttemptRow)}
    engine.dispose()
    for number in pruned["number"]:
        reports, _ = launch.attempt_folders(number)[0].read_epochs()
        stop_requested_at = stop_requests[number]
        assert stop_requested_at is not None
        late = [report for report in reports if report.reported_at > stop_requested_at.timestamp()]
        assert len(late) <= 1  # the epoch during which the stop was requested
    # Each trial starts after the one before it has ended.
    times = data.attempts.sort_values("started_at")[["started_at", "ended_at"]].itertuples(index=False)
    assert all(earlier.ended_at <= later.started_at for earlier, later in pairwise(times))
