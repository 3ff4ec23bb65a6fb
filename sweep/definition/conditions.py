"""Conditions of hyperparameters: which of them a trial has, given the values of the others."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sweep.definition.problem import Keys, Problem, format_choices, format_value
from sweep.definition.space import Condition, Entry, FloatEntry

Space = Mapping[str, Entry]


def suggestion_order(space: Space) -> list[str]:
    """Return the names of the hyperparameters, each after those that its condition names.

    Without conditions, this is the order of the study file.
    """
    return list(TopologicalSorter({name: entry.when for name, entry in space.items()}).static_order())


def holds(condition: Condition, params: Mapping[str, Any]) -> bool:
    """Return whether a condition holds in a trial with these hyperparameters."""
    return all(parent in params and params[parent] in values for parent, values in condition.items())


def present_params(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters that a trial with these values has, in the order of the study file.

    Args:
        space: The search space.
        values: A value of each hyperparameter. Values of absent ones, which are ignored, may be missing.
    """
    present: dict[str, Any] = {}
    for name in suggestion_order(space):
        if holds(space[name].when, present):
            present[name] = values.get(name)
    return {name: present[name] for name in space if name in present}


def num_points(space: Space) -> int | None:
    """Return the number of points of a search space; None if it is not finite.

    Points differ in the hyperparameters that they have, or in the values of these.
    """
    numbers = {name: entry.num_values() for name, entry in space.items()}
    finite = {name: number for name, number in numbers.items() if number is not None}
    if len(finite) < len(space):
        return None
    named: dict[str, list[Any]] = {name: [] for name in space}
    for entry in space.values():
        for parent, values in entry.when.items():
            named[parent] += [value for value in values if value not in named[parent]]
    order = suggestion_order(space)

    def count(index: int, params: Mapping[str, Any]) -> int:
        if index == len(order):
            return 1
        name = order[index]
        if not holds(space[name].when, params):
            return count(index + 1, params)
        # Only values that a condition names make a difference for the hyperparameters that follow.
        points = [count(index + 1, {**params, name: value}) for value in named[name]]
        if num_others := finite[name] - len(named[name]):
            points.append(num_others * count(index + 1, params))
        return sum(points)

    return count(0, {})


def requirements(space: Space, name: str) -> Condition:
    """Return the complete condition of a hyperparameter, including the conditions of those that it names.

    An empty tuple of values means that the condition cannot hold.
    """
    required: dict[str, tuple[Any, ...]] = {}
    for parent, values in space[name].when.items():
        for ancestor, allowed in [(parent, values), *requirements(space, parent).items()]:
            before = required.get(ancestor, allowed)
            required[ancestor] = tuple(value for value in allowed if value in before)
    return required


def restricted_space(space: Space, values: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the part of a search space that remains if some hyperparameters have fixed values.

    Conditions on these hyperparameters are decided: entries are removed if theirs does not hold.
    """
    remaining: dict[str, Entry] = {}
    for name in suggestion_order(space):
        when = space[name].when
        decided = {parent: wanted for parent, wanted in when.items() if parent not in remaining}
        if name not in values and holds(decided, values):
            undecided = {parent: wanted for parent, wanted in when.items() if parent in remaining}
            remaining[name] = space[name].model_copy(update={"when": undecided})
    return {name: remaining[name] for name in space if name in remaining}


def format_condition(condition: Condition) -> str:
    """Return a condition as text, such as `optimizer is "sgd" or "adam", and layers is 3`."""
    return ", and ".join(
        f"{parent} is {' or '.join(map(format_value, values))}" for parent, values in condition.items()
    )


def condition_problems(space: Space, points: Mapping[Keys, Mapping[str, Any]]) -> Iterator[Problem]:
    """Find the conditions that are wrong, and otherwise the values of points that a trial would not have.

    Args:
        space: The search space.
        points: Values of some hyperparameters, by the key path at which the study file contains them.
    """
    problems = list(_problems_of_conditions(space))
    yield from problems
    if not problems:
        for keys, point in points.items():
            yield from _problems_of_point(space, keys, point)


def _problems_of_conditions(space: Space) -> Iterator[Problem]:
    """Find the conditions that name wrong hyperparameters or values, or that cannot hold."""
    problems = [problem for name in space for problem in _problems_of_entry(space, name, space[name])]
    yield from problems
    if problems:
        return
    try:
        suggestion_order(space)
    except CycleError as error:
        cycle = error.args[1][::-1]
        yield Problem(("space", cycle[0], "when"), f"the conditions form a cycle: {' → '.join(cycle)}")
        return
    for name in space:
        for ancestor, allowed in requirements(space, name).items():
            if not allowed:
                yield Problem(
                    ("space", name, "when"),
                    f"cannot hold: with the conditions of the hyperparameters that it names, it requires two "
                    f"different values of {ancestor}",
                )


def _problems_of_entry(space: Space, name: str, entry: Entry) -> Iterator[Problem]:
    for parent, values in entry.when.items():
        keys = ("space", name, "when", parent)
        if parent not in space:
            others = [other for other in space if other != name]
            yield Problem(keys, f"is not in space; {format_choices(parent, others)}")
        elif isinstance(space[parent], FloatEntry):
            yield Problem(keys, "is of type float, but a condition needs one of type categorical or int")
        else:
            for value in values:
                if not space[parent].contains(value):
                    yield Problem(keys, f"must be {space[parent]}, but is {format_value(value)}")


def _problems_of_point(space: Space, keys: Keys, point: Mapping[str, Any]) -> Iterator[Problem]:
    for name in point:
        if name not in space:
            continue
        for parent, values in requirements(space, name).items():
            only = f"is present only if {format_condition({parent: values})}"
            if parent not in point:
                yield Problem((*keys, name), f"{only}, so {parent} must be given too")
            elif point[parent] not in values:
                yield Problem((*keys, name), f"{only}, but {parent} is {format_value(point[parent])}")
