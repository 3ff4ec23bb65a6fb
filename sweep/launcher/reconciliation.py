"""One attempt: look at its files, decide, act, and keep the record of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optuna.trial import TrialState

from sweep.definition.study import Study
from sweep.launcher.dashboard_artifacts import show
from sweep.launcher.decision import Action, Do, View, decide
from sweep.launcher.ingest import epoch_rows, final_metric_rows, ingest_end, ingest_start, new_epochs
from sweep.launcher.proposals import Proposals
from sweep.launcher.retries import Streak, may_retry
from sweep.launcher.submission import Submitter, folder_of, job_of, title
from sweep.scheduler.executor import Executor
from sweep.scheduler.job import JobStatus
from sweep.states import ACTIVE_STATES, AttemptState, Cause, Outcome
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow, Table, TrialRow
from sweep.worker.attempt_folder import dashboard_folder
from sweep.worker.documents import Result

logger = logging.getLogger(__name__)
epochs = logging.getLogger(f"{__name__}.epochs")  # apart: a person at a terminal has a table of them

STOP_GRACE = timedelta(minutes=2)


@dataclass
class Reconciler:
    """Brings the record of an attempt up to what its job and its folder say.

    Optuna is told how a trial ended before our row says so. Both can be done twice.
    """

    study: Study
    executor: Executor
    records: StudyRecords
    proposals: Proposals
    submitter: Submitter
    streak: Streak
    new_attempt: Callable[[TrialRow], AttemptRow]
    is_spent: Callable[[], bool]  # whether the study's budget is: then nothing is tried again
    is_cancelled: Callable[[], bool]  # whether a person wants its jobs cancelled: neither then
    _to_judge: list[AttemptRow] = field(default_factory=list)

    def reconcile(self, attempt: AttemptRow, job: JobStatus | None) -> list[Table]:
        """Do what the attempt needs now; the rows to save. No job: none was ever submitted."""
        folder = folder_of(attempt)
        result = folder.read_result(attempt.token)  # before the epochs, so that none before it is missed
        ingest_start(attempt, folder, self.records)
        reports = new_epochs(attempt, folder, self.records)
        for report in reports:
            if self.study.metric in report.metrics:
                value = report.metrics[self.study.metric]
                self.proposals.report(attempt.trial.optuna_trial_id, report.epoch, value)
                epochs.info("%s: epoch %d, %s = %.6g", title(attempt), report.epoch, self.study.metric, value)
        action = decide(self._view(attempt, job, result))
        rows: list[Table] = [attempt, *epoch_rows(attempt.trial_id, reports)]
        match action.do:
            case Do.SUBMIT:
                self.submitter.add(attempt)
            case Do.MARK_RUNNING:
                attempt.state = AttemptState.RUNNING
                logger.info("%s: running on %s", title(attempt), attempt.host)
            case Do.CANCEL:
                self._cancel(attempt)
            case Do.COMPLETE | Do.PRUNE | Do.FAIL:
                rows += self._end(attempt, action, result)
            case Do.WAIT:
                pass
        if reports and attempt.state in ACTIVE_STATES and attempt.stop_requested_at is None:
            self._to_judge.append(attempt)
        return rows

    def forget(self) -> None:
        """Leave what a turn that was broken off has gathered: the next one gathers it anew."""
        self._to_judge.clear()

    def prune(self) -> None:
        """Ask the attempts to stop that have reported since the last time, and are hopeless by now."""
        judged, self._to_judge = self._to_judge, []
        hopeless = self.proposals.hopeless([attempt.trial.optuna_trial_id for attempt in judged])
        for attempt in judged:
            if attempt.trial.optuna_trial_id in hopeless:
                folder_of(attempt).request_stop(Outcome.PRUNED)
                attempt.stop_requested_at = datetime.now(UTC)
                logger.info("%s: hopeless, asked to stop", title(attempt))

    def _view(self, attempt: AttemptRow, job: JobStatus | None, result: Result | None) -> View:
        now = datetime.now(UTC)
        silence_over = False
        if job is None or job.state.has_ended:
            attempt.job_ended_at = attempt.job_ended_at or now
            silence_over = (now - attempt.job_ended_at).total_seconds() >= self.executor.settle_s
        elif attempt.job_ended_at is not None:
            attempt.job_ended_at = None
        return View(
            state=attempt.state,
            job=None if job is None else job.state,
            started=attempt.started_at is not None,
            result=result,
            stop_requested=attempt.stop_requested_at is not None,
            stop_overdue=stop_overdue(attempt, now),
            cancelled=self.is_cancelled(),
            silence_over=silence_over,
        )

    def _cancel(self, attempt: AttemptRow) -> None:
        """Cancel the job of an attempt that is to end, unless other trials are in it that may go on."""
        if attempt.job_size == 1 or self.is_cancelled():
            logger.info("%s: its job is cancelled", title(attempt))
            self.executor.cancel(job_of([attempt]))

    def _end(self, attempt: AttemptRow, action: Action, result: Result | None) -> list[Table]:
        """Record an attempt's end; a failed one gets another attempt if its cause is worth it."""
        ingest_end(attempt, result)
        number = attempt.trial.number
        if action.do is Do.FAIL:
            assert action.cause is not None
            return self._fail(attempt, action.cause, result)
        self.streak.note(None)
        if action.do is Do.PRUNE:
            self._show(attempt, result)
            self.proposals.tell(number, TrialState.PRUNED)
            attempt.state = AttemptState.PRUNED
            logger.info("%s: pruned", title(attempt))
            return []
        assert result is not None
        value = result.metrics[self.study.metric]
        self._show(attempt, result)
        self.proposals.tell(number, TrialState.COMPLETE, value)
        attempt.state = AttemptState.COMPLETE
        best = self.proposals.best()
        mark = " (best so far)" if best is not None and best.number == number else ""
        logger.info("%s: complete, %s = %.6g%s", title(attempt), self.study.metric, value, mark)
        return list(final_metric_rows(attempt.trial_id, result, self.study.metric))

    def _fail(self, attempt: AttemptRow, cause: Cause, result: Result | None) -> list[Table]:
        earlier = [other.cause for other in attempt.trial.attempts if other.cause is not None]
        attempt.state, attempt.cause = AttemptState.FAILED, cause
        folder = folder_of(attempt)
        if result is None:
            folder.request_stop(Outcome.SUPERSEDED)  # it may be training on, on a node out of sight
        is_worth_it = may_retry(cause, earlier, self.study.failures.retries)
        if is_worth_it and not self.is_spent() and not self.is_cancelled():
            logger.warning("%s: failed (%s); it is tried again", title(attempt), cause)
            again = self.new_attempt(attempt.trial)
            self.submitter.add(again)
            return [again]
        self._show(attempt, result)
        self.proposals.tell(attempt.trial.number, TrialState.FAIL)
        self.streak.note(cause)
        logger.warning("%s: failed (%s); %s", title(attempt), cause, folder.log)
        return []

    def _show(self, attempt: AttemptRow, result: Result | None) -> None:
        """Have the dashboard show a trial that ends now: an ended one takes no more files."""
        store = dashboard_folder(Path(attempt.trial.folder).parent)
        show(attempt, folder_of(attempt), result, self.study.metric, self.proposals, store)


def stop_overdue(attempt: AttemptRow, now: datetime) -> bool:
    """Whether an attempt asked to stop has had time for an epoch: all before the request, and some more."""
    if attempt.stop_requested_at is None or attempt.started_at is None:
        return False
    longest_epoch = attempt.stop_requested_at - attempt.started_at
    return now - attempt.stop_requested_at > longest_epoch + STOP_GRACE
