"""The launcher broken off anywhere, and what it can reach away for a while."""

import random
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from sweep.errors import StudyFailedError
from sweep.execution.jobs import Job, SubmissionError
from sweep.execution.outage import with_patience
from sweep.execution.proposals import Proposals
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


def test_a_crash_after_every_step_changes_nothing(desk: Desk, cluster: Cluster) -> None:
    desk.launch()
    for job_id in ("1", "2", "3", "4"):
        desk.step()
        desk.relaunch()
        cluster.begin(job_id)
        desk.step()
        desk.relaunch()
        cluster.report(job_id, 0.5)
        desk.step()
        desk.relaunch()
        cluster.end(job_id)
    assert desk.step() == 0
    assert len(cluster.jobs) == 4
    assert desk.states() == ["complete"] * 4
    assert desk.read().trials["num_attempts"].tolist() == [1] * 4


def test_a_job_whose_id_was_never_saved_is_found_by_name(desk: Desk, cluster: Cluster) -> None:
    desk.launch("parallel=1")
    submit = cluster.submit

    def submit_and_die(jobs: Sequence[Job]) -> list[str]:
        submit(jobs)
        raise KeyboardInterrupt

    cluster.submit = submit_and_die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        desk.step()
    cluster.submit = submit  # type: ignore[method-assign]
    desk.relaunch("parallel=1").step()
    assert len(cluster.jobs) == 1
    assert desk.attempts() == [(0, 1, "pending", None)]


def test_nothing_is_submitted_while_nobody_can_say_what_runs(desk: Desk, cluster: Cluster) -> None:
    desk.launch("parallel=1")
    cluster.refuses = SubmissionError("no")
    with pytest.raises(StudyFailedError):
        desk.step()
    cluster.refuses, cluster.answers = None, False
    desk.relaunch("parallel=1")
    assert desk.step() == 1
    assert not cluster.jobs
    cluster.answers = True
    desk.step()
    assert len(cluster.jobs) == 1


def test_a_trial_proposed_but_not_recorded_is_taken_up(desk: Desk, cluster: Cluster) -> None:
    desk.launch("parallel=1")
    optuna.load_study(
        study_name="toy", storage="sqlite:///sweep.db"
    ).ask()  # a launcher dies after Optuna's ask
    desk.relaunch("parallel=1", "trials=2")
    desk.step()
    spec = cluster.attempt("1").read_spec()
    assert spec.number == 0
    assert 0 <= spec.params["x"] <= 1
    cluster.end("1")
    desk.step()
    cluster.end("2")
    assert desk.step() == 0
    assert desk.states() == ["complete", "complete"]


def test_told_to_optuna_but_not_saved(desk: Desk, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.end("1", score=0.5)
    tell = Proposals.tell

    def tell_and_die(*arguments: Any) -> None:
        tell(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Proposals, "tell", tell_and_die)
    with pytest.raises(KeyboardInterrupt):
        desk.step()
    assert desk.attempts() == [(0, 1, "pending", None)]
    monkeypatch.setattr(Proposals, "tell", tell)
    desk.relaunch("trials=1")
    assert desk.step() == 0
    assert desk.attempts() == [(0, 1, "completed", None)]
    assert desk.read().trials["value"].tolist() == [0.5]


def test_silence_of_the_cluster_fails_nothing(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.begin("1")
    desk.step()
    cluster.answers = False
    assert [desk.step() for _ in range(5)] == [1] * 5
    assert desk.attempts() == [(0, 1, "running", None)]


@pytest.mark.parametrize(
    "broken", ["lease.renew", "records.save", "records.open_attempts", "proposals.propose"]
)
def test_the_database_goes_away_for_a_while(
    desk: Desk, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Each part that talks to the database fails two times in five; the study ends as it should."""
    desk.launch("parallel=1", "trials=3")
    part_name, method_name = broken.split(".")
    part = getattr(desk.launcher, part_name)
    method, chance = getattr(part, method_name), random.Random(20261124)

    def flaky(*arguments: Any) -> Any:
        if chance.random() < 0.4:
            raise OperationalError("statement", {}, Exception("server closed the connection"))
        return method(*arguments)

    monkeypatch.setattr(part, method_name, flaky)

    def step() -> int:
        return with_patience(desk.step, sleep=lambda _: None)

    for job_id in ("1", "2", "3"):
        while job_id not in cluster.jobs:
            assert step() > 0
        cluster.begin(job_id)
        cluster.report(job_id, 0.5)
        cluster.end(job_id)
    assert step() == 0
    assert desk.states() == ["complete"] * 3
    assert len(cluster.jobs) == 3
    assert desk.read().epochs["number"].tolist() == [0, 1, 2]
