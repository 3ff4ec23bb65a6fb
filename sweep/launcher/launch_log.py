"""The lines that the launcher logs about attempts."""

import logging
import shlex
from collections.abc import Mapping, Sequence

from sweep.definition.study import Study
from sweep.error_summary import shortened_line
from sweep.launcher.attempts import describe
from sweep.launcher.reconciliation import Change
from sweep.scheduler.job import JobStatus
from sweep.states import ACTIVE_STATES, JobState, Outcome
from sweep.storage.tables import AttemptRow

logger = logging.getLogger(__name__)
epoch_logger = logging.getLogger("sweep.launcher.epochs")  # separate, because a live table replaces its lines


class LaunchLog:
    """The log of one launcher, which repeats no line about a problem that lasts for several poll cycles.

    Args:
        study: The study.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._logged: set[tuple[str, str]] = set()  # tokens of attempts, with what is logged once
        self._missing: set[str] = set()  # the names of jobs whose states are waited for

    def change(self, change: Change, is_best: bool) -> None:
        """Log a change and the new epochs, in the order in which they happened.

        Args:
            change: The change.
            is_best: Whether it completes the best trial so far.
        """
        attempt, message = change.attempt, change.message
        has_ended = attempt.state not in ACTIVE_STATES
        if has_ended:
            self._epochs(change)
        if message is not None and (not has_ended or change.end or self._is_new(attempt, "end job")):
            mark = " (best so far)" if is_best else ""
            if change.end is not None and change.end.outcome is Outcome.FAILED:
                study = shlex.quote(self._study.name)
                mark = f"; more: sweep logs --study {study} --trial {attempt.trial.number}"
            logger.log(message.level, "%s: %s%s", describe(attempt), message.text, mark)
        if not has_ended:
            self._epochs(change)

    def problem(self, attempt: AttemptRow, problem: str) -> None:
        """Log a problem with the files of an attempt, once."""
        if self._is_new(attempt, problem):
            logger.warning("%s: %s", describe(attempt), shortened_line(problem))

    def missing(self, attempts: Sequence[AttemptRow], jobs: Mapping[str, JobStatus]) -> None:
        """Log what the scheduler has not reported about a job, once until it reports the job's state.

        Args:
            attempts: The open attempts.
            jobs: What the scheduler reports, by the names of the jobs.
        """
        missing = {
            attempt.job_name: (describe(attempt), status)
            for attempt in attempts
            if attempt.job_name is not None and (status := jobs.get(attempt.job_name)) is not None
            if status.state is JobState.UNKNOWN and status.missing is not None
        }
        for name, (trial, status) in missing.items():
            if name not in self._missing:
                logger.warning("%s: waiting for the state of job %s: %s", trial, status.id, status.missing)
        self._missing = set(missing)

    def _epochs(self, change: Change) -> None:
        metric = self._study.metric
        for report in change.epochs:
            if metric in report.metrics:
                value = report.metrics[metric]
                epoch_logger.info(
                    "%s: epoch %d, %s = %.6g", describe(change.attempt), report.epoch, metric, value
                )

    def _is_new(self, attempt: AttemptRow, text: str) -> bool:
        """Return whether a text has not been logged for an attempt, and note that it is."""
        is_new = (attempt.token, text) not in self._logged
        self._logged.add((attempt.token, text))
        return is_new
