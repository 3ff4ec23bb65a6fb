import math

from sweep.reporting.summary import format_states, summarize
from tests.sweep.reporting import synthetic_studies as studies


def test_summary_counts_states_and_adds_up_time() -> None:
    data = studies.kmnist()
    summary = summarize(data)
    assert summary.num_by_state == data.trials["state"].value_counts().to_dict()
    assert summary.best is not None
    assert summary.best["value"] == data.trials["value"].max()
    assert list(summary.best_params) == list(studies.SPACE)
    assert summary.started == "2025-05-03 14:00"
    assert math.isclose(float(summary.gpu_hours), data.trials["gpu_seconds"].sum() / 3600, abs_tol=0.05)


def test_study_without_trials_has_a_summary() -> None:
    summary = summarize(studies.empty())
    assert (summary.best, summary.num_by_state, summary.started, summary.elapsed) == (None, {}, "", "–")


def test_states_are_listed_with_their_numbers() -> None:
    assert format_states({"complete": 1}) == "1 trial: 1 complete"
    assert format_states({"complete": 31, "failed": 3}) == "34 trials: 31 complete, 3 failed"
    assert format_states({}) == "0 trials"
