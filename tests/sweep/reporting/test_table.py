import math

from sweep.reporting.summary import format_states, summarise
from sweep.reporting.table import failures_table, trials_table
from tests.sweep.reporting import synthetic_studies as studies


def test_trials_table_has_params_then_final_metrics() -> None:
    headings = [column.heading for column in trials_table(studies.kmnist(), limit=1).columns]
    assert headings == [
        *("trial", "epochs"),
        *("routing iterations", "batch size", "LR decay", "decoder coefficient", "augmentation"),
        *("train accuracy", "validation accuracy", "train loss", "validation loss"),
        *("time", "state"),
    ]


def test_text_is_left_and_numbers_are_right() -> None:
    left = [
        column.heading for column in trials_table(studies.kmnist(), limit=1).columns if not column.numeric
    ]
    assert left == ["augmentation", "state"]


def test_the_best_trial_is_first_and_marked() -> None:
    rows = trials_table(studies.of_values([0.5, 0.9, 0.7]), limit=2).rows
    assert [(row.kind, row.cells[0]) for row in rows] == [("best", "1"), ("complete", "2")]


def test_a_failed_trial_shows_its_cause() -> None:
    rows = trials_table(studies.all_failed(), limit=9).rows
    assert {(row.kind, row.cells[-1]) for row in rows} == {("failed", "failed: error")}


def test_failures_are_counted_by_cause() -> None:
    data = studies.all_failed()
    data.attempts.loc[0, ["state", "cause"]] = ["failed", "preempted"]
    rows = [row.cells for row in failures_table(data).rows]
    assert rows == [
        ["error", "4", "5", "0, 1, 2, 3, 4", "3 min", "ValueError: no luck in trial 4"],
        ["preempted", "1", "0", "–", "45 s", "–"],
    ]


def test_a_study_without_failures_has_none() -> None:
    assert failures_table(studies.of_values([0.5])).rows == []
    assert failures_table(studies.empty()).rows == []


def test_a_summary_counts_states_and_adds_up_time() -> None:
    data = studies.kmnist()
    summary = summarise(data)
    assert summary.num_by_state == data.trials["state"].value_counts().to_dict()
    assert summary.best is not None
    assert summary.best["value"] == data.trials["value"].max()
    assert list(summary.best_params) == list(studies.SPACE)
    assert summary.started == "2025-05-03 14:00"
    assert math.isclose(float(summary.gpu_hours), data.trials["gpu_seconds"].sum() / 3600, abs_tol=0.05)


def test_a_study_without_trials_has_a_summary() -> None:
    summary = summarise(studies.empty())
    assert (summary.best, summary.num_by_state, summary.started, summary.elapsed) == (None, {}, "", "–")


def test_states_in_words() -> None:
    assert format_states({"complete": 1}) == "1 trial: 1 complete"
    assert format_states({"complete": 31, "failed": 3}) == "34 trials: 31 complete, 3 failed"
    assert format_states({}) == "0 trials"
