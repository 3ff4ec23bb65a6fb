"""Tests of the epoch at which each pruner stops a trial that is worse than all earlier ones."""

import optuna
import pytest

from sweep.definition.pruner import Hyperband, Median, NoPruning, Pruner, SuccessiveHalving, make_pruner


def _pruning_epoch(pruner: Pruner) -> int | None:
    study = optuna.create_study(direction="maximize", pruner=make_pruner(pruner))
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
