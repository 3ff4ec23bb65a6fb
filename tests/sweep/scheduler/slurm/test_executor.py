"""Tests of the Slurm executor with fake Slurm commands."""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.scheduler.job import Job, JobStatus
from sweep.scheduler.slurm.executor import SlurmExecutor
from sweep.states import JobState
from tests.sweep.scheduler.slurm.fake_commands import FakeCommands


def poll_states(executor: SlurmExecutor, jobs: Sequence[Job]) -> list[JobState]:
    found = executor.poll(jobs)
    return [found[job.name].state for job in jobs]


def test_poll_calls_squeue_once_for_any_number_of_jobs(
    executor: SlurmExecutor, commands: FakeCommands, job: Job
) -> None:
    jobs = [replace(job, name=f"toy-{number}.0", id=str(number)) for number in range(500)]
    commands.answers["squeue"] = "".join(
        f"{each.id}|RUNNING|1:00|None|n1|{each.submission}\n" for each in jobs
    )
    assert set(poll_states(executor, jobs)) == {JobState.RUNNING}
    assert commands.names() == ["squeue"]


def test_jobs_that_squeue_does_not_list_are_looked_up_with_one_call_of_sacct(
    executor: SlurmExecutor, commands: FakeCommands, job: Job
) -> None:
    jobs = [replace(job, name=f"toy-{number}.0", id=str(number)) for number in range(4)]
    commands.answers["squeue"] = "0|RUNNING|1:02|None|n1|toy-0\n"
    commands.answers["sacct"] = (
        "1|TIMEOUT|1-00:00:03|None|n1|toy-1\n2|CANCELLED by 0|00:00:00|None|n1|toy-2\n"
    )
    assert list(executor.poll(jobs).values()) == [
        JobStatus(JobState.RUNNING, "0", 62.0, host="n1"),
        JobStatus(JobState.TIMEOUT, "1", 86_403.0, host="n1"),
        JobStatus(JobState.CANCELLED, "2", 0.0, host="n1"),
        JobStatus(JobState.GONE, "3", None),
    ]
    assert commands.names() == ["squeue", "sacct", "scontrol"]  # only job 3 is not in accounting
    assert "--jobs=1,2,3" in commands.calls[1]


@pytest.mark.parametrize(
    ("squeue", "sacct", "state"),
    [
        # squeue lists the other jobs of the array.
        ("7_0|PENDING|0:00|Resources|n1|toy-0-abc\n", "", JobState.CANCELLED),
        # squeue lists the array as one job, because all of its jobs are cancelled.
        ("7|CANCELLED|0:00|None|n1|toy-0-abc\n", "", JobState.CANCELLED),
        # sacct lists the array or another job of it.
        ("", "7_[0-2]|CANCELLED by 0|00:00:00|None|n1|toy-0-abc\n", JobState.CANCELLED),
        ("", "7_[0,2%4]|CANCELLED by 0|00:00:00|None|n1|toy-0-abc\n", JobState.CANCELLED),
        ("", "7_0|COMPLETED|00:01:00|None|n1|toy-0-abc\n", JobState.CANCELLED),
        ("", "7_[0-2]|TIMEOUT|00:00:00|None|n1|toy-0-abc\n", JobState.TIMEOUT),
        ("7_0|PENDING|0:00|Resources|n1|another submission\n", "", JobState.GONE),
        # The job runs, although squeue does not list it.
        ("", "7_2|RUNNING|00:01:00|None|n1|toy-0-abc\n", JobState.RUNNING),
        ("", "", JobState.GONE),
    ],
)
def test_pending_job_of_an_array_that_accounting_does_not_list_was_cancelled(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, squeue: str, sacct: str, state: JobState
) -> None:
    commands.answers |= {"squeue": squeue, "sacct": sacct}
    assert poll_states(executor, [replace(job, name="toy-0-abc.2", id="7_2")]) == [state]
    assert "--jobs=7" in commands.calls[1]


