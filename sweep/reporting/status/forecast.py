"""The forecast of a study's end, which assigns remaining trials to free slots as the launcher does."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from sweep.storage.status_queries import TrialCost


class Spent(NamedTuple):
    """What a study has used so far.

    Attributes:
        trials: The number of trials that have been proposed.
        hours: Hours since the study started.
        gpu_hours: GPU hours, including those of running attempts.
    """

    trials: int
    hours: float
    gpu_hours: float


class Plan(NamedTuple):
    """What a study file specifies about the extent of a study.

    Attributes:
        trials: The number of trials.
        parallel: The number of trials at a time.
        hours: The limit of hours since the study started; None if there is none.
        gpu_hours: The limit of GPU hours; None if there is none.
    """

    trials: int
    parallel: int
    hours: float | None
    gpu_hours: float | None


class Forecast(NamedTuple):
    """The expected end of a study if a launcher runs from now on.

    Attributes:
        in_s: Seconds until the end.
        trials: The number of trials by then.
        ended_by: The limit that ends the study: "trials", "hours" or "gpu_hours".
    """

    in_s: float
    trials: int
    ended_by: str


def mean_cost(costs: Sequence[TrialCost]) -> TrialCost | None:
    """Return the mean cost of some trials; None if there are no trials."""
    if not costs:
        return None
    return TrialCost(*(sum(each) / len(costs) for each in zip(*costs, strict=True)))


def forecast(plan: Plan, spent: Spent, cost: TrialCost, active_s: Sequence[float]) -> Forecast | None:
    """Forecast the end of a study.

    Args:
        plan: The extent of the study.
        spent: What it has used so far.
        cost: The expected cost of a trial.
        active_s: How many seconds ago each active trial was submitted.

    Returns:
        None if no trial is active and no further trial will be proposed.
    """
    slots = [max(cost.slot_s - age_s, 0.0) for age_s in active_s]
    idle = [0.0] * (plan.parallel - len(slots))
    heapq.heapify(free := [*slots, *idle])
    trials, ended_by = spent.trials, "trials"
    while trials < plan.trials and free:
        if (limit := _reached(plan, spent, cost, free[0])) is not None:
            ended_by = limit
            break
        heapq.heapreplace(free, free[0] + cost.slot_s)
        trials += 1
    return Forecast(max(free), trials, ended_by) if active_s or trials > spent.trials else None


def _reached(plan: Plan, spent: Spent, cost: TrialCost, in_s: float) -> str | None:
    """Return the limit of the budget that is reached by then if all slots are in use, or None."""
    hours = in_s / 3600
    if plan.hours is not None and spent.hours + hours >= plan.hours:
        return "hours"
    gpu_hours = hours * plan.parallel * cost.gpu_s / cost.slot_s if cost.slot_s else 0.0
    if plan.gpu_hours is not None and spent.gpu_hours + gpu_hours >= plan.gpu_hours:
        return "gpu_hours"
    return None
