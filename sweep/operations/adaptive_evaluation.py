"""An evaluation that continues until the best configuration is known with a given probability."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial
from sqlalchemy import Engine

from sweep.definition.study import Budget, Study
from sweep.errors import InputError
from sweep.operations.evaluation_study import distinct
from sweep.operations.seed_allocation import Evaluated, allocate
from sweep.storage.optuna_storage import all_trials, optuna_storage
from sweep.storage.studies import get_study


class Goal(NamedTuple):
    """When an evaluation ends.

    Attributes:
        level: The probability that the chosen configuration is the best.
        max_seeds: The largest number of seeds of a configuration.
        gpu_hours: The limit of the evaluation's GPU hours, earlier launches included; None for no limit.
    """

    level: float
    max_seeds: int
    gpu_hours: float | None = None


class Step(NamedTuple):
    """What follows after the trials of an evaluation have ended.

    Attributes:
        study: The study to launch next; None at the end of the evaluation.
        reason: Why, as a clause.
    """

    study: Study | None
    reason: str


def goal_of(level: float | None, num_seeds: int, max_seeds: int, gpu_hours: float | None) -> Goal | None:
    """Return the goal that the options of `sweep evaluate` state; None without a level.

    Raises:
        InputError: If the options do not fit together.
    """
    if level is None:
        if gpu_hours is not None:
            raise InputError("--gpu-hours is possible only together with --until LEVEL")
        return None
    if num_seeds < 2:
        raise InputError(
            f"--seeds is {num_seeds}, but --until needs at least 2, which show how much seeds differ"
        )
    if num_seeds > max_seeds:
        raise InputError(f"--seeds is {num_seeds}, which is more than --max-seeds {max_seeds}")
    if gpu_hours == 0:
        raise InputError("--gpu-hours must be positive, but is 0")
    return Goal(level, max_seeds, gpu_hours)


def adaptive(study: Study, goal: Goal) -> Study:
    """Return an evaluation study with the limit of GPU hours.

    Raises:
        InputError: If it evaluates fewer than two configurations, or by several objectives.
    """
    if not study.goals.is_single:
        raise InputError(
            "--until needs a single objective, because it looks for the best configuration\n"
            "give the number of seeds instead: --seeds N"
        )
    if len(distinct(study.enqueue)) < 2:
        raise InputError(
            "--until compares configurations, but only one is selected\n"
            "select more with --top K, or with --trial N"
        )
    return study.model_copy(update={"budget": Budget(gpu_hours=goal.gpu_hours)})


def next_step(engine: Engine, study: Study, goal: Goal) -> Step:
    """Return what follows, once a launch of an evaluation study has ended.

    It depends on the recorded trials only. An evaluation that was interrupted therefore continues with the
    same decisions: the trials of its last step are finished first.

    Args:
        engine: The database.
        study: The evaluation study as it was launched.
        goal: When the evaluation ends.
    """
    with optuna_storage(engine.url) as storage:
        trials = [trial for trial in all_trials(storage, study.name) if trial.state.is_finished()]
    if get_study(engine, study.name).stop is not None:
        return Step(None, "a user has requested a stop")
    if len(trials) < len(study.enqueue):
        limit = (
            ""
            if goal.gpu_hours is None
            else f", because the limit of {goal.gpu_hours:g} GPU hours is reached"
        )
        return Step(None, f"not all of its trials were started{limit}")
    points = distinct(study.enqueue)
    evaluated = [_evaluated(point, trials) for point in points]
    chosen, reason = allocate(evaluated, study.goals.objectives[0].direction, goal.level, goal.max_seeds)
    if not chosen:
        return Step(None, reason)
    extended = [*study.enqueue, *(points[index] for index in chosen)]
    return Step(study.model_copy(update={"enqueue": tuple(extended), "trials": len(extended)}), reason)


def _evaluated(point: Mapping[str, Any], trials: Iterable[FrozenTrial]) -> Evaluated:
    of_point = [trial for trial in trials if trial.params == point]
    values = [trial.value for trial in of_point if trial.value is not None and math.isfinite(trial.value)]
    return Evaluated(len(of_point), values)