def test_started_job_that_accounting_does_not_list_is_gone(
    executor: SlurmExecutor, commands: FakeCommands, job: Job
) -> None:
    commands.answers["squeue"] = "7_0|RUNNING|1:00|None|n1|toy-0-abc\n"
    (attempt,) = job.attempts
    attempt.path.mkdir()
    attempt.started.write_text("{}")
    assert poll_states(executor, [replace(job, name="toy-0-abc.2", id="7_2")]) == [JobState.GONE]


@pytest.mark.parametrize(
    "failure", [None, subprocess.TimeoutExpired("squeue", 60), FileNotFoundError("squeue")], ids=str
)
def test_states_are_unknown_if_squeue_does_not_answer(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, failure: Exception | None
) -> None:
    commands.answers["squeue"] = failure
    lost = replace(job, name="toy-1-abc.0", id=None)
    assert poll_states(executor, [job, lost]) == [JobState.UNKNOWN] * 2
    assert "sacct" not in commands.names()


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("sacct: error: Problem talking to the database: Connection rejected", JobState.UNKNOWN),
        ("Slurm accounting storage is disabled", JobState.GONE),
    ],
)
def test_state_is_unknown_if_accounting_is_down_and_gone_if_there_is_none(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, message: str, state: JobState
) -> None:
    commands.answers["sacct"], commands.errors["sacct"] = None, message
    assert poll_states(executor, [job]) == [state]


@pytest.mark.parametrize(
    "scontrol",
    ["JobId=7 JobName=toy-0-abc JobState=RUNNING RunTime=00:01:00 NodeList=n1 ", "", TimeoutError()],
)
def test_job_that_only_accounting_lists_as_running_runs(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, scontrol: str | Exception
) -> None:
    commands.answers |= {"sacct": f"7|RUNNING|1:00|0:0|n1|{job.submission}\n", "scontrol": scontrol}
    assert poll_states(executor, [job]) == [JobState.RUNNING]


def test_job_that_accounting_alone_reports_as_running_is_waited_for_with_a_hint(
    executor: SlurmExecutor, commands: FakeCommands, job: Job
) -> None:
    jobs = [replace(job, name=f"toy-{number}.0", id=str(number)) for number in range(3)]
    commands.answers["sacct"] = "".join(f"{each.id}|RUNNING|1:00|0:0|n1|{each.submission}\n" for each in jobs)
    for _ in range(2):
        found = list(executor.poll(jobs).values())
        assert [status.state for status in found] == [JobState.RUNNING] * 3
        assert all(status.only_in_accounting for status in found)
        assert "sacctmgr show runawayjobs" in str(found[0].missing)
    assert commands.names() == ["squeue", "sacct", "scontrol"] * 2


@pytest.mark.parametrize(
    ("sacct", "scontrol", "state"),
    [
        ("", "JobId=7 JobName=toy-0-abc JobState=RUNNING RunTime=00:01:00 NodeList=n2 ", JobState.RUNNING),
        ("", "JobId=7 JobName=toy-0-abc JobState=COMPLETING ", JobState.RUNNING),
        ("", "JobId=7 JobName=toy-0-abc JobState=TIMEOUT RunTime=00:01:00 ", JobState.TIMEOUT),
        ("", "JobId=7 JobName=toy-0-abc JobState=NEW_STATE ", JobState.UNKNOWN),
        ("", "JobId=7 JobName=other JobState=RUNNING ", JobState.GONE),
        ("", "", JobState.UNKNOWN),
        ("", TimeoutError(), JobState.UNKNOWN),
        ("7|PENDING|00:00:00|0:0|None assigned|toy-0-abc\n", TimeoutError(), JobState.UNKNOWN),
        ("7|A_LATER_STATE|00:00:00|0:0|n1|toy-0-abc\n", "", JobState.UNKNOWN),
        ("7|COMPL", "", JobState.UNKNOWN),
        ("Ã¤\ufffd\n", TimeoutError(), JobState.UNKNOWN),
    ],
)
def test_job_that_squeue_omits_has_ended_only_if_slurm_says_so(
    executor: SlurmExecutor,
    commands: FakeCommands,
    job: Job,
    sacct: str,
    scontrol: str | Exception,
    state: JobState,
) -> None:
    commands.answers |= {"sacct": sacct, "scontrol": scontrol}
    status = executor.poll([job])[job.name]
    assert status.state is state
    assert (status.missing is not None) is (state is JobState.UNKNOWN)


