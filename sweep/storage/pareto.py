"""Optuna's functions for several objectives, most of which belong to its private API.

`tests/sweep/storage/test_optuna_storage.py` checks everything that this module relies on.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.study._multi_objective import (
    _fast_non_domination_rank,
    _get_pareto_front_trials_by_trials,
    _is_pareto_front,
)
from optuna.trial import FrozenTrial


def pareto_front(trials: list[FrozenTrial], directions: list[StudyDirection]) -> list[FrozenTrial]:
    """Return the complete trials that satisfy the constraints and that no other such trial dominates.

    Trials with an infinite value are omitted.
    """
    finite = [trial for trial in trials if all(map(math.isfinite, trial.values or ()))]
    return _get_pareto_front_trials_by_trials(finite, directions, consider_constraint=True)


def is_on_front(losses: Sequence[Sequence[float]]) -> list[bool]:
    """Return whether no other losses are better than or equal to these in each objective, and better in one.

    Args:
        losses: The losses of each trial, of shape (num_trials, num_objectives).
    """
    return [bool(is_on) for is_on in _is_pareto_front(np.array(losses, float), assume_unique_lexsorted=False)]


def nondomination_ranks(losses: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Return the rank of each trial: 0 on the Pareto front, 1 on the front of the others, and so on.

    Args:
        losses: The losses of each trial, of shape (num_trials, num_objectives).
    """
    return _fast_non_domination_rank(losses)


def hypervolumes(losses: "np.ndarray[Any, Any]", reference: Sequence[float]) -> list[float]:
    """Return the hypervolume that the first trial, the first two, and so on, dominate.

    Args:
        losses: The losses of each trial in order, of shape (num_trials, num_objectives).
        reference: The losses of the point that bounds the hypervolume.
    """
    from optuna.visualization._hypervolume_history import _get_hypervolume_history_info  # imports Plotly

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(directions=["minimize"] * len(reference))
    finally:
        optuna.logging.set_verbosity(verbosity)
    study.add_trials([optuna.trial.create_trial(values=list(map(float, each))) for each in losses])
    return _get_hypervolume_history_info(study, np.array(reference, float)).values
