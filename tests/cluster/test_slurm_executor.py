"""The executor on the real Slurm: submission, job states, adoption of jobs, and failures of Slurm."""

import getpass
import json
import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from submitit.core.utils import JobPaths

from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.scheduler.job import JobStatus
from sweep.states import Cause, JobState, Outcome
from tests.cluster import daemons
from tests.cluster import slurm_jobs as jobs
from tests.cluster.slurm import Slurm


def test_submitted_job_writes_its_result(slurm_workplace: Path) -> None:
    executor = jobs.make_executor()
    job = jobs.submit(executor, jobs.new_job(slurm_workplace))
    assert executor.poll([replace(job, id=None)])[job.name].id == job.id
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    result = job.attempts[0].read_result(job.attempts[0].read_spec().token)
    assert result is not None
    assert result.outcome is Outcome.COMPLETE


def test_six_jobs_share_four_gpus(slurm_workplace: Path) -> None:
    executor = jobs.make_executor(gres="gpu:1")
    six = [
        jobs.submit(executor, jobs.new_job(slurm_workplace, "record_resources", seconds=1.5))
        for _ in range(6)
    ]
    for job in six:
        assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    resources = [json.loads((job.attempts[0].artifacts / "resources.json").read_text()) for job in six]
    uses: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for use in resources:
        uses.setdefault((use["node"], use["gpu"]), []).append((use["begin"], use["end"]))
    assert sorted(uses) == [("n1", "0"), ("n1", "1"), ("n2", "0"), ("n2", "1")]
    for times in uses.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(times)))


def test_array_respects_its_parallelism_and_uses_distinct_gpus(slurm_workplace: Path) -> None:
    """One submission contains six jobs, two of which may run in parallel, each on its own GPU."""
    executor = jobs.make_executor(gres="gpu:1", array_parallelism=2)
    six = jobs.new_array(slurm_workplace, 6, "record_resources", seconds=0.5)
    ids = executor.submit(six)
    array = ids[0].partition("_")[0]
    assert ids == [f"{array}_{index}" for index in range(6)]
    assert [executor.poll(six)[job.name].id for job in six] == ids
    known = [replace(job, id=job_id) for job, job_id in zip(six, ids, strict=True)]
    for job in known:
        assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    resources = [json.loads((job.attempts[0].artifacts / "resources.json").read_text()) for job in six]
    for use in resources:
        concurrent = [other for other in resources if other["begin"] <= use["begin"] < other["end"]]
        assert len(concurrent) <= 2
        assert len({(other["node"], other["gpu"]) for other in concurrent}) == len(concurrent)


def test_one_pending_task_of_an_array_is_cancelled(slurm_workplace: Path) -> None:
    executor = jobs.make_executor(additional={"hold": True})
    three = jobs.new_array(slurm_workplace, 3)
    ids = executor.submit(three)
    known = [replace(job, id=job_id) for job, job_id in zip(three, ids, strict=True)]
    executor.cancel(known[1])
    assert jobs.wait_for_end(executor, known[1]) is JobState.CANCELLED  # although Slurm keeps no record of it
    assert [jobs.state(executor, known[index]) for index in (0, 2)] == [JobState.PENDING] * 2


def test_trials_of_a_shared_job_have_separate_outcomes_and_logs(slurm_workplace: Path) -> None:
    """Three trials share one job and GPU: one completes, one raises, and the process of one exits."""
    executor = jobs.make_executor(gres="gpu:1", trials_per_job=3)
    functions = ("record_resources", "fail", "vanish")
    three = [jobs.new_job(slurm_workplace, function, seconds=1) for function in functions]
    job = replace(three[0], attempts=tuple(each.attempts[0] for each in three))
    job = jobs.submit(executor, job)
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    results = [attempt.read_result(attempt.read_spec().token) for attempt in job.attempts]
    assert [result and (result.outcome, result.cause) for result in results] == [
        (Outcome.COMPLETE, None), (Outcome.FAILED, Cause.ERROR), (Outcome.FAILED, Cause.ERROR),
    ]  # fmt: skip
    assert "exit code 3" in str(results[2] and results[2].error)
    assert "the model has diverged" in job.attempts[1].log.read_text()
    assert "the model has diverged" not in job.attempts[0].log.read_text()
    assert json.loads((job.attempts[0].artifacts / "resources.json").read_text())["gpu"] in {"0", "1"}


def test_step_has_the_requested_cpus(slurm_workplace: Path) -> None:
    executor = jobs.make_executor(cpus_per_task=3)
    job = jobs.submit(executor, jobs.new_job(slurm_workplace, "record_resources", seconds=0))
    jobs.wait_for_end(executor, job)
    assert "CPUs=3 Tasks=1" in json.loads((job.attempts[0].artifacts / "resources.json").read_text())["step"]


