"""The launcher: poll, reconcile, ask, submit. A first launch and a recovery are the same code."""

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from optuna.trial import FrozenTrial, TrialState

from sweep.definition.study import Study
from sweep.errors import StudyFailedError
from sweep.launcher.budget import exhausted
from sweep.launcher.ingest import gpu_share, ingest_cost
from sweep.launcher.outage import retry_on_outage
from sweep.launcher.proposals import Proposals
from sweep.launcher.reconciliation import Reconciler
from sweep.launcher.retries import Streak
from sweep.launcher.submission import Setting, Submitter, job_of, title
from sweep.scheduler.executor import Executor
from sweep.scheduler.job import JobStatus
from sweep.states import ACTIVE_STATES, AttemptState, Stop
from sweep.storage.lease import Lease
from sweep.storage.optuna_storage import optuna_trial_id
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow, Table, TrialRow
from sweep.worker.attempt_folder import trial_folder

logger = logging.getLogger(__name__)

CHARGING_S = 60.0  # how long the launcher stays, when all trials have ended, for what their jobs cost


@dataclass
class Launcher:
    """Takes one study to its end. Killed at any moment and made anew, it goes on where it was."""

    study: Study
    setting: Setting
    executor: Executor
    records: StudyRecords
    proposals: Proposals
    lease: Lease
    launched_at: datetime  # the first time
    poll_seconds: float
    streak: Streak = field(default_factory=Streak)
    _num_uncharged: int = 0  # attempts that have ended, and whose jobs have not
    _running_gpu_seconds: float = 0.0
    _was_broken_off: bool = True  # the last turn; the first one follows whatever was before this launch
    _closed: str | None = None  # why no more trials are asked for
    _stop: Stop | None = None  # what a person has asked for

    def __post_init__(self) -> None:
        self.submitter = Submitter(self.study, self.setting, self.executor, self.records, self.proposals)
        self.reconciler = Reconciler(
            self.study, self.executor, self.records, self.proposals, self.submitter, self.streak,
            new_attempt=self._new_attempt, is_spent=lambda: self._spent() is not None,
            is_cancelled=lambda: self._stop is Stop.CANCEL,
        )  # fmt: skip

    def run(self, after_turn: Callable[[], None] = lambda: None) -> None:
        """Poll until every trial has ended, and what the jobs cost is known.

        Raises
        ------
        StudyFailedError
            When every trial failed, several in a row failed alike, or a job is refused.
        """
        charged_by = None
        while True:
            num_active = retry_on_outage(self.step)
            if num_active == 0:
                charged_by = charged_by or time.monotonic() + CHARGING_S
                if self._num_uncharged == 0 or time.monotonic() > charged_by:
                    break
            after_turn()
            time.sleep(self.poll_seconds)
        self.conclude()

    def run_once(self) -> int:
        """One turn, for a launcher that is started again and again; how many trials are active.

        Raises StudyFailedError, as `run` does.
        """
        num_active = retry_on_outage(self.step)
        if num_active == 0:
            self.conclude()
        return num_active

    def step(self) -> int:
        """One turn: look at every open attempt, fill the free slots, submit; how many trials are active.

        A turn that was broken off, by a crash or by the database, is put right at the start of the next.
        """
        self.lease.renew()
        if self._was_broken_off:
            self._recover()
        self._was_broken_off = True
        self._look_for_stop()
        in_jobs = self.poll()
        self.fill({attempt.job_name for attempt in in_jobs})
        num_active = len(in_jobs) + self.submitter.num_waiting
        self.submitter.submit()
        self._was_broken_off = False
        return num_active

    def _recover(self) -> None:
        """Take up trials that were proposed and not recorded; polling finds what was not submitted."""
        self.submitter.clear()
        self.reconciler.forget()
        for proposal in self.proposals.unrecorded(self.records.trial_numbers()):
            self._record(proposal)

    def _look_for_stop(self) -> None:
        stop = self.records.stop_requested()
        if stop is not None and stop != self._stop:
            self._stop = stop
            jobs = ", and to cancel its jobs" if self._stop is Stop.CANCEL else ""
            logger.info("study %s: a person has asked it to stop%s", self.study.name, jobs)

    def poll(self) -> list[AttemptRow]:
        """One pass over the open attempts; those that are in the cluster's hands after it."""
        attempts = self.records.open_attempts(ACTIVE_STATES)
        jobs = self._look(attempts)
        self._running_gpu_seconds = _gpu_seconds(attempts, jobs)
        changed: list[Table] = []
        for attempt in attempts:
            job = jobs.get(attempt.job_name or "")
            if attempt.state in ACTIVE_STATES:
                changed += self.reconciler.reconcile(attempt, job)
            if attempt.state not in ACTIVE_STATES:
                ingest_cost(attempt, job)
        self.reconciler.prune()
        self.records.save([*attempts, *changed])
        self._running_gpu_seconds = _gpu_seconds(attempts, jobs)  # without those that have ended now
        active = [attempt for attempt in attempts if attempt.state in ACTIVE_STATES]
        self._num_uncharged = sum(not attempt.is_cost_final for attempt in attempts) - len(active)
        return [attempt for attempt in active if not self.submitter.holds(attempt)]

    def fill(self, busy_jobs: Collection[str | None]) -> None:
        """Have a trial for every place in the jobs that may be had beside the busy ones, old ones first."""
        size = self.setting.trials_per_job
        num_jobs = max(1, self.study.parallel // size)
        num_free = size * (num_jobs - len(busy_jobs)) - self.submitter.num_waiting
        if num_free > 0 and self._stop is None:
            num_free -= self._retry(self.records.retries_requested(num_free))
        while num_free > 0 and not self._is_closed():
            self.submitter.add(self._record(self.proposals.propose()))
            num_free -= 1

    def _look(self, attempts: Sequence[AttemptRow]) -> Mapping[str, JobStatus]:
        """What is known of the attempts' jobs, by name; nothing of those that were never submitted."""
        sharing: dict[str, list[AttemptRow]] = {}
        for attempt in attempts:
            if attempt.job_name is not None:
                sharing.setdefault(attempt.job_name, []).append(attempt)
        jobs = self.executor.poll([job_of(share) for share in sharing.values()]) if sharing else {}
        for name, job in jobs.items():
            for attempt in sharing[name]:
                if attempt.job_id is None and job.id is not None:
                    attempt.job_id, attempt.state = job.id, AttemptState.PENDING
                    logger.info("%s: found its job %s again", title(attempt), attempt.job_id)
        return jobs

    # trials and their attempts

    def _record(self, proposal: FrozenTrial) -> AttemptRow:
        """Commit a proposed trial with its first attempt, before anything is submitted."""
        trial = TrialRow(
            study_id=self.records.study_id,
            number=proposal.number,
            optuna_trial_id=optuna_trial_id(proposal),
            seed=_seed(self.study, proposal.number),
            folder=str(trial_folder(self.setting.workdir, self.study.name, proposal.number)),
        )
        attempt = self._new_attempt(trial)
        self.records.save([trial])
        return attempt

    def _retry(self, asked: Sequence[TrialRow]) -> int:
        """Take failed trials up again, as a person has asked, whatever the budget; how many."""
        trials = [trial for trial in asked if trial.attempts[-1].state == AttemptState.FAILED]
        if trials:
            self.proposals.reread()  # what Optuna remembers of ended trials is about to be wrong
        attempts = [self._new_attempt(trial) for trial in trials]
        if asked:  # one that was asked for twice has been taken up before
            self.records.reopen(asked)
        for attempt in attempts:
            logger.info("%s: tried again, as a person has asked", title(attempt))
            self.submitter.add(attempt)
        return len(trials)

    def _new_attempt(self, trial: TrialRow) -> AttemptRow:
        attempt = AttemptRow(
            number=len(trial.attempts) + 1,
            token=secrets.token_hex(4),
            state=AttemptState.SUBMITTING,
            job_size=1,
            num_gpus=self.setting.num_gpus,
            submitted_at=datetime.now(UTC),
            gpu_seconds=0.0,
            is_cost_final=False,
            metrics_offset=0,
            notes={},
        )
        trial.attempts.append(attempt)
        return attempt

    # the study

    def _is_closed(self) -> bool:
        """Whether no more trials are asked for; the reason is said once."""
        if self._closed is None and (reason := self._reason_to_close()) is not None:
            self._closed = reason
            logger.info("study %s: no more trials: %s", self.study.name, reason)
        return self._closed is not None

    def _reason_to_close(self) -> str | None:
        if self._stop is not None:
            return "a person has asked the study to stop"
        if (reason := self._failed_alike()) is not None:
            return reason
        if (num_proposed := self.proposals.num_proposed()) >= self.study.trials:
            return f"all {num_proposed} are there"
        return self._spent()

    def _spent(self) -> str | None:
        """Which limit of the budget is reached; what runs counts as far as it has run."""
        hours = (datetime.now(UTC) - self.launched_at).total_seconds() / 3600
        gpu_seconds = self.records.gpu_seconds() + self._running_gpu_seconds
        return exhausted(self.study.budget, hours, gpu_seconds / 3600)

    def _failed_alike(self) -> str | None:
        return self.streak.reason_to_stop(self.study.failures.stop_after_same)

    def conclude(self) -> None:
        """Raise StudyFailedError when there is nothing to show for the study, and nobody has stopped it."""
        if self._stop is not None:
            return
        num_failed = self.proposals.counts()[TrialState.FAIL]
        reason = self._failed_alike()
        if num_failed and num_failed == self.proposals.num_proposed():
            reason = "every trial failed"
        if reason is not None:
            raise StudyFailedError(
                f"study {self.study.name} failed: {reason}\n"
                f"the last lines of each trial's log say why: {self.setting.workdir / self.study.name}"
            )


def _gpu_seconds(attempts: Iterable[AttemptRow], jobs: Mapping[str, JobStatus]) -> float:
    """What the active ones among these attempts have cost so far, by the cluster's count."""
    elapsed = {name: job.elapsed_s or 0.0 for name, job in jobs.items()}
    return sum(
        gpu_share(attempt, elapsed.get(attempt.job_name or "", 0.0))
        for attempt in attempts
        if attempt.state in ACTIVE_STATES
    )


def _seed(study: Study, number: int) -> int:
    """A trial's seed: another one for each trial, and for each seed of the study's sampler."""
    return study.sampler.seed * 100_000 + number
