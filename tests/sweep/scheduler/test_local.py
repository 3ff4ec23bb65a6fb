"""Tests of the executor that runs trials as processes of this machine."""

import dataclasses
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sweep.definition.local_profile import LocalProfile
from sweep.scheduler import local
from sweep.scheduler.job import Job, JobStatus
from sweep.scheduler.local import LocalExecutor
from sweep.states import Cause, JobState, Outcome
from sweep.worker.documents import CommandSpec
from tests.sweep.scheduler.contract import ExecutorContract, new_job, results, state, submit, wait_for_end

pytestmark = pytest.mark.slow


def new_executor() -> LocalExecutor:
    return LocalExecutor(LocalProfile(executor="local"))


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self) -> LocalExecutor:
        return new_executor()


@pytest.fixture
def held_job(workplace: Path) -> Iterator[Job]:
    """A running job whose train function waits until it is cancelled."""
    executor = new_executor()
    job = submit(executor, new_job(workplace, {"hold": 1}))
    deadline = time.monotonic() + 60
    while not job.attempts[0].started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield job
    executor.cancel(job)
    executor.poll([job])  # reaps the process


def test_job_is_known_to_another_launcher(held_job: Job) -> None:
    assert new_executor().poll([held_job]) == {held_job.name: JobStatus(JobState.RUNNING, held_job.id)}


def test_job_whose_id_was_not_recorded_is_found_by_its_folder(held_job: Job) -> None:
    found = new_executor().poll([replace(held_job, id=None)])
    assert found == {held_job.name: JobStatus(JobState.RUNNING, held_job.id)}


def test_cancel_kills_all_processes_of_the_job(held_job: Job) -> None:
    pid = int(str(held_job.id).split(":")[1])
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert len(processes) >= 2
    executor = new_executor()
    executor.cancel(held_job)
    assert wait_for_end(executor, held_job) is JobState.GONE
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert results(held_job) == [None]


def test_state_of_a_job_on_another_machine_is_unknown(workplace: Path) -> None:
    here = platform.node()
    job = replace(new_job(workplace), id=f"not-{here}:{os.getpid()}:0")
    missing = f"it was started on not-{here}, whose processes are not visible on {here}"
    assert new_executor().poll([job]) == {job.name: JobStatus(JobState.UNKNOWN, job.id, missing=missing)}


def test_process_that_reuses_the_id_of_a_job_is_not_the_job(workplace: Path) -> None:
    job = replace(new_job(workplace), id=f"{platform.node()}:{os.getpid()}:0")
    executor = new_executor()
    assert state(executor, job) is JobState.GONE
    executor.cancel(job)  # must not kill this process


@pytest.mark.parametrize(("num_cpus", "parallel", "threads"), [(8, 3, 2), (8, 8, 1), (2, 5, 1), (1, 1, 1)])
def test_parallel_trials_share_the_cores_that_the_launcher_may_use(
    monkeypatch: pytest.MonkeyPatch, num_cpus: int, parallel: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(num_cpus)))
    monkeypatch.setattr(local, "CGROUPS", Path("/nowhere"))
    assert new_executor().threads_per_trial(parallel) == threads


@pytest.mark.parametrize(("limit", "cpus"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8)])
def test_quota_of_the_control_group_limits_the_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, cpus: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(local, "CGROUPS", tmp_path)
    own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    (tmp_path / own[3:].lstrip("/")).mkdir(parents=True, exist_ok=True)
    (tmp_path / "cpu.max").write_text(limit)
    assert local.num_usable_cpus() == cpus


CRASHES = """
import os, signal, subprocess, sys, time

def start_children():
    for options in ({}, {"start_new_session": True}):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], **options)

def train(params, trial):
    start_children()
    print("started the children", flush=True)
    if params["how"] == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if params["how"] == "leave":
        os._exit(3)
    (trial.folder / "ready").touch()
    time.sleep(300)
"""


def crashing_job(workplace: Path, how: str) -> Job:
    """Return a job whose train function starts processes, one in a session of its own."""
    (workplace / "crashes.py").write_text(CRASHES)
    job = new_job(workplace, {"how": how})
    (folder,) = job.attempts
    folder.create(dataclasses.replace(folder.read_spec(), train="crashes:train"))
    return job


