"""Trials that are asked to stop."""

import pytest

from sweep.execution import reconcile
from sweep.execution.jobs import JobState
from sweep.execution.trial import Outcome
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


def fall_behind(desk: Desk, cluster: Cluster, trials: int) -> None:
    """The first of so many trials completes, and the second reports an epoch far below it."""
    median = "pruner={name: median, startup_trials: 1, warmup_epochs: 0}"
    desk.launch("parallel=1", f"trials={trials}", median)
    desk.step()
    cluster.begin("1")
    cluster.report("1", 0.9, 0.9)
    cluster.end("1", score=0.9)
    desk.step()
    cluster.begin("2")
    cluster.report("2", 0.1)
    desk.step()


def test_pruning_goes_through_the_trial_folder(desk: Desk, cluster: Cluster) -> None:
    fall_behind(desk, cluster, trials=3)
    assert cluster.attempt("2").read_stop() is Outcome.PRUNED
    cluster.end("2", outcome=Outcome.PRUNED)
    desk.step()
    assert desk.states() == ["complete", "pruned", "running"]
    assert len(cluster.jobs) == 3


def test_successive_halving_sees_what_the_same_poll_has_found(desk: Desk, cluster: Cluster) -> None:
    """Four trials report their first epoch between two polls: the best of them goes on, the last stops."""
    halving = "pruner={name: successive_halving, min_epochs: 1, reduction_factor: 2}"
    desk.launch("parallel=4", "trials=4", halving)
    desk.step()
    for job_id, score in zip("1234", (0.9, 0.8, 0.7, 0.1), strict=True):
        cluster.begin(job_id)
        cluster.report(job_id, score)
    desk.step()
    asked_to_stop = [cluster.attempt(job_id).read_stop() is Outcome.PRUNED for job_id in "1234"]
    assert asked_to_stop[0] is False
    assert asked_to_stop[3] is True


def test_a_trial_that_ignores_the_stop_is_cancelled(
    desk: Desk, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    fall_behind(desk, cluster, trials=2)
    desk.step()
    assert not cluster.cancelled  # it has time until its next epoch
    monkeypatch.setattr(reconcile, "stop_overdue", lambda *_: True)
    desk.step()
    assert cluster.cancelled == ["2"]
    cluster.end("2", JobState.CANCELLED, outcome=None)
    assert desk.step() == 0
    assert desk.states() == ["complete", "pruned"]
