"""A cluster that exists only in memory and whose time is that of a fake clock."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState, Outcome
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder
from sweep.worker.documents import EpochReport, Result, Start, TrialSpec
from tests.sweep.launcher.harness import FakeClock


class MemoryFolder(AttemptFolder):
    """An attempt's folder without files."""

    def __init__(self, folder: AttemptFolder) -> None:
        super().__init__(folder.path)
        self.spec_written: TrialSpec | None = None
        self.start_written: Start | None = None
        self.stop_written: Outcome | None = None
        self.result_written: Result | None = None
        self.reports: list[EpochReport] = []

    def create(self, spec: TrialSpec) -> None:
        self.spec_written = spec

    def read_spec(self) -> TrialSpec:
        assert self.spec_written is not None
        return self.spec_written

    def claim(self, start: Start) -> bool:
        if self.start_written is not None:
            return False
        self.start_written = start
        return True

    def read_start(self, token: str) -> Start | None:
        return self.start_written

    def request_stop(self, reason: Outcome) -> None:
        self.stop_written = reason

    def read_stop(self) -> Outcome | None:
        return self.stop_written

    def append_epoch(self, report: EpochReport) -> None:
        self.reports.append(report)

    def read_epochs(self, offset: int = 0) -> tuple[list[EpochReport], int]:
        return self.reports[offset:], len(self.reports)

    def read_log(self, num_bytes: int) -> str:
        return ""

    def write_result(self, result: Result) -> None:
        self.result_written = result

    def read_result(self, token: str) -> Result | None:
        return self.result_written


@dataclass
class SimulatedJob:
    """One job: when it starts, when it ends, and how."""

    job: Job
    starts_at: datetime
    ends_at: datetime
    end: JobState
    state: JobState = JobState.PENDING


@dataclass
class SimulatedCluster:
    """A cluster whose jobs have one attempt each and report an epoch per day. Some are preempted or lost.

    Attributes:
        clock: The clock of the simulation.
        seed: The seed of waiting times and failures.
        num_epochs: How many epochs a trial has over all of its attempts.
        failure_rate: The probability that a job fails before it has finished its epochs.
    """

    clock: FakeClock
    seed: int
    num_epochs: int = 10
    failure_rate: float = 0.3
    settle_s: float = 60.0
    max_submission_size: int = 4
    jobs: dict[str, SimulatedJob] = field(default_factory=dict)
    folders: dict[str, MemoryFolder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def open_folder(self, attempt: AttemptRow) -> MemoryFolder:
        folder = attempt_folder(Path(attempt.trial.folder), attempt.number, attempt.token)
        return self.folders.setdefault(str(folder.path), MemoryFolder(folder))

    def threads_per_trial(self, parallel: int) -> None:
        return None

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        ids = []
        for job in jobs:
            starts_at = self.clock.now() + timedelta(hours=self.random.uniform(1, 48))
            fails = self.random.random() < self.failure_rate
            days = self.random.uniform(0.5, self.num_epochs) if fails else self.num_epochs + 1
            end = self.random.choice([JobState.PREEMPTED, JobState.NODE_FAILURE, JobState.GONE])
            job_id = str(len(self.jobs) + 1)
            self.jobs[job_id] = SimulatedJob(
                job, starts_at, starts_at + timedelta(days=days), end if fails else JobState.COMPLETE
            )
            ids.append(job_id)
        return ids

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        if self.random.random() < 0.05:  # the scheduler does not answer
            return {job.name: JobStatus(JobState.UNKNOWN, job.id) for job in jobs}
        names = {job.name for job in jobs}
        for simulated in self.jobs.values():
            self._advance(simulated)
        return {
            simulated.job.name: JobStatus(simulated.state, job_id)
            for job_id, simulated in self.jobs.items()
            if simulated.job.name in names
        }

    def cancel(self, job: Job) -> None:
        assert job.id is not None
        simulated = self.jobs[job.id]
        self._advance(simulated)
        if not simulated.state.has_ended:
            simulated.state = JobState.CANCELLED

    def _advance(self, simulated: SimulatedJob) -> None:
        """Let the job do what it has done until now."""
        now = self.clock.now()
        if simulated.state.has_ended or now < simulated.starts_at:
            return
        (attempt,) = simulated.job.attempts
        assert isinstance(attempt, MemoryFolder)
        simulated.state = JobState.RUNNING
        spec = attempt.read_spec()
        attempt.claim(Start(spec.token, simulated.starts_at.timestamp(), "node1", 1, "A100", "3.11", {}))
        first = self._epochs_before(spec)
        until = min(now, simulated.ends_at)
        last = min(first + int((until - simulated.starts_at) / timedelta(days=1)), self.num_epochs)
        for epoch in range(first + len(attempt.reports) + 1, last + 1):
            at = simulated.starts_at + timedelta(days=epoch - first)
            attempt.append_epoch(EpochReport(epoch, at.timestamp(), {"score": spec.params["x"] * epoch}))
            if attempt.read_stop() is not None:
                self._finish(simulated, attempt, Result(spec.token, Outcome.PRUNED, at.timestamp(), {}))
                return
        if last == self.num_epochs:
            metrics = {"score": spec.params["x"] * self.num_epochs}
            result = Result(spec.token, Outcome.COMPLETE, until.timestamp(), metrics)
            self._finish(simulated, attempt, result)
        elif now >= simulated.ends_at:
            simulated.state = simulated.end

    def _finish(self, simulated: SimulatedJob, attempt: MemoryFolder, result: Result) -> None:
        attempt.write_result(result)
        simulated.state = JobState.COMPLETE

    def _epochs_before(self, spec: TrialSpec) -> int:
        """Return how many epochs the earlier attempts have finished, as their checkpoints would contain."""
        folders = [self.folders[path] for path in spec.earlier_attempts]
        return max((report.epoch for folder in folders for report in folder.reports), default=0)

    def num_attempts_at_once(self) -> int:
        """Return the largest number of jobs of one trial that ever ran at the same time."""
        by_trial: dict[int, list[SimulatedJob]] = {}
        for simulated in self.jobs.values():
            by_trial.setdefault(simulated.job.attempts[0].read_spec().number, []).append(simulated)
        largest = 0
        for jobs in by_trial.values():
            for moment in (simulated.starts_at for simulated in jobs):
                at_once = sum(each.starts_at <= moment < each.ends_at for each in jobs)
                largest = max(largest, at_once)
        return largest
