"""Optuna's pruners on the real Slurm, over jobs that never see the database."""

from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from sweep.storage.database import connect, parse_url
from sweep.storage.tables import AttemptRow
from tests.cluster.launching import launched

PRUNERS = [
    "{name: median, startup_trials: 1, warmup_epochs: 0}",
    "{name: successive_halving, min_epochs: 1, reduction_factor: 2}",
    "{name: hyperband, min_epochs: 1, max_epochs: 8, reduction_factor: 2}",
]
NUM_EPOCHS = 8
# The first is the best, so that each of the others is hopeless from its first epoch on.
POINTS = "enqueue: [{x: 0.9}, {x: 0.5}, {x: 0.4}, {x: 0.3}, {x: 0.2}, {x: 0.1}]\n"


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_pruned_job_makes_room_for_the_next(on_slurm: Path, pruner: str) -> None:
    """Every job takes both GPUs of one node: there is room for one."""
    study = on_slurm / "studies/toy.yaml"
    study.write_text(study.read_text() + POINTS)
    (on_slurm / "cluster.yaml").write_text(
        "default: one\nprofiles:\n  one: {executor: slurm, timeout_min: 60, poll_seconds: 0.3, "
        'settle_seconds: 1, gres: "gpu:2", additional: {nodelist: n1}}\n'
    )
    options = ["--trials", "6", "--set", f"fixed.epochs={NUM_EPOCHS}", "--set", "fixed.epoch_s=0.6"]
    with launched(on_slurm, *options, "--set", f"pruner={pruner}") as launch:
        assert launch.finish() == 0, launch.log()
    data = launch.read()
    pruned = data.trials[data.trials["state"] == "pruned"]
    assert data.trials["state"].tolist()[0] == "complete"
    assert set(data.trials["state"]) == {"complete", "pruned"}
    assert len(pruned) >= 2
    assert (pruned["num_epochs"] < NUM_EPOCHS).all()
    assert (data.trials["num_attempts"] == 1).all()

    engine = connect(parse_url("sqlite:///sweep.db"))
    with Session(engine) as session:
        asked_at = {row.trial_id - 1: row.stop_requested_at for row in session.query(AttemptRow)}
    engine.dispose()
    for number in pruned["number"]:
        reports, _ = launch.attempt_folders(number)[0].read_epochs()
        asked = asked_at[number]
        assert asked is not None
        late = [report for report in reports if report.reported_at > asked.timestamp()]
        assert len(late) <= 1  # the epoch under way
    # one after the other, each begins in the room that the one before it has left
    times = data.attempts.sort_values("started_at")[["started_at", "ended_at"]].itertuples(index=False)
    assert all(earlier.ended_at <= later.started_at for earlier, later in pairwise(times))
