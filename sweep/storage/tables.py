"""Our tables. Optuna owns its own in the same database; params and objective values stay there alone."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, Enum, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from sweep.states import AttemptState, Cause, Stop, StringEnum

PREFIX = "sweep_"
MOMENT = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")  # whose own drops the parts of a second


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored as UTC; SQLite and MySQL forget time zones, so it is put back when read."""

    impl = MOMENT
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def _stored_by_value(kind: type[StringEnum]) -> Enum:
    """The column type of an enum: its values as text, without a constraint that a new member would change."""
    return Enum(
        kind, values_callable=lambda members: [m.value for m in members], native_enum=False, length=16
    )


class Table(DeclarativeBase):
    """Base of our tables."""

    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        float: Double(),
        AttemptState: _stored_by_value(AttemptState),
        Cause: _stored_by_value(Cause),
        Stop: _stored_by_value(Stop),
    }


class StudyRow(Table):
    """A study as it was launched. Its name is the Optuna study's."""

    __tablename__ = f"{PREFIX}studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    definition: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]  # git commit and whether dirty, data checksum, command
    workdir: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    launcher: Mapped[str | None] = mapped_column(
        String(255)
    )  # "host pid token" of the one that has the lease
    launcher_seen_at: Mapped[datetime | None]
    cluster: Mapped[str | None] = mapped_column(String(255))  # the profile it was last launched with
    stop: Mapped[Stop | None]  # how a user has requested the study to stop
    baselines: Mapped[dict[str, Any] | None]  # what its `baselines` function returned


class EnvironmentRow(Table):
    """The Python and packages that attempts ran with; few, shared by many attempts."""

    __tablename__ = f"{PREFIX}environments"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]]  # python, packages


class TrialRow(Table):
    """A trial. Its number is the Optuna trial's."""

    __tablename__ = f"{PREFIX}trials"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey(StudyRow.id))
    number: Mapped[int]
    optuna_trial_id: Mapped[int]
    seed: Mapped[int]
    folder: Mapped[str] = mapped_column(Text)
    retry_requested: Mapped[bool] = mapped_column(default=False)  # by a person, of a failed trial
    attempts: Mapped[list["AttemptRow"]] = relationship(
        back_populates="trial", order_by="AttemptRow.number", lazy="raise"
    )


class AttemptRow(Table):
    """One attempt at a trial: one job, or its share of one."""

    __tablename__ = f"{PREFIX}attempts"
    __table_args__ = (UniqueConstraint("trial_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey(TrialRow.id))
    number: Mapped[int]  # counted from 1
    token: Mapped[str] = mapped_column(String(32))
    state: Mapped[AttemptState] = mapped_column(index=True)
    cause: Mapped[Cause | None]
    error: Mapped[str | None] = mapped_column(Text)  # the traceback, or the scheduler's words
    job_name: Mapped[str | None] = mapped_column(String(255))  # given right before the job is submitted
    job_size: Mapped[int]  # how many attempts share the job
    job_id: Mapped[str | None] = mapped_column(String(255))
    job_ended_at: Mapped[datetime | None]  # when the job was first seen to have ended
    host: Mapped[str | None] = mapped_column(String(255))
    gpu: Mapped[str | None] = mapped_column(String(255))
    num_gpus: Mapped[int]
    submitted_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    stop_requested_at: Mapped[datetime | None]
    gpu_seconds: Mapped[float]  # its share of the job's
    is_cost_final: Mapped[
        bool
    ]  # whether gpu_seconds is the scheduler's final count; before, the worker's clock
    metrics_offset: Mapped[int]  # bytes of metrics.jsonl that are in the database
    environment: Mapped[str | None] = mapped_column(ForeignKey(EnvironmentRow.digest))
    notes: Mapped[dict[str, Any]]  # what the train function wanted remembered
    trial: Mapped[TrialRow] = relationship(back_populates="attempts", lazy="raise")


class EpochRow(Table):
    """One metric of one epoch. NULL where the metric was not a finite number."""

    __tablename__ = f"{PREFIX}epochs"

    trial_id: Mapped[int] = mapped_column(ForeignKey(TrialRow.id), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[float | None]
    reported_at: Mapped[datetime]


class FinalMetricRow(Table):
    """One metric that the train function returned; the objective is not here, Optuna has it."""

    __tablename__ = f"{PREFIX}final_metrics"

    trial_id: Mapped[int] = mapped_column(ForeignKey(TrialRow.id), primary_key=True)
    metric: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[float | None]
