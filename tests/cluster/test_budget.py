"""A budget of GPU hours on the real Slurm, compared with Slurm's own accounting."""

from pathlib import Path

from tests.cluster import daemons
from tests.cluster.launch_process import LaunchProcess, launched
from tests.cluster.slurm import Slurm

GPU_SECONDS = 12
LONG = ["--trials", "500", "--set", "fixed.epochs=4", "--set", f"budget.gpu_hours={GPU_SECONDS / 3600}"]


def accounted_seconds(slurm: Slurm, launch: LaunchProcess) -> float:
    """Return the duration of the study's jobs according to Slurm's accounting."""
    elapsed = slurm.elapsed_s()
    return sum(elapsed.get(job_id, 0.0) for job_id in launch.read_study().attempts["job_id"])


def test_study_of_short_trials_ends_when_gpu_hours_are_spent(slurm_workplace: Path, slurm: Slurm) -> None:
    with launched(slurm_workplace, "--cluster", "slurm", *LONG, "--set", "fixed.epoch_s=0.3") as launch:
        assert launch.wait() == 0, launch.log()
    assert "GPU hours is spent" in launch.log()
    data = launch.read_study()
    assert set(data.trials["state"]) == {"complete"}  # active trials continue
    assert 1 < len(data.trials) < 50
    spent = data.attempts["gpu_seconds"].sum()
    assert spent >= GPU_SECONDS
    # Slurm's accounting lags behind.
    daemons.wait_until("Slurm has counted as many seconds", lambda: spent == accounted_seconds(slurm, launch))


def test_running_attempts_count_towards_the_budget(slurm_workplace: Path, slurm: Slurm) -> None:
    """Two trials spend the budget together; when one of them ends, no further trial starts."""
    long = ["--set", "fixed.hold=3", "--set", "fixed.epoch_s=0.1", "--parallel", "2"]
    with launched(slurm_workplace, "--cluster", "slurm", *LONG, *long) as launch:
        folder = launch.wait_until_held(trial=1)
        launch.wait_until_held(trial=0)

        def is_budget_spent() -> bool:
            return accounted_seconds(slurm, launch) > GPU_SECONDS

        launch.wait_until("both trials have spent the budget together", is_budget_spent)
        (folder.artifacts / "go").touch()
        launch.wait_until_logged("GPU hours is spent")
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.read_study().trials["state"].tolist() == ["complete", "complete"]
