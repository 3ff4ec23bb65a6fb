"""A scheduler in memory: it starts, ends, loses, hides, requeues and rejects jobs, and may not answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sweep.scheduler.executor import Executor, Rejection, SubmissionError
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState
from tests.simulation.faults import JOB_FAULTS
from tests.simulation.worker_process import WorkerProcess
from tests.simulation.world import World

SETTLE_S = 60.0
NODES = ("n1", "n2", "n3")
FORGETS_TASKS = {JobState.NODE_FAILURE, JobState.GONE}
"""The ends after which a process may continue on its node."""


@dataclass
class SimulatedJob:
    """A job that the scheduler has received.

    Attributes:
        job: The job as it was submitted.
        id: Its id.
        submitted_by_suspended: Whether its launcher had been suspended, so that another one may have
            submitted the same attempts.
        node: The node that it runs on.
        fault: What ends it early; None if nothing does.
        state: Its state.
        started_s: When it started last, in seconds of the simulation.
        elapsed_s: How long it has run, once it has ended.
        hidden_until_s: Until when polls omit it.
        processes: The processes of its newest start.
        has_unknown_end: Whether its state was not known when its attempts had ended. The launcher relies on
            the results then, although such a job may wait, because it was requeued.
    """

    job: Job
    id: str
    submitted_by_suspended: bool
    node: str
    fault: str | None = None
    state: JobState = JobState.PENDING
    started_s: float = 0.0
    elapsed_s: float | None = None
    hidden_until_s: float = 0.0
    processes: list[WorkerProcess] = field(default_factory=list)
    has_unknown_end: bool = False

    @property
    def holds_slot(self) -> bool:
        """Whether it waits or trains, by the scheduler's own knowledge."""
        has_results = bool(self.processes) and all(process.wrote_result for process in self.processes)
        return not (self.state.has_ended or has_results or self.has_unknown_end)


