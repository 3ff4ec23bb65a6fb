"""A launcher over a fake executor and a fake clock, both controlled by a test."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console

from sweep.definition.cluster import load_profile
from sweep.definition.study import load_study
from sweep.launcher.launcher import Launcher
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.preflight import PreflightResult
from sweep.operations.startup import open_launcher
from sweep.reporting.status.study_status import study_status
from sweep.reporting.status.terminal import show_study
from sweep.scheduler.executor import SubmissionError
from sweep.scheduler.job import Job, JobStatus
from sweep.states import Cause, JobState, Outcome
from sweep.storage.database import connect, parse_url
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, Result, Start

URL = parse_url("sqlite:///sweep.db")


class FakeClock:
    """A clock that advances only when something waits or a test advances it."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeExecutor:
    """Jobs without processes; a test starts them, reports their epochs and ends them."""

    settle_s = 0.0
    max_submission_size = 3

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}  # by id
        self.state: dict[str, JobState] = {}
        self.elapsed_s: dict[str, float] = {}
        self.host: dict[str, str] = {}
        self.submissions: list[list[str]] = []  # the ids of each submission
        self.rejection: SubmissionError | None = None
        self.answers = True
        self.only_in_accounting: set[str] = set()  # the ids of jobs that squeue does not list
        self.cancelled: list[str] = []
        self.excluded: list[tuple[list[str], list[str]]] = []

    def threads_per_trial(self, parallel: int) -> None:
        return None

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        if self.rejection:
            raise self.rejection
        assert len({job.submission for job in jobs}) == 1
        assert [job.index for job in jobs] == list(range(len(jobs)))
        ids = [str(len(self.jobs) + number) for number in range(1, len(jobs) + 1)]
        self.jobs.update(zip(ids, jobs, strict=True))
        self.state.update(dict.fromkeys(ids, JobState.PENDING))
        self.submissions.append(ids)
        return ids

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        if not self.answers:
            return {job.name: JobStatus(JobState.UNKNOWN, job.id) for job in jobs}
        ids = {job.name: job_id for job_id, job in self.jobs.items()}
        found = [(job.name, ids[job.name]) for job in jobs if job.name in ids]
        return {
            name: JobStatus(
                self.state[job_id],
                job_id,
                self.elapsed_s.get(job_id),
                host=self.host.get(job_id),
                only_in_accounting=job_id in self.only_in_accounting,
            )
            for name, job_id in found
        }

    def cancel(self, job: Job) -> None:
        assert job.id
        self.cancelled.append(job.id)

    def exclude(self, jobs: Sequence[Job], nodes: Sequence[str]) -> None:
        self.excluded.append(([str(job.id) for job in jobs], list(nodes)))

    # what the workers of a job do

    def attempt(self, job_id: str, place: int = 0) -> AttemptFolder:
        return self.jobs[job_id].attempts[place]

    def begin(self, job_id: str, place: int = 0, at: datetime | None = None, host: str | None = None) -> None:
        folder = self.attempt(job_id, place)
        started_at = 100.0 if at is None else at.timestamp()
        folder.claim(
            Start(folder.read_spec().token, started_at, host or f"node{job_id}", 1, None, "3.11", {})
        )
        self.state[job_id] = JobState.RUNNING

    def report(self, job_id: str, *scores: float, first: int = 1) -> None:
        for epoch, score in enumerate(scores, start=first):
            self.attempt(job_id).append_epoch(EpochReport(epoch, 100.0 + epoch, {"score": score}))

    def end(
        self,
        job_id: str,
        state: JobState = JobState.COMPLETE,
        outcome: Outcome | None = Outcome.COMPLETE,
        score: float = 1.0,
        cause: Cause | None = None,
        place: int = 0,
        at: datetime | None = None,
    ) -> None:
        self.state[job_id] = state
        if outcome is not None:
            folder = self.attempt(job_id, place)
            metrics = {"score": score, "size": 3.0} if outcome is Outcome.COMPLETE else {}
            error = "Traceback\nValueError: no" if cause is Cause.ERROR else None
            ended_at = 160.0 if at is None else at.timestamp()
            folder.write_result(Result(folder.read_spec().token, outcome, ended_at, metrics, cause, error))


class LauncherHarness:
    """A harness that opens launchers of the study `toy`, one after the other, and reads the database.

    `relaunch` simulates a crash of the launcher and a new launch.
    """

    def __init__(self, workplace: Path, executor: FakeExecutor) -> None:
        self.workplace = workplace
        self.executor = executor
        self.clock = FakeClock()
        self._stack = ExitStack()
        self.launcher: Launcher

    def launch(self, *overrides: str, workdir: Path | None = None, **options: bool) -> "LauncherHarness":
        request = LaunchRequest(
            study=load_study("toy", overrides),
            profile=load_profile(Path("cluster.yaml"), "slurm").profile,
            url=URL,
            workdir=workdir or self.workplace / "sweeps",
            code_dir=self.workplace,
            **options,
        )
        # The toy model is known to import, and a process that checks it would take most of the tests' time.
        context = open_launcher(
            request, self.executor, self.clock, check_code=lambda *_, **__: PreflightResult()
        )
        self.launcher = self._stack.enter_context(context)
        return self

    def relaunch(self, *overrides: str) -> "LauncherHarness":
        self.close()
        return self.launch(*overrides)

    def step(self) -> int:
        """Run one poll cycle, one second after the last, and return the number of active trials."""
        self.clock.sleep(1.0)
        return self.launcher.step()

    def read(self) -> StudyData:
        engine = connect(URL)
        data = read_study(engine, URL, "toy")
        engine.dispose()
        return data

    def shown_status(self) -> str:
        """Return what `sweep status` prints."""
        engine, now = connect(URL), self.clock.now()
        status = study_status(engine, self.launcher.records.study_id, now, num_shown=10)
        engine.dispose()
        console = Console(file=StringIO(), width=200)
        console.print(show_study(status, now, width=200))
        assert isinstance(console.file, StringIO)
        return console.file.getvalue()

    def attempts(self) -> list[tuple[int, int, str, str | None]]:
        table = self.read().attempts
        return [
            (row.number, row.attempt, row.state, row.cause if isinstance(row.cause, str) else None)
            for row in table.itertuples()
        ]

    def states(self) -> list[str]:
        return list(self.read().trials["state"])

    def close(self) -> None:
        self._stack.close()
