import dataclasses

import pandas as pd

from sweep.reporting.findings import findings
from sweep.reporting.headline import headline
from sweep.reporting.situation import situation_of
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def with_epochs(data: StudyData, number: int, values: list[float]) -> StudyData:
    rows = {"number": number, "epoch": range(1, len(values) + 1), "val_accuracy": values}
    return dataclasses.replace(data, epochs=pd.DataFrame(rows))


def text_of(data: StudyData) -> str:
    return " ".join(findings(data))


def test_findings_begin_with_the_headline() -> None:
    data = studies.of_values([0.90, 0.97, 0.95, 0.92])
    sentences = headline(situation_of(data))
    assert findings(data)[: len(sentences)] == sentences
    assert "2.00 points better than the next best, trial 2" in sentences[0]


def test_noise_of_the_best_trials_qualifies_the_lead() -> None:
    noisy = [0.90 + 0.01 * (-1) ** epoch for epoch in range(20)]
    data = with_epochs(studies.of_values([0.97, 0.965, 0.96, 0.5]), 0, noisy)
    assert "the best 3 configurations cannot be distinguished" in text_of(data)


def test_cost_includes_the_hours_of_failed_attempts() -> None:
    data = studies.kmnist()
    failed = data.attempts[data.attempts["state"] == "failed"]["gpu_seconds"].sum() / 3600
    assert f", {failed:,.1f} of them on attempts that failed." in text_of(data)


def test_study_without_a_result_has_one_finding() -> None:
    assert findings(studies.empty()) == ["No trial is complete yet."]
    assert "All trials failed. The most frequent cause is: error." in text_of(studies.all_failed())


def test_losses_are_not_reported_in_percentage_points() -> None:
    data = studies.with_definition(studies.of_values([0.5, 0.25], direction="minimize"), metric="val_loss")
    assert "0.25 better than the next best, trial 0" in text_of(data)