@pytest.mark.parametrize(
    ("stdout", "stderr"), [("", "slurm_load_jobs error: Invalid job id specified"), ("Job 7_2 not found", "")]
)
def test_job_that_slurmctld_does_not_know_is_gone(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, stdout: str, stderr: str
) -> None:
    commands.outputs["scontrol"], commands.errors["scontrol"] = stdout, stderr
    assert poll_states(executor, [replace(job, id="7_2")]) == [JobState.GONE]


@pytest.mark.parametrize("command", ["squeue", "sacct"])
def test_record_of_another_job_with_the_same_id_is_ignored(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, command: str
) -> None:
    commands.answers[command] = "7|FAILED|1:00|None|n1|another submission\n"
    assert poll_states(executor, [job]) == [JobState.GONE]


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("slurmstepd: error: Exceeded job memory limit", JobState.OUT_OF_MEMORY),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.", JobState.OUT_OF_MEMORY),
        ("srun: error: n1: task 0: Out Of Memory", JobState.OUT_OF_MEMORY),
        ("srun: error: n1: task 0: Terminated", JobState.PREEMPTED),
        ("srun: error: n1: task 0: Exited with exit code 3", JobState.FAILED),
    ],
)
def test_stderr_of_a_failed_job_determines_its_state(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, message: str, state: JobState
) -> None:
    commands.answers["squeue"] = f"7|FAILED|1:00|NonZeroExitCode|n1|{job.submission}\n"
    assert poll_states(executor, [job]) == [JobState.FAILED]
    (job.folder / "7_0_log.err").write_text(message)
    assert poll_states(executor, [job]) == [state]


