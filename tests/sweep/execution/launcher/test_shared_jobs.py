"""Several trials in one job."""

from pathlib import Path

from sweep.execution.jobs import JobState
from sweep.execution.trial import Cause, Outcome
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


def pack(trials_per_job: int) -> None:
    """Have the profile put so many trials into one job."""
    text = Path("cluster.yaml").read_text()
    Path("cluster.yaml").write_text(text.replace("partition: gpu", f"trials_per_job: {trials_per_job}"))


def test_trials_that_share_a_job_have_their_own_fates(desk: Desk, cluster: Cluster) -> None:
    pack(2)
    desk.launch("parallel=4", "trials=6")
    assert desk.step() == 4
    assert cluster.submissions == [["1", "2"]]
    assert [len(cluster.jobs[job_id].attempts) for job_id in ("1", "2")] == [2, 2]
    cluster.begin("1", place=0)
    cluster.begin("1", place=1)
    cluster.elapsed_s["1"] = 30.0
    cluster.end("1", JobState.RUNNING, Outcome.FAILED, cause=Cause.ERROR, place=0)
    assert desk.step() == 3  # its job goes on with the other: no place is free
    assert len(cluster.submissions) == 1
    cluster.elapsed_s["1"] = 100.0
    cluster.end("1", place=1)
    assert desk.step() == 4
    assert cluster.submissions[1:] == [["3"]]
    data = desk.read()
    assert data.trials["state"].tolist()[:2] == ["failed", "complete"]
    assert data.attempts["gpu_seconds"].tolist()[:2] == [50.0, 50.0]  # the job's, by the cluster's count


def test_a_retried_trial_finds_a_place_in_the_next_job(desk: Desk, cluster: Cluster) -> None:
    pack(2)
    desk.launch("parallel=2", "trials=3")
    desk.step()
    cluster.begin("1", place=0)
    cluster.end("1", JobState.PREEMPTED, Outcome.COMPLETED, place=0)
    assert desk.step() == 2  # the second has to be tried again, and a third takes the free place
    assert [attempt.read_spec().number for attempt in cluster.jobs["2"].attempts] == [1, 2]
