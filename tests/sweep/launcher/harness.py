"""A stand-in for a executor, whose jobs do what a test says, and a launcher over it."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sweep.definition.cluster import load_cluster, profile
from sweep.definition.study import load_study
from sweep.launcher.launcher import Launcher
from sweep.launcher.startup import LaunchRequest, open_launcher
from sweep.scheduler.executor import SubmissionError
from sweep.scheduler.job import Job, JobStatus
from sweep.states import Cause, JobState, Outcome
from sweep.storage.database import connect, parse_url
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, Result, Start

URL = parse_url("sqlite:///sweep.db")


class FakeExecutor:
    """Jobs that exist in name only; a test moves them on, with `begin`, `report` and `end`."""

    settle_s = 0.0
    max_submission_size = 3

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}  # by id
        self.state: dict[str, JobState] = {}
        self.elapsed_s: dict[str, float] = {}
        self.submissions: list[list[str]] = []  # the ids of each
        self.refuses: SubmissionError | None = None
        self.answers = True
        self.cancelled: list[str] = []

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        if self.refuses:
            raise self.refuses
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
        return {
            job.name: JobStatus(self.state[ids[job.name]], ids[job.name], self.elapsed_s.get(ids[job.name]))
            for job in jobs
            if job.name in ids
        }

    def cancel(self, job: Job) -> None:
        assert job.id
        self.cancelled.append(job.id)

    # what a job does

    def attempt(self, job_id: str, place: int = 0) -> AttemptFolder:
        return self.jobs[job_id].attempts[place]

    def begin(self, job_id: str, place: int = 0) -> None:
        folder = self.attempt(job_id, place)
        folder.claim(Start(folder.read_spec().token, 100.0, f"node{job_id}", 1, None, "3.11", {}))
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
    ) -> None:
        self.state[job_id] = state
        if outcome is not None:
            folder = self.attempt(job_id, place)
            metrics = {"score": score, "size": 3.0} if outcome is Outcome.COMPLETE else {}
            error = "Traceback\nValueError: no" if cause is Cause.ERROR else None
            folder.write_result(Result(folder.read_spec().token, outcome, 160.0, metrics, cause, error))


class LauncherHarness:
    """A launcher at work, and what the database says of it. `relaunch` is a crash and a new start."""

    def __init__(self, workplace: Path) -> None:
        self.workplace = workplace
        self._stack = ExitStack()
        self.launcher: Launcher

    def launch(self, *overrides: str, **options: bool) -> "LauncherHarness":
        self.launcher = self._stack.enter_context(
            open_launcher(
                LaunchRequest(
                    study=load_study("toy", overrides),
                    profile=profile(load_cluster(Path("cluster.yaml")), "slurm"),
                    url=URL,
                    workdir=self.workplace / "sweeps",
                    code_dir=self.workplace,
                    **options,
                )
            )
        )
        return self

    def relaunch(self, *overrides: str) -> "LauncherHarness":
        self.close()
        return self.launch(*overrides)

    def step(self) -> int:
        """One turn of the launcher's loop; how many trials are active."""
        return self.launcher.step()

    def read(self) -> StudyData:
        engine = connect(URL)
        data = read_study(engine, URL, "toy")
        engine.dispose()
        return data

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
