"""The tables of this package, next to Optuna's in the same database.

The hyperparameters of a trial and its values of the objectives are stored in Optuna's tables only.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, Enum, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from sweep.goals import Goals, goals_of
from sweep.states import AttemptState, Cause, Stop, StringEnum

PREFIX = "sweep_"
MOMENT = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
"""A date and time; MySQL's own type drops fractions of a second unless their number of digits is given."""
METRIC_NAME = String(128).with_variant(
    mysql.VARCHAR(128, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
"""The name of a metric; MySQL's usual collations compare names without regard to case and accents."""


class UtcDateTime(TypeDecorator[datetime]):
    """A date and time, stored in UTC. SQLite and MySQL store no time zone, so it is added when read."""

    impl = MOMENT
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def _stored_by_value(kind: type[StringEnum]) -> Enum:
    """Return the column type of an enum: its values as text, without a constraint on what they are.

    A new member therefore needs no migration.
    """
    return Enum(
        kind,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        length=16,
        validate_strings=True,
    )


class Table(DeclarativeBase):
    """Base class of the tables."""

    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        float: Double(),
        AttemptState: _stored_by_value(AttemptState),
        Cause: _stored_by_value(Cause),
        Stop: _stored_by_value(Stop),
    }


class StudyRow(Table):
    """A study. It has the name of its Optuna study.

    Attributes:
        definition: The study file as JSON values, as of the last launch.
        provenance: The origin of the study: git commit, data checksum, command, and so on.
        workdir: The folder that holds the trial folders.
        created_at: When the study was first launched.
        launcher: The launcher that holds the lease, as "HOST PID TOKEN".
        launcher_seen_at: The last heartbeat of that launcher, or the time at which the last one ended.
        cluster: The name of the profile that the study was last launched with.
        stop: The kind of stop that a user has requested.
        baselines: What the study's `baselines` function returned.
        snapshot: The digest of the snapshot of the code that new trials run; None if the study was last
            launched by an earlier version.
        stopped_early: Why the study's rules have ended it before all trials were proposed; None if they have
            not.
    """

    __tablename__ = f"{PREFIX}studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    definition: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]
    workdir: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    launcher: Mapped[str | None] = mapped_column(String(255))
    launcher_seen_at: Mapped[datetime | None]
    cluster: Mapped[str | None] = mapped_column(String(255))
    stop: Mapped[Stop | None]
    baselines: Mapped[dict[str, Any] | None]
    snapshot: Mapped[str | None] = mapped_column(String(64))
    stopped_early: Mapped[str | None] = mapped_column(Text)

    @property
    def goals(self) -> Goals:
        """The objectives and constraints of the study."""
        return goals_of(self.definition)

    @property
    def directions(self) -> list[str]:
        """The directions of the objectives, as Optuna's tables contain them."""
        return [objective.direction.upper() for objective in self.goals.objectives]


class EnvironmentRow(Table):
    """A Python environment that attempts ran in. Many attempts share one row.

    Attributes:
        digest: The SHA-256 of the content.
        content: The version of Python as `python`, and versions by package name as `packages`.
    """

    __tablename__ = f"{PREFIX}environments"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]]


class SnapshotRow(Table):
    """A snapshot of the code of a study's project. Its files are in the study's folder.

    Attributes:
        digest: The SHA-256 of the list of files.
        git_commit: The commit that the project was at; None outside a repository.
        is_clean: Whether the files were those of the commit; None outside a repository.
        created_at: When the snapshot was recorded.
        files: The kind and the SHA-256 of each file by its path.
    """

    __tablename__ = f"{PREFIX}snapshots"

    study_id: Mapped[int] = mapped_column(ForeignKey(StudyRow.id), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    git_commit: Mapped[str | None] = mapped_column(String(64))
    is_clean: Mapped[bool | None]
    created_at: Mapped[datetime]
    files: Mapped[dict[str, Any]]


class TrialRow(Table):
    """A trial. It has the number of its Optuna trial.

    Attributes:
        optuna_trial_id: Optuna's id of the trial, which is unique across studies.
        seed: The random seed of all attempts of the trial.
        folder: The trial's folder.
        retry_requested: Whether a user has requested another attempt of the failed trial.
        attempts: The attempts in the order of their numbers.
    """

    __tablename__ = f"{PREFIX}trials"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey(StudyRow.id))
    number: Mapped[int]
    optuna_trial_id: Mapped[int]
    seed: Mapped[int]
    folder: Mapped[str] = mapped_column(Text)
    retry_requested: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[list["AttemptRow"]] = relationship(
        back_populates="trial", order_by="AttemptRow.number", lazy="raise"
    )


