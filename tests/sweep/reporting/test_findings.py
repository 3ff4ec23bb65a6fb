import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from sweep.reporting.findings import epoch_noise, findings
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def with_epochs(data: StudyData, number: int, values: list[float]) -> StudyData:
    rows = {"number": number, "epoch": range(1, len(values) + 1), "val_accuracy": values}
    return dataclasses.replace(data, epochs=pd.DataFrame(rows))


def text_of(data: StudyData) -> str:
    return " ".join(findings(data))


def test_lead_is_reported_over_the_next_best_trial_and_the_median() -> None:
    text = text_of(studies.of_values([0.90, 0.97, 0.95, 0.92]))
    assert "Trial 1 is 2.00 points better than the next best, trial 2, and is 3.50 points better" in text
    assert "than the median of 4 complete trials." in text


def test_equal_trials_are_reported_as_equally_good() -> None:
    assert "Trial 0 is as good as the next best, trial 1" in text_of(studies.of_values([0.9, 0.9]))


def test_lead_within_the_noise_does_not_separate_trials() -> None:
    noisy = [0.90 + 0.01 * (-1) ** epoch for epoch in range(20)]
    data = with_epochs(studies.of_values([0.97, 0.965, 0.96, 0.5]), 0, noisy)
    assert "so the best 3 trials cannot be distinguished" in text_of(data)


def test_lead_beyond_the_noise_is_still_of_one_seed() -> None:
    steady = [0.90 + 0.0001 * (-1) ** epoch for epoch in range(20)]
    assert "less than half of its lead, but it was trained with one seed only" in text_of(
        with_epochs(studies.of_values([0.97, 0.90]), 0, steady)
    )


def test_noise_excludes_the_trend_and_requires_epochs() -> None:
    data = studies.of_values([0.9])
    assert epoch_noise(with_epochs(data, 0, np.linspace(0.1, 0.9, 40).tolist()), 0) == pytest.approx(
        0, abs=1e-9
    )
    assert epoch_noise(with_epochs(data, 0, [0.5, 0.6, 0.7]), 0) is None
    assert epoch_noise(with_epochs(data, 0, [math.nan] * 40), 0) is None
    assert epoch_noise(with_epochs(data, 1, [0.5] * 40), 0) is None


def test_convergence_depends_on_the_trials_since_the_best_one() -> None:
    assert "The last 9 trials brought no improvement" in text_of(studies.of_values([0.5, *[0.4] * 9]))
    assert "The last trial is the best one" in text_of(studies.of_values([0.4, 0.5]))
    assert "The best trial was followed by only 1 trial, so more trials may improve" in text_of(
        studies.of_values([*[0.4] * 8, 0.5, 0.4])
    )


def test_cost_includes_the_hours_of_failed_attempts() -> None:
    data = studies.kmnist()
    failed = data.attempts[data.attempts["state"] == "failed"]["gpu_seconds"].sum() / 3600
    assert f", {failed:,.1f} of them on attempts that failed." in text_of(data)


SPACE = {
    "x": {"type": "float", "low": 0.0, "high": 1.0},
    "rate": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
    "kind": {"type": "categorical", "choices": ["a", "b"]},
}


def test_best_trials_at_the_end_of_a_range_suggest_extending_it() -> None:
    x = np.linspace(0, 1, 30)
    columns = {"x": x.tolist(), "rate": (10 ** (-3 * x)).tolist(), "kind": ["a"] * 30}
    text = text_of(studies.of_values(x.tolist(), columns, SPACE))
    assert "Consider extending the range: x above 1, rate below 0.001." in text
    assert "extending" not in text_of(studies.of_values((-abs(x - 0.5)).tolist(), columns, SPACE))
    assert "extending" not in text_of(studies.of_values([0.5, 0.6], {"x": [0.9, 1.0]}, SPACE | {}))


def test_improving_best_trial_suggests_more_epochs() -> None:
    random = np.random.default_rng(0).normal(0, 0.001, 40)
    rising = with_epochs(studies.of_values([0.9]), 0, (np.linspace(0.1, 0.9, 40) + random).tolist())
    flat = with_epochs(studies.of_values([0.9]), 0, (0.9 + random).tolist())
    assert "was still improving in its last epochs" in text_of(rising)
    assert "still improving" not in text_of(flat)


def test_study_without_a_result_has_one_finding() -> None:
    assert findings(studies.empty()) == ["No trial is complete yet."]
    assert "All trials failed. The most frequent cause is: error." in text_of(studies.all_failed())


def test_losses_are_not_reported_in_percentage_points() -> None:
    data = studies.with_definition(studies.of_values([0.5, 0.25], direction="minimize"), metric="val_loss")
    assert "Trial 1 is 0.25 better than the next best" in text_of(data)
