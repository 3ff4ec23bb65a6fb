"""From attempts that wait to jobs: put together, named, committed, handed in."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweep.definition.study import Study
from sweep.errors import StudyFailedError
from sweep.launcher.proposals import Proposals
from sweep.launcher.retries import Failure, demand_after
from sweep.scheduler.executor import Executor, SubmissionError, TemporarySubmissionError
from sweep.scheduler.job import Job, ResourceOverride
from sweep.states import AttemptState
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder, submission_folder
from sweep.worker.documents import TrialSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """Where and how a study's trials run."""

    workdir: Path
    code_dir: Path
    num_gpus: int  # of one job
    threads: int | None  # of one trial; None leaves the train function its defaults
    trials_per_job: int


@dataclass
class Submitter:
    """Hands in the attempts that wait. Those that wait together go out together, as one array of jobs.

    The order of its writes lets a crash do no harm: the jobs' names are committed before the jobs are
    submitted, their ids after it. Jobs that the next launcher finds by name are not submitted again.
    """

    study: Study
    setting: Setting
    executor: Executor
    records: StudyRecords
    proposals: Proposals
    _waiting: list[AttemptRow] = field(default_factory=list)

    def add(self, attempt: AttemptRow) -> None:
        self._waiting.append(attempt)

    def clear(self) -> None:
        self._waiting.clear()

    def holds(self, attempt: AttemptRow) -> bool:
        return any(attempt is waiting for waiting in self._waiting)

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    def submit(self) -> None:
        """Submit what waits.

        What the cluster cannot take just now waits for the next turn, which looks for it first.

        Raises
        ------
        StudyFailedError
            When a submission is refused. Its attempts stay as they are: the next launch submits them.
        """
        waiting, self._waiting = self._waiting, []
        at_once = self.setting.trials_per_job
        if len(waiting) > at_once:  # what the largest submission is may be a question to the cluster
            at_once *= self.executor.max_submission_size
        alike: dict[ResourceOverride, list[AttemptRow]] = {}
        for attempt in waiting:
            alike.setdefault(self._demand(attempt), []).append(attempt)
        for demand, attempts in alike.items():
            for together in _portions(attempts, at_once):
                self._submit_together(together, demand)

    def _demand(self, attempt: AttemptRow) -> ResourceOverride:
        failures = [
            Failure(earlier.cause, earlier.host)
            for earlier in attempt.trial.attempts
            if earlier.number < attempt.number and earlier.cause is not None
        ]
        return demand_after(failures, self.study.failures.memory_factor)

    def _submit_together(self, attempts: Sequence[AttemptRow], demand: ResourceOverride) -> None:
        submission = f"{self.study.name}-{attempts[0].trial.number}-{secrets.token_hex(4)}"
        packs = list(_portions(attempts, self.setting.trials_per_job))
        for index, pack in enumerate(packs):
            for attempt in pack:
                attempt.job_name, attempt.job_size = f"{submission}.{index}", len(pack)
        self.records.save(attempts)
        for attempt in attempts:
            folder_of(attempt).create(self._spec(attempt))
        try:
            job_ids = self.executor.submit([replace(job_of(pack), resources=demand) for pack in packs])
        except TemporarySubmissionError as error:
            logger.warning("%s cannot be submitted just now: %s", submission, error)
            return
        except SubmissionError as error:
            raise StudyFailedError(
                f"study {self.study.name} is stopped, its jobs are refused:\n{error}"
            ) from error
        for pack, job_id in zip(packs, job_ids, strict=True):
            for attempt in pack:
                attempt.job_id, attempt.state = job_id, AttemptState.PENDING
        self.records.save(attempts)
        for attempt in attempts:
            logger.info("%s: submitted as job %s", title(attempt), attempt.job_id)

    def _spec(self, attempt: AttemptRow) -> TrialSpec:
        trial = attempt.trial
        earlier = [
            str(attempt_folder(Path(trial.folder), other.number, other.token).path)
            for other in trial.attempts
            if other.number < attempt.number
        ]
        return TrialSpec(
            study=self.study.name,
            number=trial.number,
            attempt=attempt.number,
            token=attempt.token,
            train=self.study.train,
            metric=self.study.metric,
            params={**self.study.fixed, **self.proposals.params(trial.optuna_trial_id)},
            seed=trial.seed,
            dataset=self.study.dataset,
            data_dir=self.study.data_dir,
            code_dir=str(self.setting.code_dir),
            threads=self.setting.threads,
            earlier_attempts=tuple(reversed(earlier)),
        )


def job_of(attempts: Sequence[AttemptRow]) -> Job:
    """The job that these attempts share."""
    first = attempts[0]
    assert first.job_name is not None
    return Job(
        name=first.job_name,
        folder=submission_folder(Path(first.trial.folder), first.job_name.rpartition(".")[0]),
        attempts=tuple(folder_of(attempt) for attempt in attempts),
        id=first.job_id,
    )


def folder_of(attempt: AttemptRow) -> AttemptFolder:
    return attempt_folder(Path(attempt.trial.folder), attempt.number, attempt.token)


def title(attempt: AttemptRow) -> str:
    """An attempt as messages call it."""
    again = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"trial {attempt.trial.number}{again}"


def _portions(attempts: Sequence[AttemptRow], size: int) -> Iterator[Sequence[AttemptRow]]:
    for start in range(0, len(attempts), size):
        yield attempts[start : start + size]
