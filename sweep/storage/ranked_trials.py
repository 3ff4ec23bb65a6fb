"""The ranking of the trials of any study of Optuna, also one that another program has created."""

import math

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.optuna_storage import PolledStorage, recorded_violations
from sweep.storage.pareto import nondomination_ranks


def ranked_trials(storage: PolledStorage, study: str) -> list[FrozenTrial]:
    """Return the complete trials of any study that satisfy its constraints, the best first.

    With several objectives, those of the Pareto front come first. Trials with an infinite value are omitted.
    """
    study_id = storage.get_study_id_from_name(study)
    signs = [-1 if each is StudyDirection.MAXIMIZE else 1 for each in storage.get_study_directions(study_id)]
    trials = [
        trial
        for trial in storage.get_all_trials(study_id, deepcopy=False)
        if trial.state is TrialState.COMPLETE
        and all(map(math.isfinite, trial.values))
        and all(excess <= 0 for excess in recorded_violations(trial))
    ]
    losses = [[sign * value for sign, value in zip(signs, trial.values, strict=True)] for trial in trials]
    ranks = nondomination_ranks(np.array(losses)) if len(signs) > 1 and trials else [0] * len(trials)
    order = sorted(range(len(trials)), key=lambda index: (ranks[index], losses[index], trials[index].number))
    return [trials[index] for index in order]