class AttemptRow(Table):
    """One attempt of a trial: a job, or one of several attempts that share a job.

    Attributes:
        number: The attempt's number within its trial, counted from 1.
        token: A random string that identifies the attempt's files.
        state: The state of the attempt.
        cause: Why the attempt failed.
        error: The traceback, or the end of the job's own output.
        exit_status: How the process ended, as `exit code 3` or `signal SIGSEGV`, if it left no result.
        job_name: The unique name of the job, recorded right before the job is submitted.
        job_size: The number of attempts that share the job.
        job_id: The scheduler's id of the job.
        job_ended_at: When the job was first observed to have ended.
        host: The node that the attempt ran on.
        gpu: The model of the GPU that it ran on.
        num_gpus: The number of GPUs of the job.
        submitted_at: When the attempt was created for submission.
        started_at: When the worker started the attempt, by the node's clock.
        ended_at: When the attempt ended.
        stop_requested_at: When the launcher requested a stop because the trial should be pruned.
        gpu_seconds: The attempt's share of the GPU seconds that its job has used, as far as recorded.
        is_cost_final: Whether `gpu_seconds` is final; until then it follows from the worker's clock.
        metrics_offset: The number of bytes of `metrics.jsonl` that the database contains.
        environment: The digest of the Python environment that the attempt ran in.
        notes: What the train function noted, such as a checksum of its data.
        snapshot: The digest of the snapshot of the code that the attempt runs; None for an attempt of an
            earlier version, which runs the project's own files.
    """

    __tablename__ = f"{PREFIX}attempts"
    __table_args__ = (UniqueConstraint("trial_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey(TrialRow.id))
    number: Mapped[int]
    token: Mapped[str] = mapped_column(String(32))
    state: Mapped[AttemptState] = mapped_column(index=True)
    cause: Mapped[Cause | None]
    error: Mapped[str | None] = mapped_column(Text)
    exit_status: Mapped[str | None] = mapped_column(String(64))
    job_name: Mapped[str | None] = mapped_column(String(255))
    job_size: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(String(255))
    job_ended_at: Mapped[datetime | None]
    host: Mapped[str | None] = mapped_column(String(255))
    gpu: Mapped[str | None] = mapped_column(String(255))
    num_gpus: Mapped[int]
    submitted_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    stop_requested_at: Mapped[datetime | None]
    gpu_seconds: Mapped[float]
    is_cost_final: Mapped[bool]
    metrics_offset: Mapped[int]
    environment: Mapped[str | None] = mapped_column(ForeignKey(EnvironmentRow.digest))
    notes: Mapped[dict[str, Any]]
    snapshot: Mapped[str | None] = mapped_column(String(64))
    trial: Mapped[TrialRow] = relationship(back_populates="attempts", lazy="raise")


class EpochRow(Table):
    """The value of one metric in one epoch of a trial; NULL if it is not a finite number."""

    __tablename__ = f"{PREFIX}epochs"

    trial_id: Mapped[int] = mapped_column(ForeignKey(TrialRow.id), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(METRIC_NAME, primary_key=True)
    value: Mapped[float | None]
    reported_at: Mapped[datetime]


class FinalMetricRow(Table):
    """One metric that the train function returned. The objectives are in Optuna's tables instead."""

    __tablename__ = f"{PREFIX}final_metrics"

    trial_id: Mapped[int] = mapped_column(ForeignKey(TrialRow.id), primary_key=True)
    metric: Mapped[str] = mapped_column(METRIC_NAME, primary_key=True)
    value: Mapped[float | None]
