"""Whether a study's rules for an early end hold, and why."""

import warnings
from collections.abc import Collection, Sequence

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.definition.stop_when import StopWhen
from sweep.goals import Objective
from sweep.storage.optuna_storage import WITH_RESULT

MIN_TRIALS = 20
"""The number of complete trials from which the regret is estimated, as in Optuna's terminator."""


def reason_to_stop_early(
    rules: StopWhen, trials: Sequence[FrozenTrial], best: Collection[FrozenTrial], objective: Objective
) -> str | None:
    """Return which of the rules for an early end holds, or None.

    Args:
        rules: The rules.
        trials: All trials of the study.
        best: The best trial or, with several objectives, the Pareto front; empty if there is none yet.
        objective: The objective, the first one if there are several.
    """
    if rules.no_better_for is not None and best:
        num_since = num_ended_since(trials, best)
        if num_since >= rules.no_better_for:
            return f"{num_since} trials have ended without an improvement"
    if rules.reached is not None:
        for trial in best:
            value = trial.values[0]
            if objective.sign * value <= objective.sign * rules.reached:
                return f"{objective.metric} has reached {rules.reached:g} ({value:g} in trial {trial.number})"
    if rules.regret_below is not None:
        regret = estimated_regret(trials, objective)
        if regret is not None and regret < rules.regret_below:
            return (
                f"the best {objective.metric} is at most {regret:.3g} from the optimum, by Optuna's estimate"
            )
    return None


def num_ended_since(trials: Sequence[FrozenTrial], best: Collection[FrozenTrial]) -> int:
    """Return how many trials have ended, complete or pruned, after the last one that is among the best.

    Args:
        trials: All trials of the study.
        best: The best trials, at least one.
    """
    last = max(trial.datetime_complete for trial in best if trial.datetime_complete is not None)
    return sum(
        trial.state in WITH_RESULT and trial.datetime_complete is not None and trial.datetime_complete > last
        for trial in trials
    )


def estimated_regret(trials: Sequence[FrozenTrial], objective: Objective) -> float | None:
    """Return Optuna's upper bound of the difference between the best value and the optimum.

    The method is that of Makarova et al., "Automatic Termination for Hyperparameter Optimization" (2022).

    Args:
        trials: All trials of the study.
        objective: The objective.

    Returns:
        The bound in units of the objective; None with fewer than 20 complete trials, or if they have no
        hyperparameter in common.
    """
    from optuna.search_space import intersection_search_space
    from optuna.terminator import RegretBoundEvaluator

    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if len(complete) < MIN_TRIALS or not intersection_search_space(complete):
        return None
    direction = StudyDirection.MAXIMIZE if objective.maximizes else StudyDirection.MINIMIZE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the module is experimental, and may move to another package
        return float(RegretBoundEvaluator(min_n_trials=MIN_TRIALS, seed=0).evaluate(complete, direction))