def processes_of(job: Job) -> list[psutil.Process]:
    """Return all processes of a job that still run."""
    return [
        process
        for process in psutil.process_iter(["environ", "status"])
        if (process.info["environ"] or {}).get(local.JOB_VARIABLE) == job.name
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


@pytest.mark.parametrize(
    ("how", "status", "error"),
    [
        (
            "segfault",
            "signal SIGSEGV",
            "the train function's process was ended by signal SIGSEGV (Segmentation fault)",
        ),
        (
            "leave",
            "exit code 3",
            "the train function ended its process with exit code 3, and returned no metrics",
        ),
    ],
)
def test_end_of_the_train_functions_process_is_an_error_with_its_reason(
    workplace: Path, how: str, status: str, error: str
) -> None:
    executor = new_executor()
    job = submit(executor, crashing_job(workplace, how))
    wait_for_end(executor, job)
    (result,) = results(job)
    assert result is not None
    assert (result.outcome, result.cause, result.exit_status) == (Outcome.FAILED, Cause.ERROR, status)
    assert result.error is not None
    assert result.error.splitlines()[-1] == error
    assert "started the children" in result.error
    assert processes_of(job) == []


@pytest.mark.parametrize("name", ["shell", "controller", "worker"])
def test_no_process_of_a_job_survives_the_loss_of_another(workplace: Path, name: str) -> None:
    executor = new_executor()
    job = submit(executor, crashing_job(workplace, "wait"))
    deadline = time.monotonic() + 60
    while not (job.attempts[0].artifacts / "ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shell = psutil.Process(int(str(job.id).split(":")[1]))
    (controller,) = shell.children()
    (worker,) = controller.children()
    {"shell": shell, "controller": controller, "worker": worker}[name].kill()
    assert wait_for_end(executor, job) is JobState.GONE
    assert processes_of(job) == []
    assert results(job) == [None]


def test_time_limit_is_the_cause_of_the_failure(workplace: Path) -> None:
    profile = LocalProfile(executor="local").model_copy(update={"timeout_min": 0.05})
    executor = LocalExecutor(profile)
    job = submit(executor, crashing_job(workplace, "wait"))
    wait_for_end(executor, job)
    (result,) = results(job)
    assert result is not None
    assert (result.cause, str(result.error).splitlines()[-1]) == (
        Cause.TIMEOUT,
        "the attempt reached its time limit of 3 s",
    )
    assert processes_of(job) == []


def command_job(workplace: Path, *params: dict[str, object]) -> Job:
    """Return a job whose attempts run a command that starts processes, one in a session of its own."""
    code = CRASHES.replace("def train(params, trial):", "def main(folder):").replace(
        'params["how"]', "sys.argv[1]"
    )
    code = code.replace('(trial.folder / "ready").touch()', 'open(folder + "/ready", "w").close()')
    (workplace / "command.py").write_text(f"{code}\nprint('score 1', flush=True)\nmain(sys.argv[2])\n")
    job = new_job(workplace, *params)
    for folder in job.attempts:
        spec = folder.read_spec()
        words = (sys.executable, "command.py", str(spec.params["how"]), "{folder}")
        command = CommandSpec(words, stdout={"score": r"score (\S+)"})
        folder.create(dataclasses.replace(spec, train="", command=command))
    return job


@pytest.mark.parametrize("name", ["shell", "controller", "worker", "attempt", "command"])
def test_command_ends_with_its_attempt(workplace: Path, name: str) -> None:
    executor = new_executor()
    job = submit(executor, command_job(workplace, {"how": "wait"}))
    deadline = time.monotonic() + 60
    while not (job.attempts[0].artifacts / "ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    processes = [psutil.Process(int(str(job.id).split(":")[1]))]
    for _ in range(4):
        processes.append(processes[-1].children()[0])
    processes[("shell", "controller", "worker", "attempt", "command").index(name)].kill()
    assert wait_for_end(executor, job) is JobState.GONE
    assert processes_of(job) == []
    assert results(job) == [None]


def test_time_limit_ends_a_command(workplace: Path) -> None:
    executor = LocalExecutor(LocalProfile(executor="local").model_copy(update={"timeout_min": 0.05}))
    job = submit(executor, command_job(workplace, {"how": "wait"}))
    wait_for_end(executor, job)
    (result,) = results(job)
    assert result is not None
    assert result.cause is Cause.TIMEOUT
    assert processes_of(job) == []


def test_commands_that_share_a_job_end_independently(workplace: Path) -> None:
    executor = new_executor()
    job = submit(executor, command_job(workplace, {"how": "segfault"}, {"how": "leave"}, {"how": "wait"}))
    deadline = time.monotonic() + 60
    while not (job.attempts[2].artifacts / "ready").exists() or None in results(job)[:2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.attempts[2].request_stop(Outcome.PRUNED)
    wait_for_end(executor, job)
    ends = [result and (result.outcome, result.exit_status) for result in results(job)]
    assert ends == [
        (Outcome.FAILED, "signal SIGSEGV"), (Outcome.FAILED, "exit code 3"), (Outcome.PRUNED, None)
    ]  # fmt: skip
    assert processes_of(job) == []


def test_users_modules_do_not_hide_those_of_the_worker(workplace: Path) -> None:
    """The folder contains a file for each of the names that the processes of a job import."""
    for name in ("worker", "requests", "utils", "submitit", "cloudpickle", "numpy"):
        (workplace / f"{name}.py").write_text(f"NAME = 'own {name}'\n")
    (workplace / "sweep.py").write_text(
        "import utils, worker, requests\n"
        "def train(params, trial):\n"
        "    import subprocess, sys\n"
        "    subprocess.run([sys.executable, 'script.py'], check=True)\n"
        "    trial.note('names', [utils.NAME, worker.NAME, requests.NAME])\n"
        "    return {'score': 1.0}\n"
    )
    (workplace / "script.py").write_text("import utils\nassert utils.NAME == 'own utils'\n")
    executor = new_executor()
    job = new_job(workplace)
    (folder,) = job.attempts
    folder.create(dataclasses.replace(folder.read_spec(), train="sweep:train"))
    job = submit(executor, job)
    wait_for_end(executor, job)
    (result,) = results(job)
    assert result is not None
    assert (result.outcome, result.error) == (Outcome.COMPLETE, None)
    assert result.notes == {"names": "['own utils', 'own worker', 'own requests']"}


def test_trial_does_not_inherit_the_password_of_the_database(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SWEEP_STORAGE", "PGPASSWORD", "MYSQL_PWD", "PGUSER"):
        monkeypatch.setenv(name, "100")
    (workplace / "spying.py").write_text(
        "import os\n"
        "def train(params, trial):\n"
        "    trial.note('found', sorted(name for name, value in os.environ.items() if value == '100'))\n"
        "    return {'score': 1.0}\n"
    )
    executor = new_executor()
    job = new_job(workplace)
    (folder,) = job.attempts
    folder.create(dataclasses.replace(folder.read_spec(), train="spying:train"))
    job = submit(executor, job)
    wait_for_end(executor, job)
    (result,) = results(job)
    assert result is not None
    assert (result.error, result.notes) == (None, {"found": "['PGUSER']"})
    assert os.environ["PGPASSWORD"] == "100"


def test_each_line_is_in_the_log_when_it_is_printed(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    (workplace / "printing.py").write_text(
        "import subprocess, sys, time\n"
        "def train(params, trial):\n"
        "    print('own line')\n"
        "    code = 'import time; print(\"line of a child\"); time.sleep(300)'\n"
        "    subprocess.run([sys.executable, '-c', code])\n"
    )
    job = new_job(workplace, {}, {})
    for folder in job.attempts:
        folder.create(dataclasses.replace(folder.read_spec(), train="printing:train"))
    executor = new_executor()
    job = submit(executor, job)
    deadline = time.monotonic() + 60
    while any(
        folder.read_log(1000).splitlines() != ["own line", "line of a child"] for folder in job.attempts
    ):
        assert time.monotonic() < deadline, [folder.read_log(1000) for folder in job.attempts]
        time.sleep(0.05)
    executor.cancel(job)
    executor.poll([job])
    assert processes_of(job) == []
