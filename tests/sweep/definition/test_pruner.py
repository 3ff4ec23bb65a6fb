"""Tests of the epoch at which each pruner stops a trial that is worse than all earlier ones."""

import optuna
import pytest
from pydantic import TypeAdapter, ValidationError

from sweep.definition.pruner import (
    Hyperband,
    Median,
    NoPruning,
    OtherMetric,
    Pruner,
    SuccessiveHalving,
)

PRUNER: TypeAdapter[Pruner] = TypeAdapter(Pruner)


def _pruning_epoch(pruner: Pruner) -> int | None:
    study = optuna.create_study(direction="maximize", pruner=pruner.make())
    for value in [0.9, 0.8, 0.7, 0.6, 0.1]:
        trial = study.ask()
        stop = None
        for epoch in range(1, 13):
            trial.report(value, epoch)
            if trial.should_prune():
                stop = epoch
                break
        study.tell(trial, value)
    return stop


@pytest.mark.parametrize(
    ("pruner", "epoch"),
    [
        (NoPruning(name="none"), None),
        (Median(name="median"), None),
        (Median(name="median", startup_trials=2), 1),
        (Median(name="median", startup_trials=2, warmup_epochs=5), 5),
        (Median(name="median", startup_trials=2, warmup_epochs=5, every_epochs=4), 5),
        (SuccessiveHalving(name="successive_halving"), 1),
        (SuccessiveHalving(name="successive_halving", min_epochs=3, reduction_factor=2), 3),
        # These settings result in one bracket; with several, a trial's bracket depends on the study's name.
        (Hyperband(name="hyperband", min_epochs=4, max_epochs=12, reduction_factor=4), 4),
        (Hyperband(name="hyperband", min_epochs=4, reduction_factor=4), 4),
    ],
)
def test_worst_trial_is_pruned_at_epoch(pruner: Pruner, epoch: int | None) -> None:
    assert _pruning_epoch(pruner) == epoch


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"name": "median", "metric": "val_loss"}, "metric and direction must be given together"),
        ({"name": "median", "direction": "minimize"}, "metric and direction must be given together"),
        ({"name": "threshold"}, "lower or upper is required"),
        ({"name": "threshold", "lower": 2.0, "upper": 1.0}, '"lower <= upper" must hold'),
        (
            {
                "name": "patient",
                "patience": 1,
                "pruner": {"name": "median", "metric": "val_loss", "direction": "minimize"},
            },
            "pruner.metric and pruner.direction belong beside patience",
        ),
        ({"name": "percentile", "percentile": 101}, "less than or equal to 100"),
        ({"name": "none", "metric": "val_loss"}, "Extra inputs are not permitted"),
    ],
)
def test_contradictory_keys_are_rejected(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PRUNER.validate_python(keys)


def test_judged_metric_is_the_objective_or_another_metric() -> None:
    other = PRUNER.validate_python({"name": "median", "metric": "val_loss", "direction": "minimize"})
    assert (other.judged_metric("score"), other.other_metric()) == (
        "val_loss",
        OtherMetric("val_loss", "minimize"),
    )
    assert (Median(name="median").judged_metric("score"), Median(name="median").other_metric()) == (
        "score",
        None,
    )
    assert NoPruning(name="none").judged_metric("score") is None
