"""Trials on the real Slurm in environments of the user's, and trials that start several tasks."""

import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sweep.scheduler.job import Job
from sweep.states import Outcome
from tests.cluster import daemons
from tests.cluster import slurm_jobs as jobs
from tests.cluster.launch_process import launched
from tests.cluster.slurm import Slurm
from tests.pythons import find_python

MODEL = """
import json, subprocess, sys, time

def train(params, trial):
    time.sleep(params.get("seconds", 0))
    trial.report(1, {"score": 0.5})
    ranks = ""
    if params.get("starts_tasks"):
        command = ["srun", "sh", "-c", "echo $SLURMD_NODENAME $SLURM_PROCID"]
        ranks = subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    seen = {"version": list(sys.version_info[:2]), "ranks": ranks}
    (trial.folder / "seen.json").write_text(json.dumps(seen))
    return {"score": 0.5}
"""
PROFILE = """
default: own
profiles:
  own:
    executor: slurm
    time: 1:00:00
    poll_seconds: 0.5
    settle_seconds: 1
    nodes: 2
    tasks_per_node: 2
    gpus_per_task: 1
    mem_per_cpu_gb: 0.1
"""

RANKS = """
import json, os, sys, time

x, trial, folder = float(sys.argv[1]), sys.argv[2], sys.argv[3]
rank = int(os.environ["SLURM_PROCID"])
for epoch in range(1, 5 if x == 1 else 601):
    time.sleep(0.3)
    with open("%s/%s-%d" % (folder, trial, rank), "a") as file:
        file.write("%d " % os.getpid())
    with open(os.environ["SWEEP_METRICS"], "a") as file:
        file.write(json.dumps({"epoch": epoch, "score": x * epoch + rank / 1000}) + "\\n")
"""
STUDY_OF_RANKS = """
name: toy
command: srun --label python ranks.py {x} {trial} SEEN
metric: score
direction: maximize
trials: 2
parallel: 1
space: {x: {type: float, low: 0, high: 1}}
enqueue: [{x: 1.0}, {x: 0.1}]
pruner: {name: median, startup_trials: 1}
"""


def new_job(workplace: Path, **params: bool) -> Job:
    job = jobs.new_job(workplace, **params)
    (folder,) = job.attempts
    folder.create(replace(folder.read_spec(), train="toy_model:train", code_dir=str(workplace)))
    return job


def seen_by(job: Job) -> dict[str, object]:
    """Return what the trial of a job has written about its environment."""
    (folder,) = job.attempts
    result = folder.read_result(folder.read_spec().token)
    assert result is not None
    assert result.outcome is Outcome.COMPLETE, result.error
    seen: dict[str, object] = json.loads((folder.artifacts / "seen.json").read_text())
    return seen


@pytest.fixture
def model(slurm_workplace: Path) -> Path:
    (slurm_workplace / "toy_model.py").write_text(MODEL)
    return slurm_workplace


def test_empty_environment_with_an_old_version_of_python(model: Path) -> None:
    if (python := find_python("3.8")) is None:
        pytest.skip("Python 3.8 is not installed")
    environment = model / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True)
    executor = jobs.make_executor(python=shlex.quote(f"{environment}/bin/python"))
    job = jobs.submit(executor, new_job(model))
    jobs.wait_for_end(executor, job)
    assert seen_by(job)["version"] == [3, 8]


def test_trial_starts_tasks_on_all_nodes_of_its_job(model: Path) -> None:
    executor = jobs.make_executor(nodes=2, tasks_per_node=2, gpus_per_task=1)
    job = jobs.submit(executor, new_job(model, starts_tasks=True))
    jobs.wait_for_end(executor, job)
    ranks = sorted(str(seen_by(job)["ranks"]).splitlines())
    assert ranks == ["n1 0", "n1 1", "n2 2", "n2 3"]


def test_gpu_hours_include_all_nodes(model: Path, slurm: Slurm) -> None:
    (model / "cluster.yaml").write_text(PROFILE)
    with launched(model, "--trials", "1", "--set", "fixed.seconds=2") as launch:
        assert launch.wait() == 0, launch.log()
    (gpu_seconds,) = launch.read_study().attempts["gpu_seconds"]
    job_id = launch.job_id()
    daemons.wait_until("accounting has the job", lambda: job_id in slurm.elapsed_s())
    assert gpu_seconds == 4 * slurm.elapsed_s()[job_id] > 0


def test_pruning_reaches_all_processes_of_a_command_that_srun_starts(slurm_workplace: Path) -> None:
    (slurm_workplace / "ranks.py").write_text(RANKS)
    seen = slurm_workplace / "seen"
    seen.mkdir()
    study_file = STUDY_OF_RANKS.replace("SEEN", shlex.quote(str(seen)))
    (slurm_workplace / "studies" / "toy.yaml").write_text(study_file)
    (slurm_workplace / "cluster.yaml").write_text(PROFILE)
    with launched(slurm_workplace) as launch:
        assert launch.wait() == 0, launch.log()
    study = launch.read_study()
    assert study.trials["state"].tolist() == ["complete", "pruned"]
    # The four processes report every epoch, and each epoch is recorded once.
    epochs = study.epochs.groupby("number")["epoch"].apply(list)
    assert epochs[0] == [1, 2, 3, 4]
    assert epochs[1] == list(range(1, len(epochs[1]) + 1))
    for trial in (0, 1):
        processes = [file.read_text().split() for file in seen.glob(f"{trial}-*")]
        assert len(processes) == 4
        assert not any(psutil.pid_exists(int(pid)) for pid, *_ in processes)
        assert all(len(written) <= 60 for written in processes)  # one word for each epoch, of 600 at most
