"""Plain SQL on Optuna's tables, where its API is slow or has no equivalent.

The names of tables and columns are those of the Optuna release that `optuna_storage.py` is bound to. This
module does not import Optuna, so that `sweep status` starts quickly.
"""

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Update,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    table,
    update,
)

_studies = table("studies", column("study_id"), column("study_name"))
_directions = table("study_directions", column("study_id"), column("direction"), column("objective"))
_trials = table(
    "trials",
    column("trial_id"),
    column("study_id"),
    column("number"),
    column("state"),
    column("datetime_complete"),
)
_values = table("trial_values", column("trial_id"), column("objective"), column("value"))
_params = table(
    "trial_params",
    column("trial_id"),
    column("param_name"),
    column("param_value"),
    column("distribution_json"),
)
_system_attributes = table("trial_system_attributes", column("trial_id"), column("key"), column("value_json"))

TABLES = (_studies, _directions, _trials, _values, _params, _system_attributes)
"""The tables of Optuna that are read or written here, with the columns that are used."""

# States are literals because PostgreSQL stores them in an enum type, which it does not compare with text.
_COMPLETE: ColumnElement[str] = literal_column("'COMPLETE'")
_FAIL: ColumnElement[str] = literal_column("'FAIL'")
_RUNNING: ColumnElement[str] = literal_column("'RUNNING'")
_PRUNED: ColumnElement[str] = literal_column("'PRUNED'")
_WAITING: ColumnElement[str] = literal_column("'WAITING'")

CONSTRAINTS = "constraints"
"""The system attribute of a trial that contains by how much it violates each constraint, as a JSON list."""

STUDIES_TABLE = _studies.name
"""The name of Optuna's table of studies."""


def study_names() -> Select[str]:
    """Return a query for the names of all studies."""
    return select(_studies.c.study_name)


def study_id(study: str) -> Select[int]:
    """Return a query for Optuna's id of the study of that name."""
    return select(_studies.c.study_id).where(_studies.c.study_name == study)


def numbers_and_ids(study: str) -> Select[int, int]:
    """Return a query for the numbers of a study's trials with Optuna's ids of them."""
    return select(_trials.c.number, _trials.c.trial_id).where(_is_of(study))


def directions(study: str) -> Select[str]:
    """Return a query for the directions of a study's objectives, such as MAXIMIZE; empty without a study."""
    query = select(cast(_directions.c.direction, String)).join_from(
        _directions, _studies, _directions.c.study_id == _studies.c.study_id
    )
    return query.where(_studies.c.study_name == study).order_by(_directions.c.objective)


def num_ended(study: str) -> Select[int]:
    """Return a query for the number of trials that have ended."""
    has_ended = _trials.c.state.in_((_COMPLETE, _PRUNED, _FAIL))
    return select(func.count()).select_from(_trials).where(_is_of(study), has_ended)


def num_waiting(study: str) -> Select[int]:
    """Return a query for the number of enqueued points that no trial has been proposed for."""
    return select(func.count()).select_from(_trials).where(_is_of(study), _trials.c.state == _WAITING)


def values(trial_ids: Select[int]) -> Select[int, float | None]:
    """Return a query for Optuna's ids of trials with the values of their objectives, in the study's order."""
    of_trials = _values.c.trial_id.in_(trial_ids)
    return select(_values.c.trial_id, _values.c.value).where(of_trials).order_by(_values.c.objective)


def params(trial_ids: Select[int]) -> Select[int, str, float, str]:
    """Return a query for Optuna's ids of trials with the names, values and distributions of their parameters.

    `params_by_trial` in `trial_params.py` decodes the values.
    """
    selected = select(
        _params.c.trial_id, _params.c.param_name, _params.c.param_value, _params.c.distribution_json
    )
    return selected.where(_params.c.trial_id.in_(trial_ids))


def complete_values(study: str) -> Select[int, float | None]:
    """Return a query for the numbers of the complete trials with the values of their objectives.

    A trial has one row per objective, in the study's order. The value is null if it is infinite.
    """
    return (
        select(_trials.c.number, _values.c.value)
        .join_from(_trials, _values, _trials.c.trial_id == _values.c.trial_id)
        .where(_is_of(study), _trials.c.state == _COMPLETE)
        .order_by(_trials.c.number, _values.c.objective)
    )


def violations(study: str) -> Select[int, str]:
    """Return a query for the numbers of the trials that have constraints, with their violations as JSON."""
    return (
        select(_trials.c.number, _system_attributes.c.value_json)
        .join_from(_trials, _system_attributes, _trials.c.trial_id == _system_attributes.c.trial_id)
        .where(_is_of(study), _system_attributes.c.key == CONSTRAINTS)
    )


def best_numbers(study: str, maximize: bool, limit: int | None = None) -> Select[int]:
    """Return a query for the numbers of the best trials of a study with a single objective, the best first.

    The best trial is the complete trial with the best finite value; of several with equal values, the one
    with the lowest number.

    Args:
        study: The study's name.
        maximize: Whether the objective is maximized.
        limit: The maximum number of trials; None for all.
    """
    value = _values.c.value.desc() if maximize else _values.c.value.asc()
    return (
        select(_trials.c.number)
        .join_from(_trials, _values, _trials.c.trial_id == _values.c.trial_id)
        .where(_is_of(study), _trials.c.state == _COMPLETE, _values.c.value.is_not(None))
        .order_by(value, _trials.c.number)
        .limit(limit)
    )


def reopen(trial_id: int) -> Update:
    """Return a statement that sets a failed trial to running again and leaves any other trial unchanged.

    Optuna's API cannot reopen a trial that has ended. A failed trial has no value, so no sampler or pruner
    has used it, and it keeps its hyperparameters and epochs. To Optuna, it is a trial that has not ended yet.
    """
    is_failed = (_trials.c.trial_id == trial_id) & (_trials.c.state == _FAIL)
    return update(_trials).where(is_failed).values(state=_RUNNING, datetime_complete=null())


def _is_of(study: str) -> ColumnElement[bool]:
    return _trials.c.study_id == study_id(study).scalar_subquery()
