"""What the launcher proposes, submits and records."""

from pathlib import Path

import pytest

from sweep.errors import InputError, StudyFailedError
from sweep.execution.jobs import NotNowError, SubmissionError
from sweep.execution.summary import summary
from tests.sweep.execution.launcher.stand_in import Cluster, Desk


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


def test_a_refused_job_stops_the_study_and_is_not_lost(desk: Desk, cluster: Cluster) -> None:
    desk.launch("trials=1")
    cluster.refuses = SubmissionError("sbatch: error: invalid partition specified: gpuu")
    with pytest.raises(StudyFailedError, match="invalid partition specified: gpuu"):
        desk.step()
    cluster.refuses = None
    desk.relaunch("trials=1").step()
    assert cluster.attempt("1").read_spec().number == 0


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
