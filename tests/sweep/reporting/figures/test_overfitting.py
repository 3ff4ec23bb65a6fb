import math
from dataclasses import replace

import pytest

from sweep.reporting.figures.overfitting import describe_overfitting, draw_overfitting, overfitting_info
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def of_curves(train: list[float], validation: list[float], metric: str = "accuracy") -> StudyData:
    """Return a study with one complete trial that reported these values."""
    epochs = [
        {"number": 0, "epoch": epoch, f"train_{metric}": one, f"val_{metric}": other}
        for epoch, (one, other) in enumerate(zip(train, validation, strict=True), start=1)
    ]
    return studies.study(studies.of_values([0.5]).trials, epochs, [])


def test_each_metric_of_the_best_trial_has_a_figure() -> None:
    data = studies.kmnist()
    accuracy, loss = overfitting_info(data)
    best = data.trials.set_index("number")["value"].idxmax()
    rows = data.epochs[data.epochs["number"] == best]
    assert (accuracy.number, loss.number) == (best, best)
    assert accuracy.validation_values == rows["val_accuracy"].tolist()
    assert loss.train_values == rows["train_loss"].tolist()


@pytest.mark.parametrize("names", [("accuracy", "val_accuracy"), ("train/acc", "val/acc")])
def test_names_of_keras_and_names_with_slashes_are_paired(names: tuple[str, str]) -> None:
    data = of_curves([0.6, 0.9], [0.5, 0.7])
    columns = {"train_accuracy": names[0], "val_accuracy": names[1]}
    data = replace(data, epochs=data.epochs.rename(columns=columns))
    (info,) = overfitting_info(data)
    assert (info.train, info.validation, info.validation_values) == (*names, [0.5, 0.7])


def test_best_epoch_has_the_highest_accuracy_or_the_lowest_loss() -> None:
    curves = [0.6, 0.9, 0.7]
    assert overfitting_info(of_curves(curves, curves))[0].best_epoch == 2
    assert overfitting_info(of_curves(curves, [0.9, 0.7, 0.8], "loss"))[0].best_epoch == 2


def test_epochs_without_both_metrics_are_omitted() -> None:
    (info,) = overfitting_info(of_curves([0.5, math.nan, 0.7, 0.8], [0.4, 0.5, math.nan, 0.6]))
    assert (info.epochs, info.validation_values) == ([1, 4], [0.4, 0.6])


def test_metric_without_epochs_has_no_figure() -> None:
    assert overfitting_info(of_curves([math.nan], [0.5])) == []


@pytest.mark.parametrize("make", [studies.empty, studies.all_failed, lambda: studies.of_values([0.5])])
def test_study_without_a_best_trial_or_epochs_has_no_figure(make: object) -> None:
    assert overfitting_info(make()) == []  # type: ignore[operator]


def test_axis_excludes_the_first_epochs() -> None:
    values = [0.1, 0.2, *[0.9 + epoch / 1000 for epoch in range(28)]]
    (info,) = overfitting_info(of_curves(values, values))
    low, high = draw_overfitting(info).layout.yaxis.range
    assert 0.89 < low < 0.91
    assert high > 0.927


def test_best_validation_epoch_is_described_and_marked() -> None:
    (info,) = overfitting_info(of_curves([0.5, 0.8, 0.9], [0.5, 0.7, 0.6]))
    assert describe_overfitting(info).replace("\N{NO-BREAK SPACE}", " ") == (
        "Trial 0 ends at train accuracy 90.00 % and validation accuracy 60.00 %; "
        "its validation result was best at epoch 2 of 3."
    )
    marker = draw_overfitting(info).data[-1]
    assert (list(marker.x), list(marker.y)) == ([2], [0.7])