def test_unusual_reason_is_logged_once(
    executor: SlurmExecutor, commands: FakeCommands, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(job, name="toy-1.0", id="8")
    commands.answers["squeue"] = (
        f"7|PENDING|0:00|ReqNodeNotAvail, UnavailableNodes:n1||{job.submission}\n"
        "8|PENDING|0:00|Priority|n1|toy-1\n"
    )
    assert poll_states(executor, [job, other]) == [JobState.PENDING] * 2
    executor.poll([job, other])
    assert caplog.messages == ["job 7 is pending in Slurm for the reason ReqNodeNotAvail"]


def test_job_without_id_is_found_by_name_if_its_task_was_written(
    executor: SlurmExecutor, commands: FakeCommands, job: Job
) -> None:
    lost = replace(job, id=None)
    commands.answers["squeue"] = (
        f"8|PENDING|0:00|None|n1|{job.submission}\n9|FAILED|0:00|None|n1|{job.submission}\n5|RUNNING|0:00|None|other\n"
    )
    assert executor.poll([lost]) == {}
    assert commands.calls[-1] == ["scancel", "8"]  # job 8 would wait forever; job 9 has ended
    (job.folder / "8_submitted.pkl").touch()
    assert executor.poll([lost]) == {job.name: JobStatus(JobState.PENDING, "8", 0.0, host="n1")}
    assert commands.names().count("scancel") == 1


def test_only_the_jobs_of_an_array_with_tasks_are_found(
    executor: SlurmExecutor, commands: FakeCommands, job: Job
) -> None:
    """The launcher was killed before it wrote the tasks of the last two of four jobs."""
    jobs = [replace(job, name=f"toy-0-abc.{index}", id=None) for index in range(4)]
    commands.answers["squeue"] = "".join(f"8_{index}|PENDING|0:00|None|n1|toy-0-abc\n" for index in range(4))
    for index in (0, 1):
        (job.folder / f"8_{index}_submitted.pkl").touch()
    assert {name: status.id for name, status in executor.poll(jobs).items()} == {
        "toy-0-abc.0": "8_0", "toy-0-abc.1": "8_1",
    }  # fmt: skip
    assert commands.calls[-1] == ["scancel", "8_2", "8_3"]


def test_submit_returns_the_job_id(executor: SlurmExecutor, job: Job, sbatch: Callable[[str], None]) -> None:
    sbatch("echo Submitted batch job 41")
    assert executor.submit([job]) == ["41"]


@pytest.mark.parametrize(
    ("message", "rejection"),
    [
        ("invalid partition specified: gpuu", Rejection.PERMANENT),
        ("Batch job submission failed: Socket timed out on send/recv operation", Rejection.TEMPORARY),
        ("Batch job submission failed: Unexpected message received", Rejection.UNKNOWN),
    ],
)
def test_rejected_submission_raises_the_error_of_sbatch(
    executor: SlurmExecutor,
    job: Job,
    sbatch: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    message: str,
    rejection: Rejection,
) -> None:
    sbatch(f'echo "sbatch: error: {message}" >&2; exit 1')
    with pytest.raises(SubmissionError) as error:
        executor.submit([job])
    assert error.value.rejection is rejection
    assert str(error.value) == f"sbatch: error: {message}"
    assert capsys.readouterr().err == ""  # the caller reports the error


@pytest.mark.parametrize(
    ("limit", "queued", "rejection"),
    [
        ("AssocMaxSubmitJobLimit", "7|RUNNING|1:00|None|n1|other", Rejection.SUBMIT_LIMIT),
        ("AssocMaxSubmitJobLimit", "7|COMPLETED|1:00|None|n1|other", Rejection.UNKNOWN),
        ("QOSGrpSubmitJobsLimit", "", Rejection.SUBMIT_LIMIT),  # the jobs of others count
    ],
)
def test_submit_limit_that_no_job_reaches_is_an_unknown_rejection(
    executor: SlurmExecutor, job: Job, sbatch: Callable[[str], None], tmp_path: Path, limit: str, queued: str,
    rejection: Rejection,
) -> None:  # fmt: skip
    sbatch(f'echo "sbatch: error: {limit}" >&2; exit 1')
    squeue = tmp_path / "bin" / "squeue"
    squeue.write_text(f"#!/bin/sh\necho '{queued}'\n")
    squeue.chmod(0o755)
    with pytest.raises(SubmissionError, match=limit) as error:
        executor.submit([job])
    assert error.value.rejection is rejection


def test_submission_without_slurm_is_rejected(
    executor: SlurmExecutor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(job.folder))
    with pytest.raises(SubmissionError, match="sbatch"):
        executor.submit([job])


def test_sbatch_receives_no_password_and_no_variable_that_changes_what_is_requested(
    executor: SlurmExecutor, job: Job, sbatch: Callable[[str], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sbatch(f"env > '{tmp_path}/seen'; echo Submitted batch job 41")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    options = ("SLURM_MEM_PER_CPU", "SLURM_JOB_ID", "SBATCH_JOB_NAME", "SRUN_CPUS_PER_TASK")
    for name in (*options, "SWEEP_STORAGE", "PGPASSWORD", "MYSQL_PWD"):
        monkeypatch.setenv(name, "100")
    executor.submit([job])
    seen = (tmp_path / "seen").read_text()
    assert "=100\n" not in seen
    assert "SLURM_CONF=/etc/slurm.conf\n" in seen
    # Only sbatch's environment is cleaned.
    assert os.environ["SBATCH_JOB_NAME"] == os.environ["PGPASSWORD"] == "100"


def test_preview_returns_the_sbatch_file(executor: SlurmExecutor, job: Job) -> None:
    script = executor.preview(job)
    for line in (
        "#SBATCH --job-name=toy-0-abc",
        "#SBATCH --no-requeue",
        "#SBATCH --time=60",
        "#SBATCH --cpus-per-task=1",
    ):
        assert line in script.splitlines()
    assert " --nodes=1 --ntasks=1 --cpus-per-task=1 " in script  # srun's
    assert "wckey" not in script


def test_threads_of_a_trial_are_its_share_of_the_jobs_cores() -> None:
    profile = SlurmProfile(executor="slurm", timeout_min=60, cpus_per_task=10, trials_per_job=4)
    assert SlurmExecutor(profile).threads_per_trial(parallel=100) == 2
    assert SlurmExecutor(profile.model_copy(update={"cpus_per_task": 1})).threads_per_trial(parallel=1) == 1
