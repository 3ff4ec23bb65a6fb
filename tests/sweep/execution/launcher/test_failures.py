"""Trials that fail: tried again, kept, or the end of the study."""

import pytest

from sweep.errors import InputError, StudyFailedError
from sweep.execution.jobs import Demand, JobState
from sweep.execution.trial import Cause, Outcome
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


def test_a_lost_trial_is_tried_again_from_where_it_was(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.begin("1")
    cluster.report("1", 0.1, 0.2)
    cluster.end("1", JobState.NODE_FAILURE, outcome=None)
    assert desk.step() == 1
    assert cluster.attempt("1").read_stop() is Outcome.SUPERSEDED  # its node may be training on
    spec = cluster.attempt("2").read_spec()
    assert (spec.number, spec.attempt) == (0, 2)
    assert spec.earlier_attempts == (str(cluster.attempt("1").path),)
    assert spec.params == cluster.attempt("1").read_spec().params
    cluster.report("1", 0.9, first=3)  # the old attempt goes on: nobody reads it
    cluster.begin("2")
    cluster.report("2", 0.1, 0.2, 0.3)
    cluster.end("2", score=0.3)
    assert desk.step() == 0
    data = desk.read()
    assert data.epochs["score"].tolist() == [0.1, 0.2, 0.3]
    assert desk.attempts() == [(0, 1, "failed", "node_failure"), (0, 2, "completed", None)]


def test_what_an_attempt_asks_for_follows_from_the_failures_before_it(desk: Desk, cluster: Cluster) -> None:
    file = desk.workplace / "cluster.yaml"
    file.write_text(file.read_text().replace("executor: slurm,", "executor: slurm, mem_gb: 1,"))
    desk.launch("trials=2", "failures.memory_factor=1.5", "failures.retries.out_of_memory=2")
    desk.step()
    for job_id, state in (("1", JobState.OUT_OF_MEMORY), ("2", JobState.NODE_FAILURE)):
        assert cluster.jobs[job_id].demand == Demand()
        cluster.begin(job_id)
        cluster.end(job_id, state, outcome=None)
    desk.step()
    assert [cluster.jobs[job_id].demand for job_id in ("3", "4")] == [Demand(1.5), Demand(avoid="node2")]
    assert cluster.jobs["3"].submission != cluster.jobs["4"].submission
    cluster.end("3", JobState.OUT_OF_MEMORY, outcome=None)
    cluster.end("4", JobState.PREEMPTED, outcome=None)
    desk.step()
    assert [cluster.jobs[job_id].demand for job_id in ("5", "6")] == [Demand(2.25), Demand()]


def test_more_memory_than_what_is_said_nowhere(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"memory_factor is 1\.5, but the profile has no mem_gb"):
        desk.launch("failures.memory_factor=1.5")


def test_each_cause_has_its_own_allowance(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1", "failures.retries.preempted=1", "failures.retries.timeout=1")
    for job_id, state in enumerate([JobState.PREEMPTED, JobState.TIMEOUT, JobState.PREEMPTED], start=1):
        desk.step()
        cluster.begin(str(job_id))
        cluster.end(str(job_id), state, outcome=None)
    assert desk.step() == 0
    assert [cause for *_, cause in desk.attempts()] == ["preempted", "timeout", "preempted"]
    assert desk.states() == ["failed"]


def test_what_a_person_cancelled_stays_cancelled(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.end("1", JobState.CANCELLED, outcome=None)
    assert desk.step() == 0
    assert desk.attempts() == [(0, 1, "failed", "cancelled")]


def test_an_error_is_kept_with_its_traceback(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=2", "parallel=1")
    desk.step()
    cluster.end("1", JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    assert desk.step() == 1  # the study goes on
    cluster.end("2")
    assert desk.step() == 0
    desk.launcher.conclude()
    trials = desk.read().trials
    assert trials["state"].tolist() == ["failed", "complete"]
    assert trials["error"].tolist()[0] == "ValueError: no"


def test_every_trial_failed(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.end("1", JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    desk.step()
    with pytest.raises(StudyFailedError, match="every trial failed"):
        desk.launcher.conclude()


def test_stops_when_trials_keep_failing_alike(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=50", "parallel=1", "failures.stop_after_same=3")
    for job_id in ("1", "2", "3"):
        assert desk.step() == 1
        cluster.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    assert desk.step() == 0
    with pytest.raises(StudyFailedError, match="failed"):
        desk.launcher.conclude()
    desk.relaunch("trials=50", "parallel=1", "failures.stop_after_same=3")
    assert desk.step() == 1  # a person has looked at it and wants to try again


def test_one_success_between_failures_lets_the_study_go_on(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=50", "parallel=1", "failures.stop_after_same=2")
    for job_id, fails in (("1", True), ("2", False), ("3", True)):
        desk.step()
        if fails:
            cluster.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
        else:
            cluster.end(job_id)
    assert desk.step() == 1
