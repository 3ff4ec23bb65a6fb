"""What a person asks of a study while its launcher is at work or between launches: to stop, to try again."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from sqlalchemy import update

from sweep.errors import InputError, StudyFailedError
from sweep.execution.jobs import JobState, SubmissionError
from sweep.execution.requests import Stop, request_retry, request_stop, take_back_stop
from sweep.execution.trial import Cause, Outcome
from sweep.storage.database import connect
from sweep.storage.records import StudyRecords, get_study
from sweep.storage.tables import TrialRow
from tests.sweep.execution.launcher.stand_in import URL, Cluster, Desk


def ask(what: Callable[..., Any], *arguments: Any) -> Any:
    """As by another process."""
    engine = connect(URL)
    found = what(engine, get_study(engine, "toy"), *arguments)
    engine.dispose()
    return found


def fail(cluster: Cluster, *job_ids: str) -> None:
    for job_id in job_ids:
        cluster.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)


# to stop


def test_active_trials_go_on_to_their_end(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=9")
    assert desk.step() == 2
    ask(request_stop, Stop.FINISH)
    cluster.begin("1")
    cluster.end("1", JobState.PREEMPTED, outcome=None)
    assert desk.step() == 2  # a trial that is tried again has not ended
    cluster.end("2")
    cluster.end("3", score=0.5)
    assert desk.step() == 0
    desk.launcher.conclude()
    assert desk.states() == ["complete", "complete"]
    assert not cluster.cancelled
    assert desk.relaunch("trials=9").step() == 2  # another launch takes the wish back


def test_jobs_are_cancelled_on_demand(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=9", "parallel=4", "failures.stop_after_same=1", "failures.retries.error=3")
    desk.step()
    cluster.begin("1")
    cluster.begin("2")
    ask(request_stop, Stop.CANCEL)
    cluster.end("2")  # just now
    fail(cluster, "3")
    assert desk.step() == 2
    assert cluster.cancelled == ["1", "4"]
    cluster.end("1", JobState.CANCELLED, outcome=None)
    cluster.end("4", JobState.PREEMPTED, outcome=None)  # whatever the scheduler calls it
    assert desk.step() == 0
    desk.launcher.conclude()  # nobody takes that for a failure of the study
    assert desk.attempts() == [
        (0, 1, "failed", "cancelled"),
        (1, 1, "completed", None),
        (2, 1, "failed", "error"),
        (3, 1, "failed", "cancelled"),
    ]
    assert desk.states() == ["failed", "complete", "failed", "failed"]


def test_first_to_finish_then_to_cancel(desk: Desk, cluster: Cluster) -> None:
    desk.launch().step()
    ask(request_stop, Stop.FINISH)
    desk.step()
    assert not cluster.cancelled
    ask(request_stop, Stop.CANCEL)
    desk.step()
    assert cluster.cancelled == ["1", "2"]


def test_trials_that_share_a_job(desk: Desk, cluster: Cluster) -> None:
    text = (desk.workplace / "cluster.yaml").read_text()
    (desk.workplace / "cluster.yaml").write_text(
        text.replace("partition: gpu", "partition: gpu, trials_per_job: 2")
    )
    desk.launch("trials=2").step()
    cluster.begin("1", place=0)
    ask(request_stop, Stop.CANCEL)
    desk.step()
    assert set(cluster.cancelled) == {"1"}
    cluster.end("1", JobState.CANCELLED, outcome=None)
    assert desk.step() == 0
    assert desk.attempts() == [(0, 1, "failed", "cancelled"), (1, 1, "failed", "cancelled")]


def test_what_was_never_submitted_is_cancelled_too(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    cluster.refuses = SubmissionError("no")
    with pytest.raises(StudyFailedError):
        desk.step()
    ask(request_stop, Stop.CANCEL)
    assert desk.step() == 0
    assert desk.attempts() == [(0, 1, "failed", "cancelled")]
    assert not cluster.jobs


@pytest.mark.parametrize("option", ["once", "wait"])
def test_passes_and_successors_go_on_stopping(desk: Desk, cluster: Cluster, option: str) -> None:
    desk.launch("trials=9").step()
    ask(request_stop, Stop.FINISH)
    desk.close()
    desk.launch("trials=9", **{option: True})
    cluster.end("1")
    assert desk.step() == 1
    desk.close()
    engine = connect(URL)
    take_back_stop(engine, "toy")  # as `launch --as-job` does when a person submits it
    engine.dispose()
    assert desk.launch("trials=9", **{option: True}).step() == 2


# to try again


def test_a_failed_trial_goes_on_from_its_checkpoint(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=2")
    desk.step()
    cluster.begin("1")
    cluster.report("1", 0.1, 0.2)
    fail(cluster, "1")
    cluster.end("2")
    assert desk.step() == 0
    assert ask(request_retry, 0) == [0]
    assert desk.states() == ["failed", "complete"]  # so far it is only asked for
    assert desk.step() == 1
    spec, before = cluster.attempt("3").read_spec(), cluster.attempt("1").read_spec()
    assert (spec.number, spec.attempt, spec.params, spec.seed) == (0, 2, before.params, before.seed)
    assert spec.earlier_attempts == (str(cluster.attempt("1").path),)
    assert desk.states() == ["running", "complete"]
    cluster.begin("3")
    cluster.report("3", 0.1, 0.2, 0.3)
    cluster.end("3", score=0.3)
    assert desk.step() == 0
    assert desk.attempts() == [
        (0, 1, "failed", "error"),
        (0, 2, "completed", None),
        (1, 1, "completed", None),
    ]
    assert desk.states() == ["complete", "complete"]
    assert desk.read().epochs["score"].tolist() == [0.1, 0.2, 0.3]
    first, _ = optuna.load_study(study_name="toy", storage="sqlite:///sweep.db").trials
    assert (first.value, first.intermediate_values) == (0.3, {1: 0.1, 2: 0.2, 3: 0.3})
    assert first.datetime_complete is not None


def test_it_may_fail_again_and_be_tried_again_by_the_next_launch(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    for job_id in ("1", "2", "3"):
        assert desk.step() == 1
        fail(cluster, job_id)
        assert desk.step() == 0
        assert desk.states() == ["failed"]
        assert ask(request_retry) == [0]
        desk.relaunch("trials=1")
    assert desk.step() == 1
    cluster.end("4")
    assert desk.step() == 0
    assert desk.states() == ["complete"]
    assert ask(request_retry) == []


def test_retries_wait_for_free_slots_and_go_before_new_trials(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=5", "parallel=2")
    desk.step()
    fail(cluster, "1", "2")
    assert desk.step() == 2  # trials 2 and 3
    assert ask(request_retry) == [0, 1]
    cluster.end("3")
    assert desk.step() == 2
    assert cluster.attempt("5").read_spec().number == 0
    cluster.end("4")
    desk.step()
    assert cluster.attempt("6").read_spec().number == 1


def test_asked_twice_is_tried_again_once(desk: Desk, cluster: Cluster) -> None:
    """The second wish is written while the launcher grants the first."""
    desk.launch("trials=1").step()
    fail(cluster, "1")
    desk.step()
    ask(request_retry)
    assert desk.step() == 1
    engine = connect(URL)
    with engine.begin() as connection:
        connection.execute(update(TrialRow).values(retry_requested=True))
    engine.dispose()
    desk.relaunch("trials=1", "parallel=2")
    assert desk.step() == 1
    cluster.end("2")
    assert desk.step() == 0
    assert desk.attempts() == [(0, 1, "failed", "error"), (0, 2, "completed", None)]
    assert desk.states() == ["complete"]


def test_none_is_tried_again_by_a_study_that_is_to_stop(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1").step()
    fail(cluster, "1")
    desk.step()
    ask(request_retry)
    ask(request_stop, Stop.FINISH)
    assert desk.step() == 0
    assert desk.relaunch("trials=1").step() == 1


def test_what_a_person_cancelled_a_person_may_try_again(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1").step()
    ask(request_stop, Stop.CANCEL)
    desk.step()
    cluster.end("1", JobState.CANCELLED, outcome=None)
    desk.step()
    assert ask(request_retry) == [0]
    assert desk.relaunch("trials=1").step() == 1


def test_the_budget_does_not_keep_a_person_from_it(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=5", "parallel=1").step()
    fail(cluster, "1")
    desk.relaunch("trials=5", "parallel=1", "budget.hours=0.0000001")
    assert desk.step() == 0
    ask(request_retry)
    assert desk.step() == 1


def test_a_crash_after_a_trial_is_taken_up_again(
    desk: Desk, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.launch("trials=1").step()
    fail(cluster, "1")
    desk.step()
    ask(request_retry)
    reopen = StudyRecords.reopen

    def reopen_and_die(*arguments: Any) -> None:
        reopen(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StudyRecords, "reopen", reopen_and_die)
        with pytest.raises(KeyboardInterrupt):
            desk.step()
    assert desk.attempts() == [(0, 1, "failed", "error"), (0, 2, "submitting", None)]
    assert desk.states() == ["running"]
    assert desk.relaunch("trials=1").step() == 1
    assert sorted(cluster.jobs) == ["1", "2"]
    cluster.end("2")
    assert desk.step() == 0
    assert desk.states() == ["complete"]


@pytest.mark.parametrize(
    ("number", "message"), [(0, "trial 0 of study toy is completed; only a failed"), (7, "has no trial 7")]
)
def test_what_cannot_be_tried_again(desk: Desk, cluster: Cluster, number: int, message: str) -> None:
    desk.launch("trials=1").step()
    cluster.end("1")
    desk.step()
    with pytest.raises(InputError, match=message):
        ask(request_retry, number)
