"""The launcher over a stand-in for a cluster, whose jobs do what a test says: its specification."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from sweep.definition.cluster import load_cluster, profile
from sweep.definition.study import load_study
from sweep.errors import InputError, StudyFailedError
from sweep.execution import launch, reconcile
from sweep.execution.jobs import Demand, Job, JobState, JobStatus, NotNowError, SubmissionError
from sweep.execution.launch import LaunchRequest, open_launcher
from sweep.execution.launcher import Launcher
from sweep.execution.outage import with_patience
from sweep.execution.proposals import Proposals
from sweep.execution.summary import summary
from sweep.execution.trial import AttemptFolder, Cause, EpochReport, Outcome, Result, Start
from sweep.storage.database import connect, parse_url
from sweep.storage.reading import read_study
from sweep.storage.study_data import StudyData

URL = parse_url("sqlite:///sweep.db")


class Cluster:
    """Jobs that exist in name only; a test moves them on, with `begin`, `report` and `end`."""

    settle_s = 0.0
    largest_submission = 3

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}  # by id
        self.state: dict[str, JobState] = {}
        self.elapsed_s: dict[str, float] = {}
        self.submissions: list[list[str]] = []  # the ids of each
        self.refuses: SubmissionError | None = None
        self.answers = True
        self.cancelled: list[str] = []

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        if self.refuses:
            raise self.refuses
        assert len({job.submission for job in jobs}) == 1
        assert [job.index for job in jobs] == list(range(len(jobs)))
        ids = [str(len(self.jobs) + number) for number in range(1, len(jobs) + 1)]
        self.jobs.update(zip(ids, jobs, strict=True))
        self.state.update(dict.fromkeys(ids, JobState.PENDING))
        self.submissions.append(ids)
        return ids

    def look(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        if not self.answers:
            return {job.name: JobStatus(JobState.UNKNOWN, job.id) for job in jobs}
        ids = {job.name: job_id for job_id, job in self.jobs.items()}
        return {
            job.name: JobStatus(self.state[ids[job.name]], ids[job.name], self.elapsed_s.get(ids[job.name]))
            for job in jobs
            if job.name in ids
        }

    def cancel(self, job: Job) -> None:
        assert job.id
        self.cancelled.append(job.id)

    # what a job does

    def attempt(self, job_id: str, place: int = 0) -> AttemptFolder:
        return self.jobs[job_id].attempts[place]

    def begin(self, job_id: str, place: int = 0) -> None:
        folder = self.attempt(job_id, place)
        folder.claim(Start(folder.read_spec().token, 100.0, f"node{job_id}", 1, None, "3.11", {}))
        self.state[job_id] = JobState.RUNNING

    def report(self, job_id: str, *scores: float, first: int = 1) -> None:
        for epoch, score in enumerate(scores, start=first):
            self.attempt(job_id).append_epoch(EpochReport(epoch, 100.0 + epoch, {"score": score}))

    def end(
        self,
        job_id: str,
        state: JobState = JobState.COMPLETED,
        outcome: Outcome | None = Outcome.COMPLETED,
        score: float = 1.0,
        cause: Cause | None = None,
        place: int = 0,
    ) -> None:
        self.state[job_id] = state
        if outcome is not None:
            folder = self.attempt(job_id, place)
            metrics = {"score": score, "size": 3.0} if outcome is Outcome.COMPLETED else {}
            error = "Traceback\nValueError: no" if cause is Cause.ERROR else None
            folder.write_result(Result(folder.read_spec().token, outcome, 160.0, metrics, cause, error))


class Desk:
    """A launcher at work, and what the database says of it. `relaunch` is a crash and a new start."""

    def __init__(self, workplace: Path) -> None:
        self.workplace = workplace
        self._stack = ExitStack()
        self.launcher: Launcher

    def launch(self, *overrides: str, **options: bool) -> "Desk":
        self.launcher = self._stack.enter_context(
            open_launcher(
                LaunchRequest(
                    study=load_study("toy", overrides),
                    profile=profile(load_cluster(Path("cluster.yaml")), "slurm"),
                    url=URL,
                    workdir=self.workplace / "sweeps",
                    code_dir=self.workplace,
                    **options,
                )
            )
        )
        return self

    def relaunch(self, *overrides: str) -> "Desk":
        self.close()
        return self.launch(*overrides)

    def step(self) -> int:
        """One turn of the launcher's loop; how many trials are active."""
        return self.launcher.step()

    def read(self) -> StudyData:
        engine = connect(URL)
        data = read_study(engine, URL, "toy")
        engine.dispose()
        return data

    def attempts(self) -> list[tuple[int, int, str, str | None]]:
        table = self.read().attempts
        return [
            (row.number, row.attempt, row.state, row.cause if isinstance(row.cause, str) else None)
            for row in table.itertuples()
        ]

    def states(self) -> list[str]:
        return list(self.read().trials["state"])

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster, and no process started to look whether the toy model imports."""
    cluster = Cluster()
    monkeypatch.setattr(launch, "make_executor", lambda profile: cluster)
    monkeypatch.setattr(launch, "preflight", lambda *arguments, **options: None)
    return cluster


@pytest.fixture
def desk(workplace: Path, cluster: Cluster) -> Iterator[Desk]:
    desk = Desk(workplace)
    yield desk
    desk.close()


def test_fills_free_slots_at_once(desk: Desk, cluster: Cluster) -> None:
    desk.launch()
    assert desk.step() == 2
    assert len(cluster.jobs) == 2
    cluster.begin("1")
    cluster.end("1")
    assert desk.step() == 2  # the free slot has a new trial, though trial 1 has not even begun
    assert len(cluster.jobs) == 3
    assert desk.attempts() == [
        (0, 1, "completed", None), (1, 1, "pending", None), (2, 1, "pending", None),
    ]  # fmt: skip


def test_records_what_a_trial_did(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.begin("1")
    cluster.report("1", 0.25, float("nan"))
    cluster.end("1", score=0.75)
    assert desk.step() == 0
    data = desk.read()
    trial = data.trials.iloc[0]
    assert (trial["state"], trial["value"], trial["final_score"], trial["final_size"]) == (
        "complete",
        0.75,
        0.75,
        3,
    )
    assert (trial["host"], trial["num_epochs"], trial["duration_s"]) == ("node1", 2, 60.0)
    assert data.epochs["score"].isna().tolist() == [False, True]
    assert data.provenance["python"] == "3.11"
    assert "best: trial 0, score = 0.75" in summary(desk.launcher.study, desk.launcher.proposals)


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


def test_a_refused_job_stops_the_study_and_is_not_lost(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    cluster.refuses = SubmissionError("sbatch: error: invalid partition specified: gpuu")
    with pytest.raises(StudyFailedError, match="invalid partition specified: gpuu"):
        desk.step()
    cluster.refuses = None
    desk.relaunch("trials=1").step()
    assert cluster.attempt("1").read_spec().number == 0


def test_pruning_goes_through_the_trial_folder(desk: Desk, cluster: Cluster) -> None:
    desk.launch("parallel=1", "trials=3", "pruner={name: median, startup_trials: 1, warmup_epochs: 0}")
    desk.step()
    cluster.begin("1")
    cluster.report("1", 0.9, 0.9)
    cluster.end("1", score=0.9)
    desk.step()
    cluster.begin("2")
    cluster.report("2", 0.1)
    desk.step()
    assert cluster.attempt("2").read_stop() is Outcome.PRUNED
    cluster.end("2", outcome=Outcome.PRUNED)
    desk.step()
    assert desk.states() == ["complete", "pruned", "running"]
    assert len(cluster.jobs) == 3


def test_successive_halving_sees_what_the_same_poll_has_found(desk: Desk, cluster: Cluster) -> None:
    """Four trials report their first epoch between two polls: the best of them goes on, the last stops."""
    halving = "pruner={name: successive_halving, min_epochs: 1, reduction_factor: 2}"
    desk.launch("parallel=4", "trials=4", halving)
    desk.step()
    for job_id, score in zip("1234", (0.9, 0.8, 0.7, 0.1), strict=True):
        cluster.begin(job_id)
        cluster.report(job_id, score)
    desk.step()
    asked_to_stop = [cluster.attempt(job_id).read_stop() is Outcome.PRUNED for job_id in "1234"]
    assert asked_to_stop[0] is False
    assert asked_to_stop[3] is True


def test_a_trial_that_ignores_the_stop_is_cancelled(
    desk: Desk, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.launch("parallel=1", "trials=2", "pruner={name: median, startup_trials: 1, warmup_epochs: 0}")
    desk.step()
    cluster.report("1", 0.9, 0.9)
    cluster.end("1", score=0.9)
    desk.step()
    cluster.begin("2")
    cluster.report("2", 0.1)
    desk.step()
    desk.step()
    assert not cluster.cancelled  # it has time until its next epoch
    monkeypatch.setattr(reconcile, "stop_overdue", lambda *_: True)
    desk.step()
    assert cluster.cancelled == ["2"]
    cluster.end("2", JobState.CANCELLED, outcome=None)
    assert desk.step() == 0
    assert desk.states() == ["complete", "pruned"]


def test_silence_of_the_cluster_fails_nothing(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.begin("1")
    desk.step()
    cluster.answers = False
    assert [desk.step() for _ in range(5)] == [1] * 5
    assert desk.attempts() == [(0, 1, "running", None)]


def test_budget_of_gpu_hours_counts_what_ended_and_what_runs(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=50", "parallel=1", "budget.gpu_hours=0.01")
    desk.step()
    cluster.begin("1")  # at second 100
    cluster.end("1")  # at second 160: a sixtieth of an hour
    assert desk.step() == 0
    assert desk.read().trials["gpu_seconds"].tolist() == [60.0]


def test_budget_of_hours(desk: Desk) -> None:
    desk.launch("budget.hours=0.0000001")
    assert desk.step() == 0


def test_enqueued_points_come_first_and_once(desk: Desk, cluster: Cluster) -> None:
    points = "enqueue=[{x: 0.125}, {x: 0.125}, {x: 0.5}]"
    desk.launch(points, "parallel=1", "trials=3")
    for job_id in ("1", "2", "3"):
        desk.step()
        cluster.end(job_id)
        desk.relaunch(points, "parallel=1", "trials=3")
    assert desk.step() == 0
    assert desk.read().trials["param_x"].tolist() == [0.125, 0.125, 0.5]


def test_a_relaunched_sampler_proposes_nothing_twice(desk: Desk, cluster: Cluster) -> None:
    for job_id in ("1", "2", "3", "4"):
        desk.relaunch("sampler={name: random, seed: 5}", "parallel=1")
        desk.step()
        cluster.end(job_id)
    desk.step()
    assert desk.read().trials["param_x"].nunique() == 4


def test_seeds_differ_between_trials(desk: Desk, cluster: Cluster) -> None:
    desk.launch("sampler.seed=3", "sampler.name=random")
    desk.step()
    assert [cluster.attempt(job_id).read_spec().seed for job_id in ("1", "2")] == [300_000, 300_001]


def test_what_makes_trials_comparable_may_not_change(desk: Desk) -> None:
    desk.launch().step()
    with pytest.raises(InputError) as error:
        desk.relaunch("space.x.low=-1", "fixed.epochs=9", "trials=9", "parallel=3")
    assert str(error.value).splitlines()[1:3] == [
        "  fixed.epochs: was None, is 9",
        "  space.x.low: was 0.0, is -1.0",
    ]


def test_two_launchers_of_one_study(desk: Desk, workplace: Path) -> None:
    desk.launch()
    second = Desk(workplace)
    with pytest.raises(
        InputError, match=r"study toy is being launched already: process \d+ on .*, last sign of"
    ):
        second.launch()
    second.close()


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


def test_slots_that_open_together_go_out_as_one_array(desk: Desk, cluster: Cluster) -> None:
    desk.launch("parallel=5", "trials=7")
    assert desk.step() == 5
    assert cluster.submissions == [["1", "2", "3"], ["4", "5"]]  # the largest submission takes three
    for job_id in ("2", "5"):
        cluster.end(job_id)
    assert desk.step() == 5
    assert cluster.submissions[2:] == [["6", "7"]]
    assert [cluster.attempt(job_id).read_spec().number for job_id in ("1", "5", "6")] == [0, 4, 5]


def test_what_cannot_be_submitted_just_now_waits(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=2")
    cluster.refuses = NotNowError("sbatch: error: Socket timed out on send/recv operation")
    assert [desk.step() for _ in range(3)] == [2, 2, 2]
    assert desk.attempts() == [(0, 1, "submitting", None), (1, 1, "submitting", None)]
    cluster.refuses = None
    desk.step()
    assert cluster.submissions == [["1", "2"]]


def pack(trials_per_job: int) -> None:
    """Have the profile put so many trials into one job."""
    text = Path("cluster.yaml").read_text()
    Path("cluster.yaml").write_text(text.replace("partition: gpu", f"trials_per_job: {trials_per_job}"))


def test_trials_that_share_a_job_have_their_own_fates(desk: Desk, cluster: Cluster) -> None:
    pack(2)
    desk.launch("parallel=4", "trials=6")
    assert desk.step() == 4
    assert cluster.submissions == [["1", "2"]]
    assert [len(cluster.jobs[job_id].attempts) for job_id in ("1", "2")] == [2, 2]
    cluster.begin("1", place=0)
    cluster.begin("1", place=1)
    cluster.elapsed_s["1"] = 30.0
    cluster.end("1", JobState.RUNNING, Outcome.FAILED, cause=Cause.ERROR, place=0)
    assert desk.step() == 3  # its job goes on with the other: no place is free
    assert len(cluster.submissions) == 1
    cluster.elapsed_s["1"] = 100.0
    cluster.end("1", place=1)
    assert desk.step() == 4
    assert cluster.submissions[1:] == [["3"]]
    data = desk.read()
    assert data.trials["state"].tolist()[:2] == ["failed", "complete"]
    assert data.attempts["gpu_seconds"].tolist()[:2] == [50.0, 50.0]  # the job's, by the cluster's count


def test_a_retried_trial_finds_a_place_in_the_next_job(desk: Desk, cluster: Cluster) -> None:
    pack(2)
    desk.launch("parallel=2", "trials=3")
    desk.step()
    cluster.begin("1", place=0)
    cluster.end("1", JobState.PREEMPTED, Outcome.COMPLETED, place=0)
    assert desk.step() == 2  # the second has to be tried again, and a third takes the free place
    assert [attempt.read_spec().number for attempt in cluster.jobs["2"].attempts] == [1, 2]


def test_the_cost_is_the_clusters_count_in_the_end(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    desk.step()
    cluster.begin("1")  # at second 100
    cluster.end("1", JobState.RUNNING)  # at second 160, and Slurm is cleaning up
    cluster.elapsed_s["1"] = 61.0
    assert desk.step() == 0
    assert desk.read().attempts["gpu_seconds"].tolist() == [60.0]
    cluster.state["1"], cluster.elapsed_s["1"] = JobState.COMPLETED, 67.0
    desk.relaunch("trials=1").step()
    assert desk.read().attempts["gpu_seconds"].tolist() == [67.0]
    cluster.elapsed_s["1"] = 99.0  # it is not asked again
    desk.step()
    assert desk.read().attempts["gpu_seconds"].tolist() == [67.0]


def test_what_runs_counts_towards_the_budget(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=50", "parallel=2", "budget.gpu_hours=0.01")  # 36 s
    desk.step()
    for job_id in ("1", "2"):
        cluster.begin(job_id)
    cluster.elapsed_s = {"1": 20.0, "2": 20.0}
    cluster.end("2", JobState.PREEMPTED, outcome=None)
    assert desk.step() == 1  # neither a new trial nor another attempt
    assert desk.states() == ["running", "failed"]
