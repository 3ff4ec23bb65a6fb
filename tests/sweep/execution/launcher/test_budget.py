"""What trials cost, and a study whose budget is spent."""

from sweep.execution.jobs import JobState
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


def test_budget_of_gpu_hours_counts_what_ended_and_what_runs(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=50", "parallel=1", "budget.gpu_hours=0.01")
    desk.step()
    cluster.begin("1")  # at second 100
    cluster.end("1")  # at second 160: a sixtieth of an hour
    assert desk.step() == 0
    assert desk.read().trials["gpu_seconds"].tolist() == [60.0]


def test_budget_of_hours(desk: Desk) -> None:
    desk.launch("budget.hours=0.0000001")
    assert desk.step() == 0


def test_the_cost_is_the_clusters_count_in_the_end(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.begin("1")  # at second 100
    cluster.end("1", JobState.RUNNING)  # at second 160, and Slurm is cleaning up
    cluster.elapsed_s["1"] = 61.0
    assert desk.step() == 0
    assert desk.read().attempts["gpu_seconds"].tolist() == [60.0]
    cluster.state["1"], cluster.elapsed_s["1"] = JobState.COMPLETED, 67.0
    desk.relaunch("trials=1").step()
    assert desk.read().attempts["gpu_seconds"].tolist() == [67.0]
    cluster.elapsed_s["1"] = 99.0  # it is not asked again
    desk.step()
    assert desk.read().attempts["gpu_seconds"].tolist() == [67.0]


def test_what_runs_counts_towards_the_budget(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=50", "parallel=2", "budget.gpu_hours=0.01")  # 36 s
    desk.step()
    for job_id in ("1", "2"):
        cluster.begin(job_id)
    cluster.elapsed_s = {"1": 20.0, "2": 20.0}
    cluster.end("2", JobState.PREEMPTED, outcome=None)
    assert desk.step() == 1  # neither a new trial nor another attempt
    assert desk.states() == ["running", "failed"]
