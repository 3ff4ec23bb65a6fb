"""The entries of `objectives` and `constraints` in a study file, and the rules that they must follow."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from sweep.definition.problem import Problem, format_value
from sweep.definition.pruner import NoPruning, Pruner
from sweep.definition.sampler import Sampler
from sweep.definition.settings import Settings
from sweep.goals import Constraint, Direction, Goals, Objective, constraint_of

MetricName = Annotated[str, Field(min_length=1)]


class ObjectiveEntry(Settings):
    """One of several objectives."""

    metric: MetricName
    """Metric that is the objective: one that the train function returns, or `gpu_seconds`, `train_seconds` or
    `peak_memory_gb`, which are measured."""
    direction: Direction
    """Direction in which the objective is optimized."""

    @property
    def objective(self) -> Objective:
        """The objective."""
        return Objective(self.metric, self.direction)


class ConstraintEntry(Settings):
    """A limit for the final value of a metric. Trials that violate it cannot win."""

    metric: MetricName
    """Metric that is limited, as in `objectives`."""
    at_most: float | None = None
    """Largest value that satisfies the constraint."""
    at_least: float | None = None
    """Smallest value that satisfies the constraint. A constraint has either `at_most` or `at_least`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            given = "neither" if self.at_most is None else "both"
            raise ValueError(f"must have either at_most or at_least, but has {given}")
        return self

    @property
    def constraint(self) -> Constraint:
        """The constraint."""
        return constraint_of(self.metric, self.at_most, self.at_least)


def goals_from(
    metric: str | None,
    direction: Direction | None,
    objectives: Sequence[ObjectiveEntry],
    constraints: Sequence[ConstraintEntry],
) -> Goals:
    """Return the goals of a study from the keys of its file, which `key_problems` has checked."""
    limits = tuple(entry.constraint for entry in constraints)
    if objectives:
        return Goals(tuple(entry.objective for entry in objectives), limits)
    assert metric is not None
    assert direction is not None
    return Goals((Objective(metric, direction),), limits)


def key_problems(
    metric: str | None, direction: Direction | None, objectives: Sequence[ObjectiveEntry]
) -> Iterator[Problem]:
    """Find the problems of the keys that define the objectives: there is one form or the other."""
    if not objectives:
        if metric is None:
            yield Problem(("metric",), "required, but missing: a study has either metric or objectives")
        if direction is None:
            yield Problem(("direction",), 'required, but missing: must be "maximize" or "minimize"')
        return
    for key, value in (("metric", metric), ("direction", direction)):
        if value is not None:
            yield Problem(
                (key,), "is not possible together with objectives: each of them has a metric and a direction"
            )
    names = [entry.metric for entry in objectives]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(("objectives", index, "metric"), f"is an objective already: {format_value(name)}")


def combination_problems(
    goals: Goals, sampler: Sampler, pruner: Pruner, objective_of: str
) -> Iterator[Problem]:
    """Find the settings that are not possible with the goals of a study."""
    if not goals.is_single and objective_of != "last":
        yield Problem(("objective_of",), "must be last with several objectives; remove it")
    if not goals.is_single and not isinstance(pruner, NoPruning):
        yield Problem(
            ("pruner",),
            "is not possible with several objectives, because a pruner compares trials by one metric; "
            "remove it",
        )
    if not goals.is_single and not sampler.supports_several_objectives:
        yield Problem(
            ("sampler",),
            f"{sampler.name} optimizes a single objective, but there are {len(goals.objectives)}; use "
            "another sampler, such as tpe",
        )
    if goals.constraints and not sampler.considers_constraints:
        yield Problem(
            ("sampler",),
            f"{sampler.name} does not consider constraints; use another sampler, such as tpe",
        )
