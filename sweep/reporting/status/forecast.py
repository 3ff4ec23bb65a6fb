"""When a study will end: its remaining trials handed to the slots that come free, as the launcher does."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from sweep.storage.status_queries import TrialCost


class Spent(NamedTuple):
    """What a study has used of what it was given."""

    trials: int  # proposed so far
    hours: float
    gpu_hours: float  # of what runs too


class Plan(NamedTuple):
    """What is to be done, and with what."""

    trials: int
    parallel: int
    hours: float | None
    gpu_hours: float | None


class Forecast(NamedTuple):
    """The end that is to be expected if a launcher is at work from now on."""

    in_s: float
    trials: int  # how many there will be
    ended_by: str  # what there is no more of then: trials, hours or gpu_hours


def typical(costs: Sequence[TrialCost]) -> TrialCost | None:
    """The mean cost of the trials that have ended lately."""
    if not costs:
        return None
    return TrialCost(*(sum(each) / len(costs) for each in zip(*costs, strict=True)))


def forecast(plan: Plan, spent: Spent, cost: TrialCost, active_s: Sequence[float]) -> Forecast | None:
    """The study's end, from what one trial takes and for how long each active one has been at it.

    None when nothing is left to do.
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
    """Which limit of the budget is reached by then, with all slots busy until then."""
    hours = in_s / 3600
    if plan.hours is not None and spent.hours + hours >= plan.hours:
        return "hours"
    gpu_hours = hours * plan.parallel * cost.gpu_s / cost.slot_s if cost.slot_s else 0.0
    if plan.gpu_hours is not None and spent.gpu_hours + gpu_hours >= plan.gpu_hours:
        return "gpu_hours"
    return None
