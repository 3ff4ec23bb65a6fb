"""The best trials of a study, by plain SQL on Optuna's tables."""

import json
import math

from sqlalchemy import Connection

from sweep.goals import Goals
from sweep.storage import optuna_queries


def best_numbers(connection: Connection, study: str, goals: Goals, limit: int | None = None) -> list[int]:
    """Return the numbers of the best trials that satisfy the constraints.

    With a single objective, these are all complete trials, the best first. With several, they are the Pareto
    front, in the order of the first objective. Trials with an infinite value are omitted.

    Args:
        connection: A connection to the database.
        study: The study's name.
        goals: The objectives and constraints of the study.
        limit: The maximum number of trials; None for all.
    """
    if not goals.is_single:
        return _front(connection, study, goals)[:limit]
    maximizes = goals.objectives[0].maximizes
    if not goals.constraints:
        return list(connection.scalars(optuna_queries.best_numbers(study, maximizes, limit)))
    infeasible = infeasible_numbers(connection, study)
    ranked = connection.scalars(optuna_queries.best_numbers(study, maximizes))
    return [number for number in ranked if number not in infeasible][:limit]


def infeasible_numbers(connection: Connection, study: str) -> set[int]:
    """Return the numbers of the trials that violate a constraint."""
    rows = connection.execute(optuna_queries.violations(study))
    return {number for number, violations in rows if any(excess > 0 for excess in json.loads(violations))}


def _front(connection: Connection, study: str, goals: Goals) -> list[int]:
    values: dict[int, list[float]] = {}
    for number, value in connection.execute(optuna_queries.complete_values(study)):
        values.setdefault(number, []).append(math.inf if value is None else value)
    infeasible = infeasible_numbers(connection, study) if goals.constraints else set()
    losses = {
        number: goals.losses(tuple(each))
        for number, each in values.items()
        if number not in infeasible and all(map(math.isfinite, each))
    }
    if not losses:
        return []
    from sweep.storage.pareto import is_on_front  # importing Optuna takes 0.35 s

    shown = zip(losses, is_on_front(list(losses.values())), strict=True)
    return sorted((number for number, is_on in shown if is_on), key=lambda number: (losses[number], number))
