"""The executor on the real Slurm: submission, states, jobs found again, and Slurm's own failures."""

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

from sweep.scheduler.executor import SubmissionError, TemporarySubmissionError
from sweep.scheduler.job import JobStatus
from sweep.states import Cause, JobState, Outcome
from tests.cluster import daemons
from tests.cluster import slurm_jobs as jobs
from tests.cluster.slurm import Slurm


def test_from_submission_to_result(on_slurm: Path) -> None:
    executor = jobs.make_executor()
    job = jobs.submit(executor, jobs.new_job(on_slurm))
    assert executor.poll([replace(job, id=None)])[job.name].id == job.id
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    result = job.attempts[0].read_result(job.attempts[0].read_spec().token)
    assert result is not None
    assert result.outcome is Outcome.COMPLETE


def test_six_jobs_share_four_gpus(on_slurm: Path) -> None:
    executor = jobs.make_executor(gres="gpu:1")
    six = [jobs.submit(executor, jobs.new_job(on_slurm, "look_around", seconds=1.5)) for _ in range(6)]
    for job in six:
        assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    seen = [json.loads((job.attempts[0].artifacts / "seen.json").read_text()) for job in six]
    uses: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for each in seen:
        uses.setdefault((each["node"], each["gpu"]), []).append((each["begin"], each["end"]))
    assert sorted(uses) == [("n1", "0"), ("n1", "1"), ("n2", "0"), ("n2", "1")]
    for times in uses.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(times)))


def test_an_array_shares_the_gpus_and_keeps_to_its_limit(on_slurm: Path) -> None:
    """Six jobs of one submission, of which two may run at once, each on a GPU of its own."""
    executor = jobs.make_executor(gres="gpu:1", array_parallelism=2)
    six = jobs.new_array(on_slurm, 6, "look_around", seconds=0.5)
    ids = executor.submit(six)
    array = ids[0].partition("_")[0]
    assert ids == [f"{array}_{index}" for index in range(6)]
    assert [executor.poll(six)[job.name].id for job in six] == ids
    known = [replace(job, id=job_id) for job, job_id in zip(six, ids, strict=True)]
    for job in known:
        assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    seen = [json.loads((job.attempts[0].artifacts / "seen.json").read_text()) for job in six]
    for each in seen:
        at_once = [other for other in seen if other["begin"] <= each["begin"] < other["end"]]
        assert len(at_once) <= 2
        assert len({(other["node"], other["gpu"]) for other in at_once}) == len(at_once)


def test_one_task_of_a_waiting_array_is_cancelled(on_slurm: Path) -> None:
    executor = jobs.make_executor(additional={"hold": True})
    three = jobs.new_array(on_slurm, 3)
    ids = executor.submit(three)
    known = [replace(job, id=job_id) for job, job_id in zip(three, ids, strict=True)]
    executor.cancel(known[1])
    assert jobs.wait_for_end(executor, known[1]) is JobState.CANCELLED  # though Slurm keeps no record of it
    assert [jobs.state(executor, known[index]) for index in (0, 2)] == [JobState.PENDING] * 2


def test_trials_that_share_a_job(on_slurm: Path) -> None:
    """One finishes, one fails, one dies, on one GPU; each has its own log and its own end."""
    executor = jobs.make_executor(gres="gpu:1", trials_per_job=3)
    functions = ("look_around", "fail", "vanish")
    three = [jobs.new_job(on_slurm, function, seconds=1) for function in functions]
    job = replace(three[0], attempts=tuple(each.attempts[0] for each in three))
    job = jobs.submit(executor, job)
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    results = [attempt.read_result(attempt.read_spec().token) for attempt in job.attempts]
    assert [result and (result.outcome, result.cause) for result in results] == [
        (Outcome.COMPLETE, None), (Outcome.FAILED, Cause.ERROR), (Outcome.FAILED, Cause.LOST),
    ]  # fmt: skip
    assert "exit code 3" in str(results[2] and results[2].error)
    assert "the model has diverged" in job.attempts[1].log.read_text()
    assert "the model has diverged" not in job.attempts[0].log.read_text()
    assert json.loads((job.attempts[0].artifacts / "seen.json").read_text())["gpu"] in {"0", "1"}


def test_the_step_has_the_cpus_asked_for(on_slurm: Path) -> None:
    executor = jobs.make_executor(cpus_per_task=3)
    job = jobs.submit(executor, jobs.new_job(on_slurm, "look_around", seconds=0))
    jobs.wait_for_end(executor, job)
    assert "CPUs=3 Tasks=1" in json.loads((job.attempts[0].artifacts / "seen.json").read_text())["step"]


