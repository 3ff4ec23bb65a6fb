"""What a study optimizes: its objectives, and the constraints that the result of a trial must satisfy.

This module imports nothing that is slow to import, because `sweep status` needs it.
"""

import sys
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Direction = Literal["maximize", "minimize"]

EVALUATION = "-evaluation"
"""The suffix of the name of the study that evaluates another study."""
GPU_SECONDS, TRAIN_SECONDS, PEAK_MEMORY = "gpu_seconds", "train_seconds", "peak_memory_gb"
MEASUREMENTS = frozenset({GPU_SECONDS, TRAIN_SECONDS, PEAK_MEMORY})
"""The metrics that are measured for each trial, unless its train function returns a metric of the name."""


class Objective(NamedTuple):
    """A metric to optimize, and the direction."""

    metric: str
    direction: Direction

    @property
    def maximizes(self) -> bool:
        """Whether the metric is maximized."""
        return self.direction == "maximize"

    @property
    def sign(self) -> int:
        """The factor that turns a value into a loss, which is better the lower it is: -1 or 1."""
        return -1 if self.maximizes else 1

    def __str__(self) -> str:
        return f"{self.direction} {self.metric}"


class Constraint(NamedTuple):
    """A limit that the final value of a metric must not exceed or, if `is_upper` is false, not fall below."""

    metric: str
    limit: float
    is_upper: bool

    def as_keys(self) -> dict[str, Any]:
        """Return the constraint with the keys of a study file."""
        return {"metric": self.metric, "at_most" if self.is_upper else "at_least": self.limit}

    def violation(self, value: float) -> float:
        """Return by how much a value violates the constraint, as Optuna counts it: at most 0 if it does not.

        The result is finite, because it is stored as JSON.
        """
        excess = value - self.limit if self.is_upper else self.limit - value
        return min(max(excess, -sys.float_info.max), sys.float_info.max)

    def __str__(self) -> str:
        return f"{self.metric} at {'most' if self.is_upper else 'least'} {self.limit:g}"


class Goals(NamedTuple):
    """The objectives of a study, at least one, and its constraints."""

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether there is a single objective, so that trials have an order and one of them is the best."""
        return len(self.objectives) == 1

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the objectives, followed by the others that are constrained."""
        objectives = [objective.metric for objective in self.objectives]
        return tuple(dict.fromkeys([*objectives, *(constraint.metric for constraint in self.constraints)]))

    @property
    def measured(self) -> tuple[str, ...]:
        """Those of the metrics that are measured, and need not be returned by the train function."""
        return tuple(metric for metric in self.metrics if metric in MEASUREMENTS)

    @property
    def returned_objectives(self) -> tuple[str, ...]:
        """The metrics of the objectives that the train function returns."""
        metrics = (objective.metric for objective in self.objectives)
        return tuple(metric for metric in metrics if metric not in MEASUREMENTS)

    @property
    def returned(self) -> tuple[str, ...]:
        """Those of the metrics that the train function returns."""
        return tuple(metric for metric in self.metrics if metric not in MEASUREMENTS)

    def values(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """Return the value of each objective."""
        return tuple(metrics[objective.metric] for objective in self.objectives)

    def violations(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """Return by how much each constraint is violated; see `Constraint.violation`."""
        return tuple(constraint.violation(metrics[constraint.metric]) for constraint in self.constraints)

    def losses(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """Return the values of the objectives as losses, each of which is better the lower it is."""
        return tuple(objective.sign * value for objective, value in zip(self.objectives, values, strict=True))

    def __str__(self) -> str:
        """Return the goals as a clause, as in "maximize val_accuracy and minimize train_seconds"."""
        text = " and ".join(map(str, self.objectives))
        return text + (f", with {' and '.join(map(str, self.constraints))}" if self.constraints else "")


def goals_of(definition: Mapping[str, Any]) -> Goals:
    """Return the goals of a study from its definition as JSON values, also that of an earlier version."""
    listed = definition.get("objectives") or [definition]
    return Goals(
        tuple(Objective(each["metric"], each["direction"]) for each in listed),
        tuple(constraint_of(**each) for each in definition.get("constraints") or ()),
    )


def constraint_of(metric: str, at_most: float | None, at_least: float | None) -> Constraint:
    """Return a constraint from the keys of a study file, one of which is None."""
    if at_most is not None:
        return Constraint(metric, at_most, is_upper=True)
    assert at_least is not None
    return Constraint(metric, at_least, is_upper=False)
