"""The user's environment and profile on the real Slurm: what must not change, or must work."""

from pathlib import Path

import pytest

from tests.cluster.launch_process import Attempt, launched
from tests.invariants import check_each_trial_ran_once

TRIALS = ["--trials", "3", "--parallel", "3", "--set", "fixed.epochs=2"]

VARIABLES = {
    "SQUEUE_PARTITION": "low",
    "SQUEUE_FORMAT": "%i",
    "SQUEUE_STATES": "PD",
    "SQUEUE_NAMES": "none",
    "SACCT_FORMAT": "JobID",
    "SBATCH_JOB_NAME": "mine",
    "SBATCH_PARTITION": "nosuch",
    "SBATCH_ARRAY_INX": "0-5",
    "SBATCH_EXPORT": "NONE",
    "SBATCH_OUTPUT": "elsewhere.txt",
    "SBATCH_TIMELIMIT": "0-00:00:01",
    "SLURM_CLUSTERS": "other",
    "SLURM_TIME_FORMAT": "relative",
    "SLURM_JOB_NAME": "mine",
    "SRUN_CPUS_PER_TASK": "64",
}


@pytest.mark.parametrize(
    "names", [["SQUEUE_PARTITION"], ["SBATCH_JOB_NAME"], list(VARIABLES)], ids=["squeue", "sbatch", "all"]
)
def test_variables_of_slurms_commands_change_nothing(
    slurm_workplace: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    for name in names:
        monkeypatch.setenv(name, VARIABLES[name])
    with launched(slurm_workplace, *TRIALS) as launch:
        assert launch.wait() == 0, launch.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=3, num_epochs=2)


def set_profile_key(workplace: Path, key: str) -> None:
    """Add a key to the profile `slurm`."""
    file = workplace / "cluster.yaml"
    profile = "slurm: {executor: slurm, partition: main, "
    assert profile in file.read_text()
    file.write_text(file.read_text().replace(profile, f"{profile}{key}, "))


@pytest.mark.parametrize("export", ["NONE", "NIL", "HOME,FOO=1"])
def test_trials_run_without_the_launchers_environment(slurm_workplace: Path, export: str) -> None:
    set_profile_key(slurm_workplace, f"additional: {{export: '{export}'}}")
    with launched(slurm_workplace, *TRIALS) as launch:
        assert launch.wait() == 0, launch.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=3, num_epochs=2)


def test_failed_setup_command_ends_the_job_before_the_attempt_starts(slurm_workplace: Path) -> None:
    set_profile_key(slurm_workplace, "setup: [no_such_module load x, 'true']")
    with launched(slurm_workplace, "--trials", "1") as launch:
        assert launch.wait() == 1
    assert launch.attempts() == [Attempt("failed", "launch_failure")] * 2
    assert "no_such_module" in launch.log()


def test_workdir_that_is_a_link_is_kept_as_written(slurm_workplace: Path) -> None:
    (slurm_workplace / "target").mkdir()
    link = slurm_workplace / "link"
    link.symlink_to("target")
    with launched(slurm_workplace, *TRIALS, "--workdir", str(link)) as launch:
        assert launch.wait() == 0, launch.log()
    check_each_trial_ran_once(slurm_workplace, num_trials=3, num_epochs=2)
    scripts = [file.read_text() for file in (slurm_workplace / "target").rglob("*submission*.sh")]
    assert scripts
    for script in scripts:  # the path before it contains a quote, which the script writes differently
        assert "a place/link/toy/jobs/" in script
        assert "a place/target" not in script