def test_from_within_another_allocation(on_slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after salloc: what Slurm says of that allocation is not for the job."""
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "100")  # beside the job's own memory, srun would refuse
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    executor = jobs.make_executor(mem_gb=0.5)
    job = jobs.submit(executor, jobs.new_job(on_slurm, "look_around", seconds=0))
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE
    assert json.loads((job.attempts[0].artifacts / "seen.json").read_text())["gpu"] is None


@pytest.mark.parametrize(
    ("settings", "words"),
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
def test_a_refusal_in_slurms_own_words(on_slurm: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SubmissionError, match=words) as error:
        jobs.make_executor(**settings).submit([jobs.new_job(on_slurm)])
    assert not isinstance(error.value, TemporarySubmissionError)
    assert all(line.startswith("sbatch: ") for line in str(error.value).splitlines())


def test_as_many_jobs_as_allowed_is_no_refusal(on_slurm: Path, slurm: Slurm) -> None:
    executor = jobs.make_executor(additional={"hold": True})
    executor.submit([jobs.new_job(on_slurm)])
    limit = ("sacctmgr", "--immediate", "modify", "user", getpass.getuser(), "set")
    slurm.run(*limit, "maxsubmitjobs=1")
    try:
        with pytest.raises(TemporarySubmissionError, match="job submit limit"):
            executor.submit([jobs.new_job(on_slurm)])
    finally:
        slurm.run(*limit, "maxsubmitjobs=-1")


def test_a_job_that_may_wait_for_ever_is_told_of_once(
    on_slurm: Path, caplog: pytest.LogCaptureFixture
) -> None:
    executor = jobs.make_executor(cpus_per_task=99)  # which sbatch accepts
    job = jobs.submit(executor, jobs.new_job(on_slurm))
    with caplog.at_level(logging.WARNING):
        daemons.wait_until("a reason", lambda: (jobs.state(executor, job), caplog.messages)[1])
        assert jobs.state(executor, job) is JobState.PENDING
    assert caplog.messages == [f"job {job.id} is kept waiting by Slurm: PartitionConfig"]


def test_a_job_without_its_task_was_never_submitted(on_slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher dies after sbatch and before submitit has put the pickled task in the job's place."""

    def die(paths: JobPaths, path: Path, name: str, keep_as_symlink: bool = False) -> None:
        if name == "submitted_pickle":
            raise KeyboardInterrupt

    executor, job = jobs.make_executor(), jobs.new_job(on_slurm)
    with monkeypatch.context() as patch:
        patch.setattr(JobPaths, "move_temporary_file", die)
        with pytest.raises(KeyboardInterrupt):
            executor.submit([job])
    assert executor.poll([job]) == {}
    again = jobs.submit(executor, job)
    assert executor.poll([job])[job.name].id == again.id
    assert jobs.wait_for_end(executor, again) is JobState.COMPLETE


def test_slurmctld_hangs_and_a_submission_arrives_all_the_same(on_slurm: Path, slurm: Slurm) -> None:
    executor, job = jobs.make_executor(), jobs.new_job(on_slurm)
    other = jobs.submit(executor, jobs.new_job(on_slurm, "sleep", seconds=60))
    slurm.signal("slurmctld", signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as at_once:  # each call waits for 10 s
            submission = at_once.submit(executor.submit, [job])
            state = at_once.submit(jobs.state, executor, other)
            found = at_once.submit(executor.look, [job])
    finally:
        slurm.signal("slurmctld", signal.SIGCONT)
    assert isinstance(submission.exception(), TemporarySubmissionError)
    assert (state.result(), found.result()) == (JobState.UNKNOWN, {job.name: JobStatus(JobState.UNKNOWN)})

    def is_there() -> bool:
        return job.submission in slurm.run("squeue", "--noheader", "--states=all", "--format=%j")

    daemons.wait_until("the submission has arrived", is_there)
    assert executor.poll([job]) == {}  # it is cancelled: its task was never handed over
    again = jobs.submit(executor, job)
    assert jobs.wait_for_end(executor, again) is JobState.COMPLETE


def test_slurmctld_restarts_under_a_job(on_slurm: Path, slurm: Slurm) -> None:
    executor = jobs.make_executor()
    job = jobs.submit(executor, jobs.new_job(on_slurm, "sleep", seconds=4))
    jobs.wait_for_start(job)
    slurm.stop_controller()
    slurm.start_controller()
    assert jobs.state(executor, job) is JobState.RUNNING
    assert jobs.wait_for_end(executor, job) is JobState.COMPLETE


def test_a_job_that_squeue_has_forgotten(
    on_slurm: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = jobs.make_executor()
    job = jobs.submit(executor, jobs.new_job(on_slurm, "vanish"))
    jobs.wait_for_end(executor, job)
    assert job.id is not None

    daemons.wait_until("squeue has forgotten the job", lambda: job.id not in slurm.job_ids())
    assert jobs.state(executor, job) is JobState.FAILED
    slurm.stop_accounting()
    try:
        assert jobs.state(executor, job) is JobState.UNKNOWN  # it cannot be known just now
        without = on_slurm / "slurm.conf"
        lines = slurm.conf.read_text().splitlines(keepends=True)
        without.write_text("".join(line for line in lines if not line.startswith("Accounting")))
        with monkeypatch.context() as patch:
            patch.setitem(os.environ, "SLURM_CONF", str(without))
            assert jobs.state(executor, job) is JobState.GONE  # it will never be known
    finally:
        slurm.start_accounting()
    assert jobs.state(executor, job) is JobState.FAILED
    assert jobs.state(executor, replace(job, name="another job of that id")) is JobState.GONE
