import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from sweep.reporting.findings import findings, wobble
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def with_epochs(data: StudyData, number: int, values: list[float]) -> StudyData:
    rows = {"number": number, "epoch": range(1, len(values) + 1), "val_accuracy": values}
    return dataclasses.replace(data, epochs=pd.DataFrame(rows))


def said(data: StudyData) -> str:
    return " ".join(findings(data))


def test_the_lead_is_over_the_next_best_and_the_median() -> None:
    text = said(studies.of_values([0.90, 0.97, 0.95, 0.92]))
    assert "Trial 1 is 2.00 points better than the next best, trial 2, and is 3.50 points better" in text
    assert "than the median of 4 complete trials." in text


def test_equals_are_said_to_be_equals() -> None:
    assert "Trial 0 does as well as the next best, trial 1" in said(studies.of_values([0.9, 0.9]))


def test_a_lead_smaller_than_the_wobble_is_not_believed() -> None:
    wobbling = [0.90 + 0.01 * (-1) ** epoch for epoch in range(20)]
    data = with_epochs(studies.of_values([0.97, 0.965, 0.96, 0.5]), 0, wobbling)
    assert "so take the best 3 trials as equal until more seeds have been tried" in said(data)


def test_a_lead_larger_than_the_wobble_is_one_seed_still() -> None:
    steady = [0.90 + 0.0001 * (-1) ** epoch for epoch in range(20)]
    assert "one seed is still one seed" in said(with_epochs(studies.of_values([0.97, 0.90]), 0, steady))


def test_the_wobble_leaves_the_trend_out_and_needs_epochs() -> None:
    data = studies.of_values([0.9])
    assert wobble(with_epochs(data, 0, np.linspace(0.1, 0.9, 40).tolist()), 0) == pytest.approx(0, abs=1e-9)
    assert wobble(with_epochs(data, 0, [0.5, 0.6, 0.7]), 0) is None
    assert wobble(with_epochs(data, 0, [math.nan] * 40), 0) is None
    assert wobble(with_epochs(data, 1, [0.5] * 40), 0) is None


def test_a_long_stretch_without_a_better_one_means_stop() -> None:
    assert "The last 9 trials brought no better one" in said(studies.of_values([0.5, *[0.4] * 9]))
    assert "The best came 1 trial before the last" in said(studies.of_values([*[0.4] * 8, 0.5, 0.4]))


def test_what_failures_took_is_said() -> None:
    data = studies.kmnist()
    failed = data.attempts[data.attempts["state"] == "failed"]["gpu_seconds"].sum() / 3600
    assert f", {failed:,.1f} of them on attempts that failed." in said(data)


SPACE = {
    "x": {"type": "float", "low": 0.0, "high": 1.0},
    "rate": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
    "kind": {"type": "categorical", "choices": ["a", "b"]},
}


def test_the_best_at_an_end_of_a_range_means_widen_it() -> None:
    x = np.linspace(0, 1, 30)
    columns = {"x": x.tolist(), "rate": (10 ** (-3 * x)).tolist(), "kind": ["a"] * 30}
    text = said(studies.of_values(x.tolist(), columns, SPACE))
    assert "widen it: x above 1, rate below 0.001." in text
    assert "widen" not in said(studies.of_values((-abs(x - 0.5)).tolist(), columns, SPACE))
    assert "widen" not in said(studies.of_values([0.5, 0.6], {"x": [0.9, 1.0]}, SPACE | {}))


def test_a_best_trial_that_still_improves_wants_more_epochs() -> None:
    random = np.random.default_rng(0).normal(0, 0.001, 40)
    rising = with_epochs(studies.of_values([0.9]), 0, (np.linspace(0.1, 0.9, 40) + random).tolist())
    flat = with_epochs(studies.of_values([0.9]), 0, (0.9 + random).tolist())
    assert "still improved at its end" in said(rising)
    assert "still improved" not in said(flat)


def test_without_a_result_that_is_what_is_said() -> None:
    assert findings(studies.empty()) == ["No trial has completed with a value yet."]
    assert "Every trial failed, most often of this cause: error." in said(studies.all_failed())


def test_losses_are_not_points() -> None:
    data = studies.with_definition(studies.of_values([0.5, 0.25], direction="minimize"), metric="val_loss")
    assert "Trial 1 is 0.25 better than the next best" in said(data)
