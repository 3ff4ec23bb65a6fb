"""The reconciler: poll, decide, act, ask, submit. A first launch and a recovery are the same code."""

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from sweep.definition.study import Study
from sweep.errors import StudyFailedError
from sweep.execution.budget import exhausted
from sweep.execution.decide import ACTIVE, Action, AttemptState, Do, View, decide
from sweep.execution.ingest import epoch_rows, final_metric_rows, ingest_end, ingest_start, new_epochs
from sweep.execution.jobs import Executor, Job, JobState, SubmissionError
from sweep.execution.outage import with_patience
from sweep.execution.proposals import Proposals
from sweep.execution.retries import may_retry
from sweep.execution.trial import (
    AttemptFolder,
    Cause,
    Outcome,
    Result,
    TrialSpec,
    attempt_folder,
    trial_folder,
)
from sweep.storage.lease import Lease
from sweep.storage.records import StudyRecords
from sweep.storage.tables import AttemptRow, Table, TrialRow

logger = logging.getLogger(__name__)

STOP_GRACE = timedelta(minutes=2)


@dataclass(frozen=True)
class Setting:
    """Where and how a study's trials run."""

    workdir: Path
    code_dir: Path
    num_gpus: int  # of one job
    threads: int | None  # of one job; None leaves the train function its defaults
    poll_seconds: float