def test_submission_inside_another_allocation_ignores_its_environment(
    slurm_workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`salloc` sets variables that describe its own allocation and must not reach the job."""
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "100")  # srun rejects it in addition to the memory of the job
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    executor = jobs.make_executor(mem_gb=0.5)
    job = jobs.submit(executor, jobs.new_job(slurm_workplace, "record_resources", seconds=0))
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    assert json.loads((job.attempts[0].artifacts / "resources.json").read_text())["gpu"] is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"partition": "gpuu"}, "invalid partition specified: gpuu"),
        ({"account": "nobody"}, "Invalid account or account/partition combination specified"),
        ({"qos": "best"}, "Invalid qos specification"),
        ({"gres": "gpu:99"}, "Requested node configuration is not available"),
        ({"mem_gb": 999}, "Memory specification can not be satisfied"),
        ({"constraint": "fast"}, "Invalid feature specification"),
        ({"additional": {"fast": True}}, "unrecognized option '--fast'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_rejected_submission_contains_the_message_of_sbatch(
    slurm_workplace: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SubmissionError, match=message) as error:
        jobs.make_executor(**settings).submit([jobs.new_job(slurm_workplace)])
    assert error.value.rejection is Rejection.PERMANENT
    assert all(line.startswith("sbatch: ") for line in str(error.value).splitlines())


def test_submit_limit_is_recognized(slurm_workplace: Path, slurm: Slurm) -> None:
    executor = jobs.make_executor(additional={"hold": True})
    executor.submit([jobs.new_job(slurm_workplace)])
    limit = ("sacctmgr", "--immediate", "modify", "user", getpass.getuser(), "set")
    slurm.run(*limit, "maxsubmitjobs=1")
    try:
        with pytest.raises(SubmissionError, match="job submit limit") as error:
            executor.submit([jobs.new_job(slurm_workplace)])
        assert error.value.rejection is Rejection.SUBMIT_LIMIT
    finally:
        slurm.run(*limit, "maxsubmitjobs=-1")


def test_reason_of_a_job_that_cannot_start_is_logged_once(
    slurm_workplace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    executor = jobs.make_executor(cpus_per_task=99)  # more than any node has, but accepted by sbatch
    job = jobs.submit(executor, jobs.new_job(slurm_workplace))
    with caplog.at_level(logging.WARNING):
        daemons.wait_until("the reason is logged", lambda: (jobs.state(executor, job), caplog.messages)[1])
        assert jobs.state(executor, job) is JobState.PENDING
    assert caplog.messages == [f"job {job.id} is pending in Slurm for the reason PartitionConfig"]


def test_job_without_its_task_is_submitted_again(
    slurm_workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The launcher ends after sbatch, before submitit has moved the pickled task to the job's folder."""

    def interrupt(paths: JobPaths, path: Path, name: str, keep_as_symlink: bool = False) -> None:
        if name == "submitted_pickle":
            raise KeyboardInterrupt

    executor, job = jobs.make_executor(), jobs.new_job(slurm_workplace)
    with monkeypatch.context() as patch:
        patch.setattr(JobPaths, "move_temporary_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            executor.submit([job])
    assert executor.poll([job]) == {}
    again = jobs.submit(executor, job)
    assert executor.poll([job])[job.name].id == again.id
    assert jobs.wait_for_end(executor, again) is JobState.COMPLETE


def test_submission_that_arrives_after_its_timeout_is_cancelled(slurm_workplace: Path, slurm: Slurm) -> None:
    executor, job = jobs.make_executor(), jobs.new_job(slurm_workplace)
    other = jobs.submit(executor, jobs.new_job(slurm_workplace, "sleep", seconds=60))
    slurm.signal("slurmctld", signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:  # each call waits for 10 s
            submission = pool.submit(executor.submit, [job])
            state = pool.submit(jobs.state, executor, other)
            found = pool.submit(executor.poll, [job])
    finally:
        slurm.signal("slurmctld", signal.SIGCONT)
    error = submission.exception()
    assert isinstance(error, SubmissionError)
    assert error.rejection is Rejection.TEMPORARY
    unknown = JobStatus(JobState.UNKNOWN, missing="squeue did not answer")
    assert (state.result(), found.result()) == (JobState.UNKNOWN, {job.name: unknown})

    def has_arrived() -> bool:
        return job.submission in slurm.run("squeue", "--noheader", "--states=all", "--format=%j")

    daemons.wait_until("the submission has arrived", has_arrived)
    assert executor.poll([job]) == {}  # the job is cancelled because it never received its task
    again = jobs.submit(executor, job)
    assert jobs.wait_for_end(executor, again) is JobState.COMPLETE


def test_job_survives_a_restart_of_slurmctld(slurm_workplace: Path, slurm: Slurm) -> None:
    executor = jobs.make_executor()
    job = jobs.submit(executor, jobs.new_job(slurm_workplace, "sleep", seconds=4))
    jobs.wait_for_start(job)
    slurm.stop_controller()
    slurm.start_controller()
    assert jobs.state(executor, job) is JobState.RUNNING
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE


def test_state_of_a_job_that_squeue_no_longer_lists_comes_from_accounting(
    slurm_workplace: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = jobs.make_executor(setup=["exit 3"])
    job = jobs.submit(executor, jobs.new_job(slurm_workplace))
    jobs.wait_for_end(executor, job)
    assert job.id is not None

    daemons.wait_until("squeue no longer lists the job", lambda: job.id not in slurm.job_ids())
    assert jobs.state(executor, job) is JobState.FAILED
    slurm.stop_accounting()
    try:
        assert jobs.state(executor, job) is JobState.UNKNOWN  # accounting may answer later
        without = slurm_workplace / "slurm.conf"
        lines = slurm.conf.read_text().splitlines(keepends=True)
        without.write_text("".join(line for line in lines if not line.startswith("Accounting")))
        with monkeypatch.context() as patch:
            patch.setitem(os.environ, "SLURM_CONF", str(without))
            assert jobs.state(executor, job) is JobState.GONE  # there is no accounting that could answer
    finally:
        slurm.start_accounting()
    assert jobs.state(executor, job) is JobState.FAILED
    assert jobs.state(executor, replace(job, name="another job of that id")) is JobState.GONE
