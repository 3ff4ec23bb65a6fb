"""The lines that the launcher logs about attempts."""

import logging
import shlex
from collections.abc import Mapping, Sequence

from sweep.definition.study import Study
from sweep.error_summary import shortened_line
from sweep.launcher.attempts import describe
from sweep.launcher.reconciliation import Change
from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.scheduler.job import JobStatus
from sweep.states import ACTIVE_STATES, Outcome
from sweep.storage.failing_nodes import FailingNode
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
        self._limits: set[str] = set()  # messages about submit limits
        self._rejections: set[str] = set()  # messages about other rejections since jobs were last accepted
        self._failing_nodes: set[str] = set()  # the names of excluded nodes

    def change(self, change: Change, is_best: bool) -> None:
        """Log a change and the new epochs, in the order in which they happened.

        Args:
            change: The change.
            is_best: Whether it completes the best trial so far, or a trial of the Pareto front.
        """
        attempt, message = change.attempt, change.message
        has_ended = attempt.state not in ACTIVE_STATES
        if has_ended:
            self._epochs(change)
        if message is not None and (not has_ended or change.end or self._is_new(attempt, "end job")):
            word = "best so far" if self._study.goals.is_single else "on the Pareto front so far"
            mark = f" ({word})" if is_best else ""
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
            if status.missing is not None
        }
        for name, (trial, status) in missing.items():
            if name not in self._missing:
                logger.warning("%s: waiting for the state of job %s: %s", trial, status.id, status.missing)
        self._missing = set(missing)

    def rejection(self, error: SubmissionError) -> None:
        """Log that the scheduler has rejected jobs: each message once until it accepts some again.

        A submit limit is reached again and again, so it is logged once for good.
        """
        is_limit = error.rejection is Rejection.SUBMIT_LIMIT
        logged = self._limits if is_limit else self._rejections
        if (message := str(error)) in logged:
            return
        logged.add(message)
        outcome = (
            "a submit limit of the cluster is reached, and the other trials wait until jobs have ended"
            if is_limit
            else "jobs cannot be submitted, which is retried with increasing pauses"
        )
        logger.warning("study %s: %s: %s", self._study.name, outcome, message)

    def accepted(self) -> None:
        """Log that the scheduler accepts jobs again, if it has rejected some."""
        if self._rejections:
            logger.info("study %s: jobs are accepted again", self._study.name)
        self._rejections = set()

    def failing_nodes(self, nodes: Sequence[FailingNode]) -> None:
        """Log each node that the study's jobs avoid, once until it is used again."""
        for node in nodes:
            if node.name not in self._failing_nodes:
                logger.warning(
                    "study %s: node %s is excluded, because %d jobs have failed there before they started",
                    self._study.name,
                    node.name,
                    node.num_failures,
                )
        self._failing_nodes = {node.name for node in nodes}

    def _epochs(self, change: Change) -> None:
        metrics = [objective.metric for objective in self._study.goals.objectives]
        for report in change.epochs:
            values = [
                f"{metric} = {report.metrics[metric]:.6g}" for metric in metrics if metric in report.metrics
            ]
            if values:
                epoch_logger.info(
                    "%s: epoch %d, %s", describe(change.attempt), report.epoch, ", ".join(values)
                )

    def _is_new(self, attempt: AttemptRow, text: str) -> bool:
        """Return whether a text has not been logged for an attempt, and note that it is."""
        is_new = (attempt.token, text) not in self._logged
        self._logged.add((attempt.token, text))
        return is_new
