"""The hyperparameters of trials, read from Optuna's tables without importing Optuna."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from sweep.storage import optuna_queries
from sweep.storage.tables import StudyRow, TrialRow


class _Distribution(NamedTuple):
    """What determines the value of a stored number: the choices, or whether it is an integer."""

    choices: Sequence[Any] | None
    is_integer: bool

    def decode(self, stored: float) -> Any:
        """Return the value that Optuna stores as this number."""
        if self.choices is not None:
            return self.choices[int(stored)]
        return int(stored) if self.is_integer else stored


def params_by_trial(
    session: Session, optuna_trial_ids: Select[int], order: Sequence[str]
) -> dict[int, dict[str, Any]]:
    """Return the searched hyperparameters of trials, by Optuna's id of the trial and by name.

    Args:
        session: A session of the database.
        optuna_trial_ids: A query for Optuna's ids of the trials.
        order: The names of hyperparameters in the study's order. Others follow by name.
    """
    ranks = {name: rank for rank, name in enumerate(order)}
    distributions: dict[str, _Distribution] = {}
    found: dict[int, dict[str, Any]] = {}
    for trial_id, name, stored, text in session.execute(optuna_queries.params(optuna_trial_ids)):
        if (distribution := distributions.get(text)) is None:
            distribution = distributions[text] = _parsed(text)
        found.setdefault(trial_id, {})[name] = distribution.decode(stored)
    return {
        trial_id: {
            name: params[name]
            for name in sorted(params, key=lambda name: (ranks.get(name, len(ranks)), name))
        }
        for trial_id, params in found.items()
    }


def params_by_number(session: Session, study: StudyRow) -> dict[int, dict[str, Any]]:
    """Return the searched hyperparameters of a study's trials, by the number of the trial and by name."""
    of_study = TrialRow.study_id == study.id
    found = params_by_trial(
        session, select(TrialRow.optuna_trial_id).where(of_study), list(study.definition["space"])
    )
    rows = session.execute(select(TrialRow.number, TrialRow.optuna_trial_id).where(of_study))
    return {number: found.get(optuna_id, {}) for number, optuna_id in rows}


def _parsed(text: str) -> _Distribution:
    document = json.loads(text)
    return _Distribution(document["attributes"].get("choices"), document["name"].startswith("Int"))
