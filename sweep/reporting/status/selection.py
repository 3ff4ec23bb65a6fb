"""The selection of the trials that a status shows: a filter and an order."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sweep.errors import InputError
from sweep.goals import Goals
from sweep.states import AttemptState
from sweep.storage.status_queries import TrialStatus
from sweep.terminal_text import one_line

FIELDS = ("number", "attempt", "epoch", "submitted_at", "started_at", "ended_at", "job_id", "host", "state")
"""The fields of a trial, besides its metrics and hyperparameters, by which trials are sorted and selected."""


class Selection(NamedTuple):
    """Which trials are shown, and in which order.

    Attributes:
        state: The state of the trials; None for any.
        where: The values that the trials have, by the name of a hyperparameter, a metric or a field.
        sort: The hyperparameter, metric or field to sort by; None for the number.
        is_reversed: Whether the order is reversed. Trials without a value are last in both orders.
    """

    state: AttemptState | None = None
    where: Mapping[str, Any] = {}
    sort: str | None = None
    is_reversed: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether all trials are shown in the usual order."""
        return self == Selection()


def selected_trials(
    trials: Sequence[TrialStatus], selection: Selection, goals: Goals, params: Iterable[str]
) -> list[TrialStatus]:
    """Return the trials of a selection in its order: by an objective the best first, otherwise ascending.

    Args:
        trials: All trials by number.
        selection: The selection.
        goals: The objectives of the study.
        params: The names of the hyperparameters that are searched.

    Raises:
        InputError: If the selection names neither a hyperparameter nor a metric nor a field.
    """
    objectives = {objective.metric: objective for objective in goals.objectives}
    values = [_values(trial, list(objectives)) for trial in trials]
    names = {*FIELDS, *objectives, *params, *(name for each in values for name in each)}
    for name in [*selection.where, *([selection.sort] if selection.sort is not None else [])]:
        if name not in names:
            known = ", ".join(one_line(each) for each in [*sorted(names - {*FIELDS}), *FIELDS])
            raise InputError(f"trials have no {one_line(name)!r}; they have: {known}")
    matching = [
        (trial, found)
        for trial, found in zip(trials, values, strict=True)
        if (selection.state is None or trial.state is selection.state)
        and all(_is_equal(found.get(name), value) for name, value in selection.where.items())
    ]
    if (sort := selection.sort) is None:
        return [trial for trial, _ in (reversed(matching) if selection.is_reversed else matching)]
    present = [pair for pair in matching if not _is_missing(pair[1].get(sort))]
    is_descending = sort in objectives and objectives[sort].maximizes
    present.sort(key=lambda pair: _sort_key(pair[1][sort]), reverse=is_descending != selection.is_reversed)
    missing = [pair for pair in matching if _is_missing(pair[1].get(sort))]
    return [trial for trial, _ in [*present, *missing]]


def _values(trial: TrialStatus, objectives: Sequence[str]) -> dict[str, Any]:
    """Return what a trial is selected by; of equal names, an objective and a hyperparameter come first."""
    fields = {name: getattr(trial, name) for name in FIELDS}
    return {**fields, **trial.metrics, **trial.params, **dict(zip(objectives, trial.values, strict=True))}


def _is_equal(found: Any, wanted: Any) -> bool:
    """Return whether a value is the wanted one or is printed so; unlike with ==, true and 1 are different."""
    if isinstance(found, bool) == isinstance(wanted, bool) and found == wanted:
        return True
    return found is not None and not isinstance(found, bool) and str(found) == str(wanted)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _sort_key(value: Any) -> tuple[bool, Any]:
    """Return a key that sorts numbers before texts."""
    is_number = isinstance(value, int | float)
    return not is_number, value if is_number else str(value)
