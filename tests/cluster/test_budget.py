"""A budget of GPU hours on the real Slurm: what its jobs cost by its own count ends the study."""

from pathlib import Path

from tests.cluster import daemons
from tests.cluster.launching import Launch, launched
from tests.cluster.slurm import Slurm

GPU_SECONDS = 12
LONG = ["--trials", "500", "--set", "fixed.epochs=4", "--set", f"budget.gpu_hours={GPU_SECONDS / 3600}"]


def seconds_by_slurm(slurm: Slurm, launch: Launch) -> float:
    elapsed = slurm.elapsed_s()
    return sum(elapsed.get(job_id, 0.0) for job_id in launch.read().attempts["job_id"])


def test_gpu_hours_end_a_study_of_short_trials(on_slurm: Path, slurm: Slurm) -> None:
    with launched(on_slurm, "--cluster", "slurm", *LONG, "--set", "fixed.epoch_s=0.3") as launch:
        assert launch.finish() == 0, launch.log()
    assert "GPU hours is spent" in launch.log()
    data = launch.read()
    assert set(data.trials["state"]) == {"complete"}  # what had begun went on to its end
    assert 1 < len(data.trials) < 50
    spent = data.attempts["gpu_seconds"].sum()
    assert spent >= GPU_SECONDS
    # accounting lags behind
    daemons.wait_until("Slurm counts the same", lambda: spent == seconds_by_slurm(slurm, launch))


def test_what_runs_counts_before_it_has_ended(on_slurm: Path, slurm: Slurm) -> None:
    """One trial runs for longer than the budget, the other ends meanwhile: its place stays empty."""
    long = ["--set", "fixed.hold=3", "--set", "fixed.epoch_s=0.1", "--parallel", "2"]
    with launched(on_slurm, "--cluster", "slurm", *LONG, *long) as launch:
        folder = launch.wait_until_held(trial=1)
        launch.wait_until_held(trial=0)

        def have_run_for_the_budget() -> bool:
            return seconds_by_slurm(slurm, launch) > GPU_SECONDS

        launch.wait_until("both have run for the budget together", have_run_for_the_budget)
        (folder.artifacts / "go").touch()
        launch.wait_until_said("GPU hours is spent")
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.read().trials["state"].tolist() == ["complete", "complete"]
