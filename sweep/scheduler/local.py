"""Trials as processes of this machine, started through submitit's local executor."""

import os
import platform
from collections.abc import Collection, Sequence
from pathlib import Path

import psutil
import submitit
from submitit.local.local import LocalJob

from sweep.definition.local_profile import LocalProfile
from sweep.scheduler.executor import Executor
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState
from sweep.worker.run import run_in_job


class LocalExecutor(Executor):
    """Runs each trial as processes of this machine that outlive the launcher.

    A job consists of a shell, submitit's controller and the task. Its id is HOST:PID:BIRTH, because a process
    id alone identifies neither the machine nor, after it is reused, the process.
    """

    settle_s = 0.0
    max_submission_size = 1

    # A job shares the launcher's terminal and pipes. Ctrl-C and hang-up must reach the launcher only, and a
    # process that reads the launcher's output must not wait for the job. The EXIT trap keeps bash from
    # replacing itself by the controller, which uses its parent's process id as the job's id.
    SETUP = ("exec </dev/null >/dev/null 2>&1", "trap '' INT QUIT HUP TSTP", "trap : EXIT")

    def __init__(self, profile: LocalProfile) -> None:
        self._profile = profile
        self._children: list[LocalJob[dict[str, str]]] = []  # kept so that ended processes are reaped

    def threads_per_trial(self, parallel: int) -> int:
        return max(1, (os.cpu_count() or 1) // parallel)

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        return [self._submit(job) for job in jobs]

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        self._children = [child for child in self._children if not child.done()]
        unknown = [job for job in jobs if job.id is None]
        found = self._find(unknown) if unknown else {}
        return found | {job.name: self._status(job.id) for job in jobs if job.id}

    def _submit(self, job: Job) -> str:
        executor = submitit.LocalExecutor(folder=job.folder)
        executor.update_parameters(
            timeout_min=self._profile.timeout_min, setup=list(self.SETUP), stderr_to_stdout=True
        )
        submitted = executor.submit(run_in_job, [str(attempt.path) for attempt in job.attempts])
        assert isinstance(submitted, LocalJob)
        self._children.append(submitted)
        return self._job_id(psutil.Process(int(submitted.job_id)))

    def _find(self, jobs: Collection[Job]) -> dict[str, JobStatus]:
        """Find jobs whose ids were never recorded, by the folder in the processes' command lines.

        A launcher that was killed before it wrote the job's pickled task leaves a process that waits for the
        task forever. That process is killed, and the job counts as never submitted.
        """
        names = {str(job.folder): job.name for job in jobs}
        found = {}
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if command[1:3] != ["-m", "submitit.local._local"] or command[-1] not in names:
                continue
            if (shell := process.parent()) is None:
                continue
            if self._was_handed_over(command[-1], shell.pid):
                found[names[command[-1]]] = self._status(self._job_id(shell))
            else:
                _kill(shell)
        return found

    def cancel(self, job: Job) -> None:
        if job.id and (process := self._process(job.id)) is not None:
            _kill(process)

    def _status(self, job_id: str) -> JobStatus:
        if job_id.partition(":")[0] != platform.node():
            return JobStatus(JobState.UNKNOWN, job_id)  # a process of another machine is not visible here
        is_running = self._process(job_id) is not None
        return JobStatus(JobState.RUNNING if is_running else JobState.GONE, job_id)

    @staticmethod
    def _was_handed_over(folder: str, pid: int) -> bool:
        return Path(folder, f"{pid}_submitted.pkl").exists()

    @staticmethod
    def _job_id(process: psutil.Process) -> str:
        return f"{platform.node()}:{process.pid}:{process.create_time():.0f}"

    @staticmethod
    def _process(job_id: str) -> psutil.Process | None:
        _, pid, birth = job_id.rsplit(":", 2)
        try:
            process = psutil.Process(int(pid))
            is_same = abs(process.create_time() - float(birth)) < 2
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _kill(process: psutil.Process) -> None:
    """Kill a process, then its descendants: a killed process cannot start another one."""
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in tree:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(tree, timeout=10)
