"""The launcher: the loop that observes, decides and acts. A first launch and a recovery run the same code."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sweep.definition.study import Study
from sweep.error_summary import shortened_line
from sweep.errors import StudyFailedError
from sweep.launcher.attempts import FolderOpener, describe, folder_of, job_of
from sweep.launcher.clock import Clock
from sweep.launcher.dashboard_artifacts import show_in_dashboard
from sweep.launcher.decision import decide, exit_deadline
from sweep.launcher.job_output import describe_job_end
from sweep.launcher.launch_log import LaunchLog
from sweep.launcher.new_attempts import NewAttempts
from sweep.launcher.notifier import Notifier
from sweep.launcher.observation import (
    Cycle,
    Files,
    Observation,
    after_recording,
    may_be_pruned,
    observe,
    read_files,
    with_checked_result,
    with_objective,
    without_epochs,
)
from sweep.launcher.outage import retry_on_outage
from sweep.launcher.policy import ConsecutiveFailures, num_free_slots, reason_to_close, spent_limit
from sweep.launcher.proposals import Proposals
from sweep.launcher.reconciliation import Change, TrialEnd, reconcile
from sweep.launcher.repeats import Repeats
from sweep.launcher.submission import JobSettings
from sweep.launcher.submitter import Submitter
from sweep.notification.events import Progress
from sweep.scheduler.executor import Executor
from sweep.scheduler.job import JobStatus
from sweep.states import ACTIVE_STATES, AttemptState, Cause, JobState, Outcome, Stop
from sweep.storage.attempts import gpu_seconds_so_far
from sweep.storage.lease import Lease
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import dashboard_folder, problem_with_folder
from sweep.worker.documents import EpochReport, Result
from sweep.worker.regular_file import is_outage

logger = logging.getLogger(__name__)

COST_TIMEOUT = timedelta(minutes=1)
"""How long the launcher waits for the final cost of jobs after all trials have ended."""
LINGER_TIMEOUT = timedelta(minutes=5)
"""How long a job that does not end although it was cancelled occupies a slot; its node may have failed."""


@dataclass
class Launcher:
    """Runs one study to its end. A launcher that is killed at any moment can be replaced by a new one.

    Attributes:
        study: The study.
        settings: Where and how its trials run.
        executor: What runs the jobs.
        records: The study's rows.
        proposals: The study in Optuna.
        lease: The right to launch the study.
        launched_at: When the study was first launched.
        poll_seconds: How many seconds pass between two poll cycles.
        clock: The clock.
        open_folder: Returns the folder of an attempt.
        failures: How many consecutive trials have failed with the same cause.
        log: The lines that it logs about attempts.
        submitter: What submits attempts.
        repeats: What ends trials whose configuration has been measured already.
        new_attempts: What creates the attempts of new trials and of trials to retry.
        notifier: What announces the events of the study.
    """

    study: Study
    settings: JobSettings
    executor: Executor
    records: StudyRecords
    proposals: Proposals
    lease: Lease
    launched_at: datetime
    poll_seconds: float
    clock: Clock
    open_folder: FolderOpener = folder_of
    failures: ConsecutiveFailures = field(default_factory=ConsecutiveFailures)
    log: LaunchLog = field(init=False)
    submitter: Submitter = field(init=False)
    repeats: Repeats = field(init=False)
    new_attempts: NewAttempts = field(init=False)
    notifier: Notifier = field(init=False)
    _may_miss_proposals: bool = True  # an earlier launcher may have been interrupted
    _stop: Stop | None = None
    _reason_to_close: str | None = None
    _reason_of_failure: str | None = None
    _num_costs_open: int = 0
    _lingering: set[str | None] = field(default_factory=set)
    _noticed_ends: dict[str, datetime] = field(default_factory=dict)  # by the tokens of the attempts
    _ended_gpu_seconds: float | None = None  # None if it has to be read again
    _is_pruner_checked: bool = False

    def __post_init__(self) -> None:
        self.log = LaunchLog(self.study)
        self.notifier = Notifier(self.study, self.records, self.proposals)
        self.repeats = Repeats(self.records, self.proposals, self.clock)
        self.new_attempts = NewAttempts(self.study, self.settings, self.records, self.proposals, self.clock)
        self.submitter = Submitter(
            self.study,
            self.settings,
            self.executor,
            self.records,
            self.proposals,
            self.clock,
            self.log,
            self.open_folder,
        )

    def run(self, after_cycle: Callable[[], None] = lambda: None) -> None:
        """Poll until every trial has ended and the cost of its jobs is final.

        Args:
            after_cycle: Called after each poll cycle.

        Raises:
            StudyFailedError: If every trial failed, if several consecutive trials failed with the same cause,
                or if a job is rejected.
        """
        with self._announcing_failure():
            self._poll_until_end(after_cycle)
            self.conclude()
        self._announce_end(None)

    def _poll_until_end(self, after_cycle: Callable[[], None]) -> None:
        all_ended_at: datetime | None = None
        while True:
            if retry_on_outage(self.step, self.clock.sleep) == 0:
                all_ended_at = all_ended_at or self.clock.now()
                if self._num_costs_open == 0 or self.clock.now() > all_ended_at + COST_TIMEOUT:
                    break
            after_cycle()
            self.clock.sleep(self.poll_seconds)

    def run_once(self) -> int:
        """Run one poll cycle, for a launcher that is started periodically, and return the number of active
        trials.

        Raises:
            StudyFailedError: If the study has failed; see `run`.
        """
        with self._announcing_failure():
            num_active = retry_on_outage(self.step, self.clock.sleep)
            if num_active == 0:
                self.conclude()
        if num_active == 0:
            self._announce_end(None)
        return num_active

    @contextmanager
    def _announcing_failure(self) -> Iterator[None]:
        """Announce that the study has failed if the context raises this error."""
        try:
            yield
        except StudyFailedError as error:
            reason = str(error).partition("\n")[0]
            self._announce_end(reason.removeprefix(f"study {self.study.name} failed: "))
            raise

    def _announce_end(self, failure: str | None) -> None:
        retry_on_outage(
            lambda: self.notifier.announce_end(failure, self._stop is not None, self.clock.now()),
            self.clock.sleep,
        )

    def step(self) -> int:
        """Run one poll cycle and return the number of active trials, or of jobs that have not ended.

        A cycle that a crash or an outage of the database has interrupted is finished by the next one.
        """
        self.lease.renew()
        if self._may_miss_proposals:
            self.new_attempts.record_lost_proposals()
            self.new_attempts.reopen_undecided()
        self._may_miss_proposals = True
        self._read_stop_request()
        attempts = self.records.open_attempts(ACTIVE_STATES)
        observations, now = self._observe(attempts)
        cycle = self._cycle(attempts, observations, now)
        observed = list(zip(attempts, observations, strict=True))
        changes = [self._reconcile(attempt, observation, cycle) for attempt, observation in observed]
        waiting = self._apply(changes)
        # The pruner judges by all that has been reported and by the trials that have just ended.
        changes_of_pruned = [self._reconcile(*pruned, cycle) for pruned in self._to_prune(observed)]
        self._apply(changes_of_pruned)
        self.records.save([*attempts, *waiting, *(row for change in changes for row in change.rows)])
        self._note_ends(changes)
        self._check_pruner(changes)
        active = [attempt for attempt in attempts if attempt.state in ACTIVE_STATES]
        in_jobs = [attempt for attempt in active if not any(attempt is other for other in waiting)]
        lingering = self._lingering_jobs(observed, cycle)
        num_busy = len(lingering | {attempt.job_name for attempt in in_jobs})
        num_slots = num_free_slots(self.study.parallel, self.settings.trials_per_job, num_busy)
        new = self._fill(active, num_slots - len(waiting), now)
        waiting += new
        ready = [attempt for attempt in waiting if not self._fails_without_folder(attempt)]
        if self.study.repeats != "train":
            ready = list(self.repeats.to_train(ready))
        self.submitter.submit(ready, in_jobs, num_slots // self.settings.trials_per_job, num_busy)
        # Optuna repeats a failed commit. If it only seemed to fail, another trial has been proposed.
        self._may_miss_proposals = any(attempt.number == 1 for attempt in new)
        num_active = len(in_jobs) + len(waiting)
        if self.notifier.is_active:
            self.notifier.announce_due(self._progress(active, changes, len(new), num_active, now))
        return num_active or len(lingering)

    def conclude(self) -> None:
        """Check how the study ended.

        Raises:
            StudyFailedError: If the study has no result, and no user has stopped it.
        """
        if self._stop is not None:
            return
        counts = self.proposals.counts()
        # The trials that were active when the study was stopped may have ended well.
        limit = self.study.failures.stop_after_same
        reason = self._reason_of_failure or self.failures.reason_to_stop(limit)
        if counts["failed"] and counts["failed"] == self.proposals.num_proposed():
            reason = "every trial failed"
        if reason is not None:
            raise StudyFailedError(
                f"study {self.study.name} failed: {reason}\n"
                "the last lines of each trial's log contain the reason: "
                f"{self.settings.workdir / self.study.name}"
            )

    # observing

    def _read_stop_request(self) -> None:
        stop = self.records.stop_requested()
        if stop is not None and stop is not self._stop:
            self._stop = stop
            jobs = ", with its jobs cancelled" if stop is Stop.CANCEL else ""
            logger.info("study %s: stop requested%s", self.study.name, jobs)

    def _observe(self, attempts: Sequence[AttemptRow]) -> tuple[list[Observation], datetime]:
        """Observe each attempt, report its new epochs to Optuna, and return the time of the observations.

        The clock is read last, because the scheduler may take seconds to answer while the jobs continue. What
        is observed is therefore never later than the time of the cycle.
        """
        jobs = self._poll_jobs(attempts)
        self.log.missing(attempts, jobs)
        files = [self._read_files(attempt) for attempt in attempts]
        now = self.clock.now()
        needed = {attempt.job_name for attempt in attempts if attempt.state in ACTIVE_STATES}
        observations = [
            observe(
                attempt,
                jobs.get(attempt.job_name or ""),
                attempt_files,
                now,
                is_job_needed=attempt.job_name in needed,
            )
            for attempt, attempt_files in zip(attempts, files, strict=True)
        ]
        observations = [
            self._with_noticed_end(attempt, observation, now)
            for attempt, observation in zip(attempts, observations, strict=True)
        ]
        for attempt, observation in zip(attempts, observations, strict=True):
            self._report_epochs(attempt, observation.files.epochs)
        return observations, now

    def _cycle(
        self, attempts: Sequence[AttemptRow], observations: Sequence[Observation], now: datetime
    ) -> Cycle:
        started = [observation.started_at for observation in observations]
        return Cycle(
            now=now,
            stop=self._stop,
            budget_spent=self._spent_limit(attempts, started, now) is not None,
            settle_s=self.executor.settle_s,
            exit_grace_s=self.settings.exit_grace_s,
        )

    def _with_noticed_end(self, attempt: AttemptRow, observation: Observation, now: datetime) -> Observation:
        """Return the observation with the time at which this launcher noticed the end of the attempt.

        The recorded end follows from the clock of a node, which may be wrong.
        """
        if attempt.state in ACTIVE_STATES:
            return observation
        return replace(observation, ended_at=self._noticed_ends.setdefault(attempt.token, now))

    def _lingering_jobs(
        self, observed: Sequence[tuple[AttemptRow, Observation]], cycle: Cycle
    ) -> set[str | None]:
        """Return the jobs that run although their attempts have ended, which occupy slots for a while.

        A job whose state is not known counts as before. A job that only accounting lists does not count: its
        attempts have ended, and accounting may never record its end.
        """
        self._lingering = {
            attempt.job_name
            for attempt, observation in observed
            if attempt.state not in ACTIVE_STATES
            and observation.job is not None
            and not observation.job.only_in_accounting
            and (
                observation.job.state in {JobState.PENDING, JobState.RUNNING}
                or (observation.job.state is JobState.UNKNOWN and attempt.job_name in self._lingering)
            )
            and cycle.now
            < exit_deadline(self._noticed_ends.setdefault(attempt.token, cycle.now), cycle) + LINGER_TIMEOUT
        }
        return self._lingering

    def _to_prune(
        self, observed: Sequence[tuple[AttemptRow, Observation]]
    ) -> list[tuple[AttemptRow, Observation]]:
        """Return the attempts that have reported an epoch and whose trials the pruner would stop."""
        judged = {
            attempt.trial.optuna_trial_id: (attempt, observation)
            for attempt, observation in observed
            if attempt.state in ACTIVE_STATES and may_be_pruned(observation)
        }
        epochs = {
            trial_id: [report.epoch for report in observation.files.epochs]
            for trial_id, (_, observation) in judged.items()
        }
        return [
            (judged[trial_id][0], after_recording(judged[trial_id][1], should_prune=True))
            for trial_id in (self.proposals.should_prune(epochs) if epochs else ())
        ]

    def _poll_jobs(self, attempts: Sequence[AttemptRow]) -> Mapping[str, JobStatus]:
        """Return what the scheduler reports about the attempts' jobs, by the jobs' names."""
        by_job: dict[str, list[AttemptRow]] = {}
        for attempt in attempts:
            if attempt.job_name is not None:
                by_job.setdefault(attempt.job_name, []).append(attempt)
        jobs = [job_of(together, self.open_folder) for together in by_job.values()]
        return self.executor.poll(jobs) if jobs else {}

    def _read_files(self, attempt: AttemptRow) -> Files:
        """Read the folder of an active attempt; an ended one has nothing left to read."""
        if attempt.state not in ACTIVE_STATES:
            return Files()
        files = read_files(attempt, self.open_folder(attempt))
        files = with_checked_result(files, self.study.goals)
        if files.problem is not None:
            self.log.problem(attempt, files.problem)
        if files.epochs:
            files = without_epochs(files, self.records.recorded_epochs(attempt.trial_id))
        if files.result is None or self.study.objective_of == "last":
            return files
        recorded = self.records.epoch_values(attempt.trial_id, self.study.goals.objectives[0].metric)
        return with_objective(files, self.study, recorded)

    def _report_epochs(self, attempt: AttemptRow, reports: Iterable[EpochReport]) -> None:
        for report in reports:
            self.proposals.report(attempt.trial.optuna_trial_id, report.epoch, report.metrics)

    def _spent_limit(
        self, attempts: Iterable[AttemptRow], started: Iterable[datetime | None], now: datetime
    ) -> str | None:
        """Return which limit of the budget is reached, including the use of active attempts."""
        gpu_seconds = self._gpu_seconds(attempts, started, now)
        return spent_limit(self.study.budget, self.launched_at, now, gpu_seconds)

    def _gpu_seconds(
        self, attempts: Iterable[AttemptRow], started: Iterable[datetime | None], now: datetime
    ) -> float:
        """Return the GPU seconds that the study has used, including active attempts; 0 without a limit."""
        if self.study.budget.gpu_hours is None:
            return 0.0
        if self._ended_gpu_seconds is None:
            self._ended_gpu_seconds = self.records.gpu_seconds_of_ended()
        running = sum(
            gpu_seconds_so_far(attempt, started_at, now)
            for attempt, started_at in zip(attempts, started, strict=True)
            if attempt.state in ACTIVE_STATES
        )
        return self._ended_gpu_seconds + running

    def _progress(
        self,
        active: Sequence[AttemptRow],
        changes: Sequence[Change],
        num_new: int,
        num_active: int,
        now: datetime,
    ) -> Progress:
        """Return how far the study is at the end of a poll cycle."""
        has_progressed = num_new > 0 or any(
            change.epochs or change.end or change.start or change.retry for change in changes
        )
        gpu_seconds = self._gpu_seconds(active, [attempt.started_at for attempt in active], now)
        return Progress(
            now=now,
            progressed_at=self.notifier.progressed_at(now, has_progressed),
            hours=(now - self.launched_at).total_seconds() / 3600,
            gpu_hours=gpu_seconds / 3600,
            num_ended=self.proposals.num_proposed() - num_active,
            num_active=num_active,
        )

    # acting

    def _reconcile(self, attempt: AttemptRow, observation: Observation, cycle: Cycle) -> Change:
        action = decide(observation, cycle, self.study.failures)
        if action.cause is not None and observation.files.result is None:
            folder = self.open_folder(attempt)
            job = job_of([attempt], self.open_folder) if attempt.job_name else None
            observation = replace(observation, job_output=describe_job_end(folder, job, observation.job))
        return reconcile(attempt, observation, action, cycle, self.study.goals)

    def _apply(self, changes: Sequence[Change]) -> list[AttemptRow]:
        """Carry out changes, apart from saving the rows, and return the attempts to submit.

        The end of a trial is recorded in Optuna before the row is saved. Both may be repeated after a crash.
        """
        waiting: list[AttemptRow] = []
        for change in changes:
            attempt = change.attempt
            if change.start is not None:
                attempt.environment = self.records.environment(change.start.python, change.start.packages)
            for name, value in change.updates.items():
                if getattr(attempt, name) != value:
                    setattr(attempt, name, value)
            if change.stop is not None:
                self._request_stop(attempt, change.stop)
            if change.cancel:
                self.executor.cancel(job_of([attempt], self.open_folder))
            is_best = change.end is not None and self._end_trial(attempt, change.result, change.end)
            self.log.change(change, is_best)
            if change.submit:
                waiting.append(attempt)
            if change.retry:
                waiting.append(self.new_attempts.of_trial(attempt.trial))
        return waiting

    def _request_stop(self, attempt: AttemptRow, reason: Outcome) -> None:
        try:
            self.open_folder(attempt).request_stop(reason)
        except OSError as error:
            if is_outage(error):
                raise
            # The folder has been deleted or replaced. A job that does not stop is cancelled later.
            logger.warning("%s: the request to stop cannot be written: %s", describe(attempt), error)

    def _end_trial(self, attempt: AttemptRow, result: Result | None, end: TrialEnd) -> bool:
        """Record the end of a trial in the dashboard and in Optuna; return whether it is a best one so far.

        The dashboard comes first, because Optuna accepts no files for a trial that has ended.
        """
        store = dashboard_folder(Path(attempt.trial.folder).parent)
        folder = self.open_folder(attempt)
        show_in_dashboard(attempt, folder, result, end, self.proposals, store)
        self.proposals.tell(attempt.trial.number, end)
        return end.outcome is Outcome.COMPLETE and attempt.trial.number in self.proposals.best_numbers()

    def _note_ends(self, changes: Sequence[Change]) -> None:
        """Update the values that are derived from ended attempts, after the attempts are saved."""
        for change in changes:
            if change.end is not None:
                self.failures = self.failures.after(change.attempt.cause)
            if "gpu_seconds" in change.updates:
                self._ended_gpu_seconds = None
        self._num_costs_open = sum(
            change.attempt.state not in ACTIVE_STATES and not change.attempt.is_cost_final
            for change in changes
        )

    def _check_pruner(self, changes: Sequence[Change]) -> None:
        """Log once if the trials do not report the metric that the pruner judges."""
        judged = self.study.pruner.judged_metric(self.study.goals.objectives[0].metric)
        if self._is_pruner_checked or judged is None:
            return
        complete = [change for change in changes if change.end and change.end.outcome is Outcome.COMPLETE]
        if not complete:
            return
        self._is_pruner_checked = True
        names = self.records.reported_metrics(complete[0].attempt.trial_id)
        if judged not in names and self.proposals.counts()["complete"] == len(complete):
            logger.warning(
                "study %s: no trial can be pruned, because the pruner judges the metric %s, but %s "
                "reported %s; report the metric in each epoch, or remove the pruner",
                self.study.name,
                judged,
                describe(complete[0].attempt),
                f"only {shortened_line(', '.join(names))}" if names else "no epoch",
            )

    def _fill(self, active: Sequence[AttemptRow], num_free: int, now: datetime) -> list[AttemptRow]:
        """Return new attempts for the free slots: first of trials to retry on request, then of new trials."""
        if num_free <= 0:
            return []
        waiting = [] if self._stop is not None else self.new_attempts.retries_on_request(num_free)
        if len(waiting) < num_free:
            spent = self._spent_limit(active, [attempt.started_at for attempt in active], now)
            is_open = self._reason_to_close is None
            # No trial ends in between, so one estimate serves all proposals of the cycle.
            early = self.proposals.reason_to_stop_early(self.study.stop_when) if is_open else None
            while len(waiting) < num_free and not self._is_closed(early, spent):
                waiting.append(self.new_attempts.of_proposal(self.proposals.propose()))
        return waiting

    def _is_closed(self, early: str | None, spent: str | None) -> bool:
        """Return whether no more trials are proposed, and log the reason once."""
        if self._reason_to_close is None:
            self._reason_of_failure = self.failures.reason_to_stop(self.study.failures.stop_after_same)
            num_proposed = self.proposals.num_proposed()
            self._reason_to_close = reason_to_close(
                self._stop, self._reason_of_failure, num_proposed, self.study.trials, early, spent
            )
            if self._reason_to_close is not None:
                if early is not None and early in self._reason_to_close:
                    self.records.record_early_stop(self._reason_to_close)
                logger.info("study %s: no more trials: %s", self.study.name, self._reason_to_close)
        return self._reason_to_close is not None

    def _fails_without_folder(self, attempt: AttemptRow) -> bool:
        """Record that an attempt fails if something else is in place of its trial's folder."""
        problem = problem_with_folder(Path(attempt.trial.folder))
        if problem is None:
            return False
        attempt.state, attempt.cause = AttemptState.FAILED, Cause.LAUNCH_FAILURE
        attempt.error, attempt.ended_at = problem, self.clock.now()
        attempt.is_cost_final = True
        logger.warning("%s: failed (%s): %s", describe(attempt), attempt.cause, problem)
        self.proposals.tell(attempt.trial.number, TrialEnd(Outcome.FAILED))
        self.records.save([attempt])
        self.failures = self.failures.after(attempt.cause)
        return True