class SimulatedScheduler(Executor):
    """The executor of the simulation."""

    settle_s = SETTLE_S

    def __init__(self, world: World, max_jobs: int, max_submission_size: int) -> None:
        self._world = world
        self._max_jobs = max_jobs
        self._max_submission_size = max_submission_size
        self._job_faults = world.random.sample(JOB_FAULTS, 3)  # the same ones again use up the retries
        self.jobs: list[SimulatedJob] = []

    # what the launcher calls

    @property
    def max_submission_size(self) -> int:
        return self._max_submission_size

    def threads_per_trial(self, parallel: int) -> None:
        return None

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        assert self._world.launcher is not None
        return self._world.launcher.act("submit", lambda: self._submit(jobs))

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        assert self._world.launcher is not None
        return self._world.launcher.act("poll", lambda: self._poll(jobs))

    def cancel(self, job: Job) -> None:
        assert self._world.launcher is not None
        self._world.launcher.act("cancel", lambda: self._cancel(job))

    def _submit(self, jobs: Sequence[Job]) -> list[str]:
        world, faults = self._world, self._world.faults
        self._answer()
        if world.happens(faults.rejected_for_good):
            world.note("a submission is rejected for good", "fault: submission rejected for good")
            raise SubmissionError("invalid partition", Rejection.PERMANENT)
        if world.happens(faults.submit_limit):
            world.note("a submission exceeds a limit", "fault: submit limit")
            raise SubmissionError("submit limit", Rejection.SUBMIT_LIMIT)
        if world.happens(faults.rejected_for_now):
            if world.random.random() >= faults.received:
                world.note("a submission is rejected", "fault: submission rejected for the moment")
                raise SubmissionError("unexpected message", Rejection.UNKNOWN)
            self._receive(jobs)
            world.note("a submission times out", "fault: submission received, but the call fails")
            raise SubmissionError("socket timed out", Rejection.TEMPORARY)
        return self._receive(jobs)

    def _poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        world, faults = self._world, self._world.faults
        self._answer()
        if world.happens(faults.no_answer):
            world.note("the scheduler does not answer", "fault: no answer")
            for job in self.jobs:
                self._note_unknown(job)
            return {job.name: JobStatus(JobState.UNKNOWN, job.id, missing="no answer") for job in jobs}
        return {
            asked.name: self._status(job)
            for asked in jobs
            for job in self.jobs
            if job.job.name == asked.name and asked.id in {None, job.id}
        }

    def _status(self, job: SimulatedJob) -> JobStatus:
        now = self._world.clock.seconds()
        if job.state is not JobState.PENDING and self._world.happens(self._world.faults.hidden):
            job.hidden_until_s = now + self._world.random.uniform(30, 400)
            self._world.note(f"job {job.id} is hidden", "fault: a job is hidden")
        if now < job.hidden_until_s and self._world.is_faulty:
            self._note_unknown(job)
            return JobStatus(JobState.UNKNOWN, job.id, missing="it is not listed")
        host = None if job.state is JobState.PENDING else job.node
        return JobStatus(job.state, job.id, job.elapsed_s, host=host)

    def _note_unknown(self, job: SimulatedJob) -> None:
        endings = self._world.history.endings
        if all(folder.path.name.split("-")[2] in endings for folder in job.job.attempts):
            job.has_unknown_end = True

    def _cancel(self, asked: Job) -> None:
        if self._world.happens(self._world.faults.cancel_lost):
            self._world.note("a request to cancel is lost", "fault: cancel lost")
            return
        for job in self.jobs:
            if job.job.name == asked.name and not job.state.has_ended:
                self._stop(job, JobState.CANCELLED)

    def _answer(self) -> None:
        """Let the time pass that the scheduler takes to answer."""
        is_slow = self._world.happens(self._world.faults.slow_answer)
        self._world.clock.sleep(self._world.random.uniform(5, 90) if is_slow else 0.1)

    # what happens on the cluster

    def _receive(self, jobs: Sequence[Job]) -> list[str]:
        world = self._world
        assert world.launcher is not None
        received = [
            SimulatedJob(
                job, str(len(self.jobs) + index), world.launcher.was_suspended, self._choose_node(job)
            )
            for index, job in enumerate(jobs, start=1)
        ]
        self.jobs += received
        for job in received:
            world.note(f"job {job.id} is received ({job.job.name})", "jobs")
            if world.happens(world.faults.job):
                job.fault = world.random.choice(self._job_faults)
            if world.happens(world.faults.pending):
                state = world.random.choice([JobState.CANCELLED, JobState.FAILED, JobState.NODE_FAILURE])
                world.clock.call_in(
                    world.random.uniform(0, 90), lambda job=job, state=state: self._fail_pending(job, state)
                )
            world.clock.call_in(world.random.uniform(1, 60), lambda job=job: self._start(job))
        num_alive = sum(job.holds_slot and not job.submitted_by_suspended for job in self.jobs)
        if num_alive > self._max_jobs:
            world.history.violations.append(f"{num_alive} jobs at once, but {self._max_jobs} are allowed")
        return [job.id for job in received]

    def _choose_node(self, job: Job) -> str:
        allowed = [node for node in NODES if node not in job.resources.exclude_nodes]
        return self._world.random.choice(allowed or NODES)

    def _fail_pending(self, job: SimulatedJob, state: JobState) -> None:
        if job.state is JobState.PENDING:
            self._world.note(
                f"job {job.id} ends before it starts: {state}", "fault: job ends before it starts"
            )
            self._stop(job, state)

    def _start(self, job: SimulatedJob) -> None:
        if job.state is not JobState.PENDING:
            return
        world = self._world
        job.state, job.started_s = JobState.RUNNING, world.clock.seconds()
        world.note(f"job {job.id} starts")
        fault = job.fault if world.is_faulty else None
        job.processes = [
            WorkerProcess(
                world,
                folder.path,
                job.node,
                clock_skew_s=world.random.uniform(-1, 1) * world.faults.skew_s,
                latency_s=world.faults.late_files * SETTLE_S,
                fault=fault if index == 0 else None,
                on_exit=lambda: self._end_if_idle(job),
            )
            for index, folder in enumerate(job.job.attempts)
        ]
        if fault not in {None, "error", "vanished"}:
            world.clock.call_in(world.random.uniform(0, 200), lambda: self._strike(job))
        elif fault is not None:
            world.note(f"job {job.id} will fail: {fault}", f"fault: job: {fault}")
            job.fault = None

    def _strike(self, job: SimulatedJob) -> None:
        """Let the job's fault happen."""
        fault, job.fault = job.fault, None
        if job.state is not JobState.RUNNING or fault is None:
            return
        self._world.note(f"job {job.id} suffers: {fault}", f"fault: job: {fault}")
        if fault == "requeued":
            self._leave_processes(job)
            job.state = JobState.PENDING
            self._world.clock.call_in(self._world.random.uniform(1, 120), lambda: self._start(job))
        else:
            self._stop(job, JobState(fault))

    def _stop(self, job: SimulatedJob, state: JobState) -> None:
        """End a job from outside."""
        if state in FORGETS_TASKS:
            self._leave_processes(job)
        else:
            for process in job.processes:
                process.kill()
        self._finish(job, state)

    def _leave_processes(self, job: SimulatedJob) -> None:
        """Kill the processes of a node that was given up, or let them continue."""
        for process in job.processes:
            if process.is_alive and self._world.random.random() < self._world.faults.zombie:
                self._world.note(
                    f"a process of job {job.id} continues", "fault: process continues on a lost node"
                )
                process.give_up()
            else:
                process.kill()

    def _end_if_idle(self, job: SimulatedJob) -> None:
        """End a job whose processes have all ended by themselves."""
        if job.state is JobState.RUNNING and not any(process.is_alive for process in job.processes):
            lingers = self._world.happens(self._world.faults.lingers)
            if lingers:
                self._world.note(f"job {job.id} lingers", "fault: job stays after its end")
            self._world.clock.call_in(
                self._world.random.uniform(5, 120) if lingers else 0.0,
                lambda: None if job.state.has_ended else self._finish(job, JobState.COMPLETE),
            )

    def _finish(self, job: SimulatedJob, state: JobState) -> None:
        if job.processes:
            job.elapsed_s = self._world.clock.seconds() - job.started_s
            if state is JobState.GONE:
                job.elapsed_s = None
        job.state = state
        self._world.note(f"job {job.id} has ended: {state}")
