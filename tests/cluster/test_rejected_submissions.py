"""Submissions that the real sbatch rejects, and nodes on which nothing starts."""

import getpass
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.launch_process import LaunchProcess, launched
from tests.cluster.slurm import Slurm

MAX_JOBS = 3
UNKNOWN = "sbatch: error: Batch job submission failed: Unexpected message received"
FAILING_SBATCH = """\
#!/bin/sh
left=$(cat {count})
[ "$left" -gt 0 ] || exec {command} "$@"
echo $((left - 1)) > {count}
echo "{message}" >&2
exit 1
"""


def write_profile(workplace: Path, settings: str = "") -> None:
    usual = "executor: slurm, timeout_min: 60, poll_seconds: 0.5, settle_seconds: 1"
    (workplace / "cluster.yaml").write_text(f"default: own\nprofiles: {{own: {{{usual}{settings}}}}}\n")


def submissions(workplace: Path) -> set[str]:
    """Return the names of the folders of all submissions."""
    return {folder.name for folder in (workplace / "sweeps/toy/jobs").iterdir()}


def submitted(launch: LaunchProcess) -> set[str]:
    """Return the names of the submissions that Slurm has accepted."""
    table = launch.read_study().attempts
    return {str(name).rpartition(".")[0] for name in table["job_name"]} if "job_name" in table else set()


@pytest.mark.parametrize("num_rejected", [1, 2])
def test_unknown_message_of_sbatch_is_tried_again(
    slurm_workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_rejected: int
) -> None:
    count, bin_folder = tmp_path / "count", tmp_path / "failing"
    count.write_text(str(num_rejected))
    bin_folder.mkdir()
    script = bin_folder / "sbatch"
    script.write_text(FAILING_SBATCH.format(count=count, command=shutil.which("sbatch"), message=UNKNOWN))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin")
    write_profile(slurm_workplace)
    with launched(slurm_workplace, "--trials", "2") as launch:
        assert launch.wait() == 0, launch.log()
    assert launch.log().count("Unexpected message received") == 1
    assert launch.log().count("jobs are accepted again") == 1
    assert [launch.attempts(trial)[-1].state for trial in range(2)] == ["complete"] * 2
    assert len(submissions(slurm_workplace)) == 2  # one for the job that was tried alone


@pytest.fixture(params=["user", "qos"])
def limited(request: pytest.FixtureRequest, slurm: Slurm) -> Iterator[str]:
    """Limit the jobs that may be submitted, and return the settings of a profile with that limit."""
    user = ("sacctmgr", "--immediate", "modify", "user", getpass.getuser(), "set")
    if request.param == "user":
        slurm.run(*user, f"maxsubmitjobs={MAX_JOBS}")
        yield ""
        slurm.run(*user, "maxsubmitjobs=-1")
        return
    slurm.run("sacctmgr", "--immediate", "add", "qos", "few", f"maxsubmitjobsperuser={MAX_JOBS}")
    slurm.run(*user, "qos+=few")
    yield ", qos: few"
    slurm.run(*user, "qos-=few")
    slurm.run("sacctmgr", "--immediate", "delete", "qos", "few")


def test_submit_limit_reduces_submissions_until_they_fit(
    slurm_workplace: Path, slurm: Slurm, limited: str
) -> None:
    write_profile(slurm_workplace, limited)
    with launched(slurm_workplace, "--trials", "6", "--parallel", "6") as launch:
        largest, deadline = 0, time.monotonic() + 120
        while launch.process.poll() is None:
            assert time.monotonic() < deadline, launch.log()
            largest = max(largest, len(slurm.jobs("toy", "PENDING", "RUNNING")))
            time.sleep(0.2)
        assert launch.wait() == 0, launch.log()
    assert largest == MAX_JOBS
    assert [launch.attempts(trial)[-1].state for trial in range(6)] == ["complete"] * 6
    assert launch.log().count("a submit limit of the cluster is reached") == 1
    assert len(submissions(slurm_workplace)) <= 6  # a rejected submission leaves no folder


def test_node_on_which_nothing_starts_is_avoided_and_named(slurm_workplace: Path, slurm: Slurm) -> None:
    """The setup fails on the first node, so that each job sent there ends in a moment."""
    command = "setup: ['[ $SLURMD_NODENAME != n1 ]'], cpus_per_task: 4"
    write_profile(slurm_workplace, f", {command}")
    with launched(slurm_workplace, "--trials", "12", "--parallel", "4") as launch:
        assert launch.wait() == 0, launch.log()
    attempts = launch.read_study().attempts
    failed = attempts[attempts["state"] == "failed"]
    assert set(failed["cause"]) == {"launch_failure"}
    assert set(failed["host"]) == {"n1"}
    assert len(failed) <= 4  # no job that is submitted after the second failure
    assert set(attempts[attempts["state"] == "complete"]["host"]) == {"n2"}
    assert len(attempts[attempts["state"] == "complete"]) == 12
    assert "node n1 is excluded, because" in launch.log()
    status = [sys.executable, "-m", "sweep", "status", "--study", "toy"]
    document = json.loads(subprocess.check_output([*status, "--json"], cwd=slurm_workplace, text=True))
    (node,) = document["studies"][0]["failing_nodes"]
    assert (node["name"], node["num_failures"]) == ("n1", len(failed))
    shown = subprocess.check_output(status, cwd=slurm_workplace, text=True)
    assert f"n1 ({len(failed)} jobs failed before they started)" in shown


def test_waiting_jobs_are_kept_away_from_the_node_too(slurm_workplace: Path, slurm: Slurm) -> None:
    """One job at a time fits on each node, so most jobs of the array wait when the first ones fail."""
    write_profile(
        slurm_workplace, ", setup: ['[ $SLURMD_NODENAME != n1 ] || { sleep 2; false; }'], cpus_per_task: 8"
    )
    with launched(
        slurm_workplace, "--trials", "12", "--parallel", "12", "--set", "fixed.epoch_s=0.3"
    ) as launch:
        assert launch.wait() == 0, launch.log()
    attempts = launch.read_study().attempts
    assert len(attempts[attempts["state"] == "complete"]) == 12
    assert len(attempts[attempts["state"] == "failed"]) <= 4, launch.log()
