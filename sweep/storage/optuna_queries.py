"""Optuna's tables in plain SQL, for the little that its API answers slowly or has no call for.

They are those of Optuna 5, which this package is bound to. Nothing here imports Optuna.
"""

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    column,
    func,
    literal_column,
    null,
    select,
    table,
    update,
)

_studies = table("studies", column("study_id"), column("study_name"))
_trials = table(
    "trials",
    column("trial_id"),
    column("study_id"),
    column("number"),
    column("state"),
    column("datetime_complete"),
)
_values = table("trial_values", column("trial_id"), column("value"))

# written out, since to PostgreSQL a state is no text
_COMPLETE: ColumnElement[str] = literal_column("'COMPLETE'")
_FAIL: ColumnElement[str] = literal_column("'FAIL'")
_RUNNING: ColumnElement[str] = literal_column("'RUNNING'")
_WAITING: ColumnElement[str] = literal_column("'WAITING'")


def num_waiting(study: str) -> Select[int]:
    """How many points of the study file's list no trial has been made of yet."""
    return select(func.count()).select_from(_trials).where(_is_of(study), _trials.c.state == _WAITING)


def values(trial_ids: Select[int]) -> Select[int, float | None]:
    """The objective's value by Optuna's id of the trial."""
    return select(_values.c.trial_id, _values.c.value).where(_values.c.trial_id.in_(trial_ids))


def best_numbers(study: str, maximize: bool, limit: int) -> Select[int]:
    """The numbers of the best complete trials, the best first."""
    value = _values.c.value.desc() if maximize else _values.c.value.asc()
    return (
        select(_trials.c.number)
        .join_from(_trials, _values, _trials.c.trial_id == _values.c.trial_id)
        .where(_is_of(study), _trials.c.state == _COMPLETE, _values.c.value.is_not(None))
        .order_by(value, _trials.c.number)
        .limit(limit)
    )


def reopened(trial_id: int) -> Update:
    """The statement that has a failed trial run again under its number; any other trial it leaves alone.

    Optuna's API opens no ended trial. A failed one has no value, so no sampler and no pruner has drawn on
    it; its params and epochs stay. To Optuna it is then as if the trial had been running all the while.
    """
    is_it = (_trials.c.trial_id == trial_id) & (_trials.c.state == _FAIL)
    return update(_trials).where(is_it).values(state=_RUNNING, datetime_complete=null())


def _is_of(study: str) -> ColumnElement[bool]:
    its_id = select(_studies.c.study_id).where(_studies.c.study_name == study)
    return _trials.c.study_id == its_id.scalar_subquery()
