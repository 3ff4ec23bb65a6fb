"""A recorded study for tests, written to the database row by row as a launcher writes it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial
from sqlalchemy import Engine, NullPool
from sqlalchemy.orm import Session

from sweep.goals import goals_of
from sweep.reporting.status.study_status import StudyStatus, study_status
from sweep.storage.database import real_url, upgrade
from sweep.storage.optuna_storage import optuna_trial_id
from sweep.storage.studies import create_study
from sweep.storage.tables import AttemptRow, EpochRow, StudyRow, TrialRow

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OF_OPTUNA = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

DEFINITION = {
    "metric": "score", "direction": "maximize", "trials": 10, "parallel": 2, "space": {},
    "budget": {"hours": None, "gpu_hours": None},
}  # fmt: skip
ATTEMPT = {
    "token": "abc", "job_name": "toy.0", "job_size": 1, "is_cost_final": True, "num_gpus": 1,
    "gpu_seconds": 0.0, "metrics_offset": 0, "notes": {},
    "submitted_at": NOON,
}  # fmt: skip


def minutes(number: float) -> datetime:
    """Return the time this many minutes after noon."""
    return NOON + timedelta(minutes=number)


class RecordedStudy:
    """A study in a database. Its trials are added in the order of their numbers."""

    def __init__(self, engine: Engine, name: str = "toy", **definition: Any) -> None:
        upgrade(engine)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        definition = {**DEFINITION, "name": name, **definition}
        self.engine = engine
        # No connection stays open after its use.
        storage = RDBStorage(real_url(engine.url), engine_kwargs={"poolclass": NullPool})
        directions = [objective.direction for objective in goals_of(definition).objectives]
        self.optuna = optuna.create_study(study_name=name, storage=storage, directions=directions)
        self.id = create_study(engine, name, definition, {}, "sweeps").id
        self.change(created_at=NOON)

    def change(self, **columns: Any) -> None:
        """Set columns of the study's row."""
        with Session(self.engine) as session:
            study = session.get_one(StudyRow, self.id)
            for name, value in columns.items():
                setattr(study, name, value)
            session.commit()

    def add(
        self,
        *attempts: Mapping[str, Any],
        value: float | Sequence[float] | None = None,
        violations: Sequence[float] = (),
        epochs: Mapping[int, float] | None = None,
        params: Mapping[str, tuple[Any, BaseDistribution]] | None = None,
    ) -> int:
        """Add a trial with these attempts, the last of which determines its state, and return its number.

        Hyperparameters have a value and a distribution.
        """
        state = OF_OPTUNA.get(attempts[-1]["state"], TrialState.RUNNING)
        values = [value] if isinstance(value, float) else value
        attributes = {"constraints": list(violations)} if violations else {}
        params = params or {}
        self.optuna.add_trial(
            create_trial(
                state=state,
                values=values,
                params={name: value for name, (value, _) in params.items()},
                distributions={name: distribution for name, (_, distribution) in params.items()},
                system_attrs=attributes,
            )
        )
        of_optuna = self.optuna.get_trials(deepcopy=False)[-1]
        trial = TrialRow(
            study_id=self.id, number=of_optuna.number, optuna_trial_id=optuna_trial_id(of_optuna),
            seed=0, folder="",
            attempts=[AttemptRow(**{**ATTEMPT, "number": number, **attempt})
                      for number, attempt in enumerate(attempts, start=1)],
        )  # fmt: skip
        with Session(self.engine) as session:
            session.add(trial)
            session.flush()
            for epoch, score in (epochs or {}).items():
                for metric, found in (("score", score), ("loss", -1000.0)):
                    session.add(
                        EpochRow(trial_id=trial.id, epoch=epoch, metric=metric, value=found, reported_at=NOON)
                    )
            session.commit()
        return of_optuna.number


COMPLETE = {"state": "complete", "started_at": minutes(1), "ended_at": minutes(11), "gpu_seconds": 600.0}
PRUNED = {**COMPLETE, "state": "pruned"}
FAILED = {**COMPLETE, "state": "failed", "cause": "error"}
RUNNING = {"state": "running", "job_id": "7_1", "host": "n1", "gpu": "A100", "started_at": minutes(20)}
PENDING = {"state": "pending", "job_id": "7_2", "submitted_at": minutes(25)}


def status_of(study: RecordedStudy, num_shown: int | None = None, at_minute: float = 30) -> StudyStatus:
    """Return the status of a study at this many minutes after noon."""
    return study_status(study.engine, study.id, minutes(at_minute), num_shown)
