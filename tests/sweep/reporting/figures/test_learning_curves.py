"""The data of the learning curves."""

import math
from itertools import chain

from sweep.reporting.figures.learning_curves import MAX_TRIALS, curves_info
from tests.sweep.reporting import synthetic_studies as studies


def test_each_metric_has_a_figure_and_train_precedes_validation() -> None:
    metrics = [info.metric for info in curves_info(studies.kmnist())]
    assert metrics == ["train_accuracy", "val_accuracy", "train_loss", "val_loss"]


def test_curve_contains_the_reported_values() -> None:
    data = studies.kmnist()
    info = curves_info(data)[1]
    for curve in info.curves:
        rows = data.epochs[data.epochs["number"] == curve.number]
        assert curve.x == rows["epoch"].tolist()
        assert curve.y == rows["val_accuracy"].tolist()


def test_best_trial_has_its_own_group() -> None:
    data = studies.kmnist()
    best = [curve.number for curve in curves_info(data)[0].curves if curve.group == "best"]
    assert best == [data.trials.set_index("number")["value"].idxmax()]


def test_train_and_validation_share_an_extent() -> None:
    train, validation, train_loss, _ = curves_info(studies.kmnist())
    assert train.extent == validation.extent
    assert train.extent != train_loss.extent


def test_epochs_without_a_value_are_omitted() -> None:
    data = studies.kmnist(3)
    data.epochs.loc[data.epochs["epoch"] == 2, "val_accuracy"] = math.nan
    data.epochs.loc[data.epochs["number"] == 0, "val_accuracy"] = math.nan
    curves = curves_info(data)[1].curves
    assert 2 not in chain.from_iterable(curve.x for curve in curves)
    assert 0 not in [curve.number for curve in curves]


def test_many_trials_and_epochs_are_thinned() -> None:
    info = curves_info(studies.kmnist(num_trials=300, num_epochs=450))[0]
    assert len(info.curves) == MAX_TRIALS < info.num_trials
    best = next(curve for curve in info.curves if curve.group == "best")
    assert (len(best.x), best.x[-1]) == (150, 450)


def test_loss_over_decades_has_a_log_axis_but_accuracy_never() -> None:
    data = studies.kmnist()
    data.epochs.loc[0, ["train_loss", "train_accuracy"]] = [100.0, 0.0001]
    logs = {info.metric: info.log for info in curves_info(data)}
    assert logs == {"train_accuracy": False, "val_accuracy": False, "train_loss": True, "val_loss": True}
