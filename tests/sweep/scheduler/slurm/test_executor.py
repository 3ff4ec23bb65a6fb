"""What follows from Slurm's words, with Slurm's commands played by the test."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.cluster import SlurmProfile
from sweep.scheduler.executor import SubmissionError, TemporarySubmissionError
from sweep.scheduler.job import Job, JobStatus
from sweep.scheduler.slurm import queue
from sweep.scheduler.slurm.executor import SlurmExecutor
from sweep.scheduler.slurm.queue import DEFAULT_MAX_ARRAY_SIZE, job_state, max_array_size, seconds
from sweep.states import JobState
from sweep.worker.attempt_folder import AttemptFolder

# The manuals' states (squeue, sacct: JOB STATE CODES), then those of Slurm's source and later manuals
WORDS = {
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "CANCELLED": JobState.CANCELLED,
    "CANCELLED by 1000": JobState.CANCELLED,
    "COMPLETED": JobState.COMPLETE,
    "CONFIGURING": JobState.RUNNING,
    "COMPLETING": JobState.RUNNING,
    "DEADLINE": JobState.TIMEOUT,
    "FAILED": JobState.FAILED,
    "NODE_FAIL": JobState.NODE_FAILURE,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "PENDING": JobState.PENDING,
    "PREEMPTED": JobState.PREEMPTED,
    "RUNNING": JobState.RUNNING,
    "RUNNING+": JobState.RUNNING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "REQUEUED": JobState.PENDING,
    "RESIZING": JobState.RUNNING,
    "REVOKED": JobState.CANCELLED,
    "SIGNALING": JobState.RUNNING,
    "SPECIAL_EXIT": JobState.PENDING,
    "STAGE_OUT": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "SUSPENDED": JobState.RUNNING,
    "TIMEOUT": JobState.TIMEOUT,
    "LAUNCH_FAILED": JobState.NODE_FAILURE,
    "POWER_UP_NODE": JobState.PENDING,
    "RECONFIG_FAIL": JobState.NODE_FAILURE,
    "UPDATE_DB": JobState.RUNNING,
    "A_WORD_OF_A_LATER_SLURM": JobState.UNKNOWN,
    "": JobState.UNKNOWN,
}


class Commands:
    """Answers in place of squeue, sacct and scancel: what to print, or how to fail."""

    def __init__(self) -> None:
        self.answers: dict[str, str | Exception | None] = {
            "squeue": "",
            "sacct": "",
            "scancel": "",
            "scontrol": "",
        }
        self.errors: dict[str, str] = {}
        self.called: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["timeout"]
        self.called.append(list(command))
        answer = self.answers[command[0]]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return subprocess.CompletedProcess(command, 1, "", self.errors.get(command[0], "error"))
        return subprocess.CompletedProcess(command, 0, answer, "")

    def names(self) -> list[str]:
        return [command[0] for command in self.called]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands()
    monkeypatch.setattr(queue.subprocess, "run", commands)
    return commands


@pytest.fixture
def executor() -> SlurmExecutor:
    return SlurmExecutor(SlurmProfile(executor="slurm", timeout_min=60))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "job").mkdir()
    return Job("toy-0-abc.0", tmp_path / "job", (AttemptFolder(tmp_path / "attempt"),), "7")


def states(executor: SlurmExecutor, jobs: Sequence[Job]) -> list[JobState]:
    found = executor.poll(jobs)
    return [found[job.name].state for job in jobs]


@pytest.mark.parametrize(("word", "state"), WORDS.items())
def test_slurms_words(word: str, state: JobState) -> None:
    assert job_state(word) is state


def test_no_word_is_untested() -> None:
    assert set(queue.STATES) <= set(WORDS)


def test_one_call_for_any_number_of_jobs(executor: SlurmExecutor, commands: Commands, job: Job) -> None:
    jobs = [replace(job, name=f"toy-{number}.0", id=str(number)) for number in range(500)]
    commands.answers["squeue"] = "".join(f"{each.id}|RUNNING|1:00|None|{each.submission}\n" for each in jobs)
    assert set(states(executor, jobs)) == {JobState.RUNNING}
    assert commands.names() == ["squeue"]


def test_what_squeue_has_forgotten_is_asked_of_sacct_at_once(
    executor: SlurmExecutor, commands: Commands, job: Job
) -> None:
    jobs = [replace(job, name=f"toy-{number}.0", id=str(number)) for number in range(4)]
    commands.answers["squeue"] = "0|RUNNING|1:02|None|toy-0\n"
    commands.answers["sacct"] = "1|TIMEOUT|1-00:00:03|None|toy-1\n2|CANCELLED by 0|00:00:00|None|toy-2\n"
    assert list(executor.poll(jobs).values()) == [
        JobStatus(JobState.RUNNING, "0", 62.0),
        JobStatus(JobState.TIMEOUT, "1", 86_403.0),
        JobStatus(JobState.CANCELLED, "2", 0.0),
        JobStatus(JobState.GONE, "3", None),
    ]
    assert commands.names() == ["squeue", "sacct"]
    assert "--jobs=1,2,3" in commands.called[1]


@pytest.mark.parametrize(
    ("squeue", "sacct", "state"),
    [
        ("7_0|PENDING|0:00|Resources|toy-0-abc\n", "", JobState.CANCELLED),  # the others are left
        ("7|CANCELLED|0:00|None|toy-0-abc\n", "", JobState.CANCELLED),  # as one, once all are cancelled
        ("", "7_[0-2]|CANCELLED by 0|00:00:00|None|toy-0-abc\n", JobState.CANCELLED),
        ("", "7_[0,2%4]|CANCELLED by 0|00:00:00|None|toy-0-abc\n", JobState.CANCELLED),
        ("", "7_0|COMPLETED|00:01:00|None|toy-0-abc\n", JobState.CANCELLED),
        ("", "7_[0-2]|TIMEOUT|00:00:00|None|toy-0-abc\n", JobState.TIMEOUT),
        ("7_0|PENDING|0:00|Resources|somebody else's\n", "", JobState.GONE),
        ("", "7_2|RUNNING|00:01:00|None|toy-0-abc\n", JobState.GONE),  # it ran; its end is not recorded yet
        ("", "", JobState.GONE),
    ],
)
def test_a_task_of_an_array_that_is_cancelled_while_it_waits(
    executor: SlurmExecutor, commands: Commands, job: Job, squeue: str, sacct: str, state: JobState
) -> None:
    commands.answers |= {"squeue": squeue, "sacct": sacct}
    assert states(executor, [replace(job, name="toy-0-abc.2", id="7_2")]) == [state]
    assert "--jobs=7" in commands.called[1]


def test_a_task_that_has_begun_was_not_cancelled_while_it_waited(
    executor: SlurmExecutor, commands: Commands, job: Job
) -> None:
    commands.answers["squeue"] = "7_0|RUNNING|1:00|None|toy-0-abc\n"
    (attempt,) = job.attempts
    attempt.path.mkdir()
    attempt.started.write_text("{}")
    assert states(executor, [replace(job, name="toy-0-abc.2", id="7_2")]) == [JobState.GONE]


@pytest.mark.parametrize(
    "failure", [None, subprocess.TimeoutExpired("squeue", 60), FileNotFoundError("squeue")], ids=str
)
def test_nothing_follows_from_a_silent_squeue(
    executor: SlurmExecutor, commands: Commands, job: Job, failure: Exception | None
) -> None:
    commands.answers["squeue"] = failure
    lost = replace(job, name="toy-1-abc.0", id=None)
    assert states(executor, [job, lost]) == [JobState.UNKNOWN] * 2
    assert "sacct" not in commands.names()


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("sacct: error: Problem talking to the database: Connection refused", JobState.UNKNOWN),
        ("Slurm accounting storage is disabled", JobState.GONE),
    ],
)
def test_accounting_that_is_down_and_accounting_that_is_not(
    executor: SlurmExecutor, commands: Commands, job: Job, words: str, state: JobState
) -> None:
    commands.answers["sacct"], commands.errors["sacct"] = None, words
    assert states(executor, [job]) == [state]


def test_a_job_cannot_run_unknown_to_squeue(executor: SlurmExecutor, commands: Commands, job: Job) -> None:
    """Its end was lost on the way to the database, or is still on it."""
    commands.answers["sacct"] = f"7|RUNNING|1:00|None|{job.submission}\n"
    assert states(executor, [job]) == [JobState.GONE]


@pytest.mark.parametrize("command", ["squeue", "sacct"])
def test_another_job_of_that_id(executor: SlurmExecutor, commands: Commands, job: Job, command: str) -> None:
    commands.answers[command] = "7|FAILED|1:00|None|somebody else's\n"
    assert states(executor, [job]) == [JobState.GONE]


def test_lines_that_are_no_jobs(executor: SlurmExecutor, commands: Commands, job: Job) -> None:
    name = "x" * 150 + "|y"
    commands.answers["squeue"] = f"Maintenance on Monday\n\n7|RUNNING|1:00|None|{name}\n8|RUNN"
    assert states(executor, [replace(job, name=f"{name}.0")]) == [JobState.RUNNING]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("slurmstepd: error: Exceeded job memory limit", JobState.OUT_OF_MEMORY),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.", JobState.OUT_OF_MEMORY),
        ("srun: error: n1: task 0: Out Of Memory", JobState.OUT_OF_MEMORY),
        ("srun: error: n1: task 0: Terminated", JobState.PREEMPTED),
        ("srun: error: n1: task 0: Exited with exit code 3", JobState.FAILED),
    ],
)
def test_why_a_job_failed(
    executor: SlurmExecutor, commands: Commands, job: Job, words: str, state: JobState
) -> None:
    commands.answers["squeue"] = f"7|FAILED|1:00|NonZeroExitCode|{job.submission}\n"
    assert states(executor, [job]) == [JobState.FAILED]
    (job.folder / "7_0_log.err").write_text(words)
    assert states(executor, [job]) == [state]


def test_a_reason_to_wait_is_told_once(
    executor: SlurmExecutor, commands: Commands, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(job, name="toy-1.0", id="8")
    commands.answers["squeue"] = (
        f"7|PENDING|0:00|ReqNodeNotAvail, UnavailableNodes:n1|{job.submission}\n"
        "8|PENDING|0:00|Priority|toy-1\n"
    )
    assert states(executor, [job, other]) == [JobState.PENDING] * 2
    executor.poll([job, other])
    assert caplog.messages == ["job 7 is kept waiting by Slurm: ReqNodeNotAvail"]


def test_found_by_name_once_its_task_was_handed_over(
    executor: SlurmExecutor, commands: Commands, job: Job
) -> None:
    lost = replace(job, id=None)
    commands.answers["squeue"] = (
        f"8|PENDING|0:00|None|{job.submission}\n9|FAILED|0:00|None|{job.submission}\n5|RUNNING|0:00|None|other\n"
    )
    assert executor.poll([lost]) == {}
    assert commands.called[-1] == ["scancel", "8"]  # it would wait in vain; the other has ended
    (job.folder / "8_submitted.pkl").touch()
    assert executor.poll([lost]) == {job.name: JobStatus(JobState.PENDING, "8", 0.0)}
    assert commands.names().count("scancel") == 1


def test_an_array_is_found_task_by_task(executor: SlurmExecutor, commands: Commands, job: Job) -> None:
    """A launcher died before it had handed over the tasks of the last two of four jobs."""
    jobs = [replace(job, name=f"toy-0-abc.{index}", id=None) for index in range(4)]
    commands.answers["squeue"] = "".join(f"8_{index}|PENDING|0:00|None|toy-0-abc\n" for index in range(4))
    for index in (0, 1):
        (job.folder / f"8_{index}_submitted.pkl").touch()
    assert {name: status.id for name, status in executor.poll(jobs).items()} == {
        "toy-0-abc.0": "8_0", "toy-0-abc.1": "8_1",
    }  # fmt: skip
    assert commands.called[-1] == ["scancel", "8_2", "8_3"]


@pytest.mark.parametrize(
    ("time", "expected"),
    [("0:00", 0), ("1:02", 62), ("01:00:02", 3602), ("2-00:00:01", 172_801), ("INVALID", None), ("", None)],
)
def test_slurms_times(time: str, expected: float | None) -> None:
    assert seconds(time) == expected


def test_the_largest_array(commands: Commands, executor: SlurmExecutor) -> None:
    commands.answers["scontrol"] = "Configuration data\nMaxArraySize            = 16\nMaxDBDMsgs = 20024\n"
    assert max_array_size() == 16
    commands.answers["scontrol"] = None
    assert executor.max_submission_size == DEFAULT_MAX_ARRAY_SIZE


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an sbatch that runs these shell lines on the PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def put(script: str) -> None:
        program = tmp_path / "bin" / "sbatch"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


def test_submits(executor: SlurmExecutor, job: Job, sbatch: Callable[[str], None]) -> None:
    sbatch("echo Submitted batch job 41")
    assert executor.submit([job]) == ["41"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("invalid partition specified: gpuu", SubmissionError),
        ("Batch job submission failed: Invalid account or account/partition combination", SubmissionError),
        ("Batch job submission failed: Requested node configuration is not available", SubmissionError),
        ("Batch job submission failed: Socket timed out on send/recv operation", TemporarySubmissionError),
        (
            "Batch job submission failed: Unable to contact slurm controller (connect failure)",
            TemporarySubmissionError,
        ),
        ("Batch job submission failed: Zero Bytes were transmitted or received", TemporarySubmissionError),
        ("Batch job submission failed: Slurm backup controller in standby mode", TemporarySubmissionError),
        ("Batch job submission failed: Resource temporarily unavailable", TemporarySubmissionError),
        (
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            TemporarySubmissionError,
        ),
    ],
)
def test_refusals(
    executor: SlurmExecutor,
    job: Job,
    sbatch: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    words: str,
    kind: type[SubmissionError],
) -> None:
    sbatch(f'echo "sbatch: error: {words}" >&2; exit 1')
    with pytest.raises(SubmissionError) as error:
        executor.submit([job])
    assert type(error.value) is kind
    assert str(error.value) == f"sbatch: error: {words}"
    assert capsys.readouterr().err == ""  # whoever catches it tells


def test_without_slurm(executor: SlurmExecutor, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(job.folder))
    with pytest.raises(SubmissionError, match="sbatch"):
        executor.submit([job])


def test_an_allocation_around_the_launcher_is_not_the_jobs(
    executor: SlurmExecutor, job: Job, sbatch: Callable[[str], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sbatch(f"env > '{tmp_path}/seen'; echo Submitted batch job 41")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "100")
    executor.submit([job])
    assert "SLURM_MEM_PER_CPU=100\n" in (tmp_path / "seen").read_text()  # the user's own wish
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    executor.submit([job])
    assert "SLURM_MEM_PER_CPU" not in (tmp_path / "seen").read_text()
    assert "SLURM_CONF=/etc/slurm.conf\n" in (tmp_path / "seen").read_text()


def test_the_sbatch_file(executor: SlurmExecutor, job: Job) -> None:
    script = executor.script(job)
    for line in (
        "#SBATCH --job-name=toy-0-abc",
        "#SBATCH --no-requeue",
        "#SBATCH --time=60",
        "#SBATCH --cpus-per-task=1",
    ):
        assert line in script.splitlines()
    assert " --nodes=1 --ntasks=1 --cpus-per-task=1 " in script  # srun's
    assert "wckey" not in script