@dataclass
class Launcher:
    """Takes one study to its end. Killed at any moment and made anew, it goes on where it was.

    The order of its writes makes that so: an attempt's row before its job, the job's id after it; Optuna is
    told how a trial ended before our row says so. Both can be done twice.
    """

    study: Study
    setting: Setting
    executor: Executor
    records: StudyRecords
    proposals: Proposals
    lease: Lease
    launched_at: datetime  # the first time
    _to_submit: list[AttemptRow] = field(default_factory=list)
    _ended_since: dict[str, float] = field(default_factory=dict)  # job name -> when first seen ended
    _failures: list[Cause] = field(default_factory=list)  # of the last trials in a row, in this launch
    _was_broken_off: bool = True  # the last turn; the first one follows whatever was before this launch
    _closed: str | None = None  # why no more trials are asked for

    def run(self) -> None:
        """Poll until every trial has ended.

        Raises
        ------
        StudyFailedError
            When every trial failed, several in a row failed alike, or a job is refused.
        """
        while with_patience(self.step) > 0:
            time.sleep(self.setting.poll_seconds)
        self.conclude()

    def step(self) -> int:
        """One turn: look at every active attempt, fill the free slots, submit; how many trials are active.

        A turn that was broken off, by a crash or by the database, is put right at the start of the next.
        """
        self.lease.renew()
        if self._was_broken_off:
            self._recover()
        self._was_broken_off = True
        num_active = self.fill(self.poll())
        self.submit()
        self._was_broken_off = False
        return num_active

    def _recover(self) -> None:
        """Take up trials that were proposed and not recorded; polling finds what was not submitted."""
        self._to_submit.clear()
        for proposal in self.proposals.unrecorded(self.records.trial_numbers()):
            self._record(proposal)

    def poll(self) -> int:
        """One pass over the active attempts; how many trials are active after it."""
        attempts = self.records.active_attempts(ACTIVE)
        states = self._job_states(attempts)
        changed: list[Table] = []
        for attempt in attempts:
            changed += self._reconcile(attempt, states[attempt.job_name])
        self.records.save(changed)
        return sum(trial.attempts[-1].state in ACTIVE for trial in {attempt.trial for attempt in attempts})

    def fill(self, num_active: int) -> int:
        """Propose a trial for every free slot; how many trials are active then."""
        while num_active < self.study.parallel and not self._is_closed():
            self._to_submit.append(self._record(self.proposals.propose()))
            num_active += 1
        return num_active

    def submit(self) -> None:
        """Submit what waits to be submitted.

        Raises
        ------
        StudyFailedError
            When a job is refused. Its attempt stays as it is: the next launch submits it.
        """
        while self._to_submit:
            attempt = self._to_submit.pop(0)
            job = _job(attempt)
            job.folder.create(self._spec(attempt))
            try:
                attempt.job_id = self.executor.submit(job)
            except SubmissionError as error:
                raise StudyFailedError(
                    f"study {self.study.name} is stopped, its jobs are refused:\n{error}"
                ) from error
            attempt.state = AttemptState.PENDING
            self.records.save([attempt])
            logger.info("%s: submitted as job %s", _title(attempt), attempt.job_id)

    # one attempt: look, decide, act

    def _job_states(self, attempts: list[AttemptRow]) -> Mapping[str, JobState | None]:
        """Each attempt's job state, by job name; None for a job that was never submitted."""
        unknown_ids = [_job(attempt) for attempt in attempts if attempt.job_id is None]
        found = self.executor.find(unknown_ids) if unknown_ids else {}
        if found is None:
            return {attempt.job_name: JobState.UNKNOWN for attempt in attempts}
        for attempt in attempts:
            if attempt.job_name in found:
                attempt.job_id, attempt.state = found[attempt.job_name], AttemptState.PENDING
                logger.info("%s: found its job %s again", _title(attempt), attempt.job_id)
        jobs = [_job(attempt) for attempt in attempts if attempt.job_id is not None]
        states = self.executor.states(jobs) if jobs else {}
        return {attempt.job_name: states[attempt.job_id] if attempt.job_id else None for attempt in attempts}

    def _reconcile(self, attempt: AttemptRow, state: JobState | None) -> list[Table]:
        """Do what the attempt needs now; the rows to save."""
        folder = _folder(attempt)
        result = folder.read_result(attempt.token)  # before the epochs, so that none before it is missed
        ingest_start(attempt, folder, self.records)
        reports = new_epochs(attempt, folder, self.records)
        for report in reports:
            if self.study.metric in report.metrics:
                value = report.metrics[self.study.metric]
                self.proposals.report(attempt.trial.optuna_trial_id, report.epoch, value)
                logger.info(
                    "%s: epoch %d, %s = %.6g", _title(attempt), report.epoch, self.study.metric, value
                )
        action = decide(self._view(attempt, state, result))
        rows: list[Table] = [attempt, *epoch_rows(attempt.trial_id, reports)]
        match action.do:
            case Do.SUBMIT:
                self._to_submit.append(attempt)
            case Do.MARK_RUNNING:
                attempt.state = AttemptState.RUNNING
                logger.info("%s: running on %s", _title(attempt), attempt.host)
            case Do.CANCEL:
                logger.info("%s: did not end when asked to; its job is cancelled", _title(attempt))
                self.executor.cancel(_job(attempt))
            case Do.COMPLETE | Do.PRUNE | Do.FAIL:
                rows += self._end(attempt, action, result)
            case Do.WAIT:
                pass
        if reports and result is None and attempt.stop_requested_at is None:
            self._prune_if_hopeless(attempt)
        return rows

    def _view(self, attempt: AttemptRow, state: JobState | None, result: Result | None) -> View:
        silence_over = False
        if state is None or state.has_ended:
            ended_at = self._ended_since.setdefault(attempt.job_name, time.monotonic())
            silence_over = time.monotonic() - ended_at >= self.executor.settle_s
        return View(
            state=AttemptState(attempt.state),
            job=state,
            started=attempt.started_at is not None,
            result=result,
            stop_requested=attempt.stop_requested_at is not None,
            stop_overdue=stop_overdue(attempt, datetime.now(UTC)),
            silence_over=silence_over,
        )

    def _prune_if_hopeless(self, attempt: AttemptRow) -> None:
        if self.proposals.should_prune(attempt.trial.optuna_trial_id):
            _folder(attempt).request_stop(Outcome.PRUNED)
            attempt.stop_requested_at = datetime.now(UTC)
            logger.info("%s: hopeless, asked to stop", _title(attempt))

    def _end(self, attempt: AttemptRow, action: Action, result: Result | None) -> list[Table]:
        """Record an attempt's end; a failed one gets another attempt if its cause is worth it."""
        self._ended_since.pop(attempt.job_name, None)
        ingest_end(attempt, result)
        number = attempt.trial.number
        if action.do is Do.FAIL:
            assert action.cause is not None
            return self._fail(attempt, action.cause, result)
        self._failures.clear()
        if action.do is Do.PRUNE:
            self.proposals.tell(number, TrialState.PRUNED)
            attempt.state = AttemptState.PRUNED
            logger.info("%s: pruned", _title(attempt))
            return []
        assert result is not None
        value = result.metrics[self.study.metric]
        self.proposals.tell(number, TrialState.COMPLETE, value)
        attempt.state = AttemptState.COMPLETED
        best = self.proposals.best()
        mark = " (best so far)" if best is not None and best.number == number else ""
        logger.info("%s: completed, %s = %.6g%s", _title(attempt), self.study.metric, value, mark)
        return list(final_metric_rows(attempt.trial_id, result, self.study.metric))

    def _fail(self, attempt: AttemptRow, cause: Cause, result: Result | None) -> list[Table]:
        earlier = [Cause(other.cause) for other in attempt.trial.attempts if other.cause is not None]
        attempt.state, attempt.cause = AttemptState.FAILED, cause
        folder = _folder(attempt)
        if result is None:
            folder.request_stop(Outcome.SUPERSEDED)  # it may be training on, on a node out of sight
        if may_retry(cause, earlier, self.study.failures.retries):
            logger.warning("%s: failed (%s); it is tried again", _title(attempt), cause)
            again = self._new_attempt(attempt.trial)
            self._to_submit.append(again)
            return [again]
        self.proposals.tell(attempt.trial.number, TrialState.FAIL)
        self._failures.append(cause)
        logger.warning("%s: failed (%s); %s", _title(attempt), cause, folder.log)
        return []

    # trials and their attempts

    def _record(self, proposal: FrozenTrial) -> AttemptRow:
        """Commit a proposed trial with its first attempt, before anything is submitted."""
        trial = TrialRow(
            study_id=self.records.study_id,
            number=proposal.number,
            optuna_trial_id=proposal._trial_id,
            seed=_seed(self.study, proposal.number),
            folder=str(trial_folder(self.setting.workdir, self.study.name, proposal.number)),
        )
        attempt = self._new_attempt(trial)
        self.records.save([trial])
        return attempt

    def _new_attempt(self, trial: TrialRow) -> AttemptRow:
        number, token = len(trial.attempts) + 1, secrets.token_hex(4)
        attempt = AttemptRow(
            number=number,
            token=token,
            state=AttemptState.SUBMITTING,
            job_name=f"{self.study.name}-{trial.number}-{number}-{token}",
            num_gpus=self.setting.num_gpus,
            submitted_at=datetime.now(UTC),
            gpu_seconds=0.0,
            metrics_offset=0,
            notes={},
        )
        trial.attempts.append(attempt)
        return attempt

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

    # the study

    def _is_closed(self) -> bool:
        """Whether no more trials are asked for; the reason is said once."""
        if self._closed is None and (reason := self._reason_to_close()) is not None:
            self._closed = reason
            logger.info("study %s: no more trials: %s", self.study.name, reason)
        return self._closed is not None

    def _reason_to_close(self) -> str | None:
        if self._has_failed_alike():
            return f"{len(self._failures)} in a row failed alike ({self._failures[-1]})"
        if (num_proposed := self.proposals.num_proposed()) >= self.study.trials:
            return f"all {num_proposed} are there"
        hours = (datetime.now(UTC) - self.launched_at).total_seconds() / 3600
        return exhausted(self.study.budget, hours, self.records.gpu_seconds() / 3600)

    def _has_failed_alike(self) -> bool:
        limit = self.study.failures.stop_after_same
        return len(self._failures) >= limit and len(set(self._failures[-limit:])) == 1

    def conclude(self) -> None:
        """Raise StudyFailedError when there is nothing to show for the study."""
        counts = self.proposals.counts()
        num_failed = counts[TrialState.FAIL]
        if self._has_failed_alike() or (num_failed and num_failed == self.proposals.num_proposed()):
            what = "every trial failed" if num_failed == self.proposals.num_proposed() else self._closed
            raise StudyFailedError(
                f"study {self.study.name} failed: {what}\n"
                f"the last lines of each trial's log say why: {self.setting.workdir / self.study.name}"
            )


def _seed(study: Study, number: int) -> int:
    """A trial's seed: another one for each trial, and for each seed of the study's sampler."""
    return study.sampler.seed * 100_000 + number


def stop_overdue(attempt: AttemptRow, now: datetime) -> bool:
    """Whether an attempt asked to stop has had time for an epoch: all before the request, and some more."""
    if attempt.stop_requested_at is None or attempt.started_at is None:
        return False
    longest_epoch = attempt.stop_requested_at - attempt.started_at
    return now - attempt.stop_requested_at > longest_epoch + STOP_GRACE


def _folder(attempt: AttemptRow) -> AttemptFolder:
    return attempt_folder(Path(attempt.trial.folder), attempt.number, attempt.token)


def _job(attempt: AttemptRow) -> Job:
    return Job(name=attempt.job_name, folder=_folder(attempt), id=attempt.job_id)


def _title(attempt: AttemptRow) -> str:
    again = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"trial {attempt.trial.number}{again}"
