"""Trials as processes of this machine, started through submitit's local executor."""

import os
import platform
import shlex
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import submitit
from submitit.local.local import LocalJob

from sweep.definition.local_profile import LocalProfile
from sweep.definition.setup_lines import IGNORE_WORKING_DIRECTORY, checked_setup
from sweep.scheduler.executor import Executor, Rejection, SubmissionError
from sweep.scheduler.job import Job, JobStatus
from sweep.scheduler.trial_environment import PASSWORD_VARIABLES, without_variables
from sweep.scheduler.worker_package import place_worker_package, start_command, study_folder
from sweep.states import JobState
from sweep.worker.run import run_in_job

JOB_VARIABLE = "SWEEP_LOCAL_JOB"
"""The environment variable with the job's name, by which all of its processes are found."""
BACKSTOP_MIN = 5
"""How many minutes after the time limit submitit ends a job whose worker does not enforce the limit."""
CGROUPS = Path("/sys/fs/cgroup")


class LocalExecutor(Executor):
    """Runs each trial as processes of this machine that outlive the launcher.

    A job consists of a shell, submitit's controller and the task. Its id is HOST:PID:BIRTH, because a process
    id alone identifies neither the machine nor, after it is reused, the process.
    """

    settle_s = 0.0
    max_submission_size = 1

    def __init__(self, profile: LocalProfile) -> None:
        self._profile = profile
        self._children: list[LocalJob[dict[str, str]]] = []  # kept so that ended processes are reaped

    def threads_per_trial(self, parallel: int) -> int:
        return max(1, num_usable_cpus() // parallel)

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        return [self._submit(job) for job in jobs]

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        unknown = [job for job in jobs if job.id is None]
        found = self._find(unknown) if unknown else {}
        found |= {job.name: self._status(job.id) for job in jobs if job.id}
        _kill_jobs({name for name, status in found.items() if status.state is JobState.GONE})
        self._children = [child for child in self._children if not child.done()]
        return found

    def _submit(self, job: Job) -> str:
        place_worker_package(study_folder(job))
        executor = _SubmititExecutor(job, self._profile)
        executor.update_parameters(
            timeout_min=self._profile.timeout_min + BACKSTOP_MIN, setup=_setup(job), stderr_to_stdout=True
        )
        if self._profile.gpus:
            executor.update_parameters(gpus_per_node=1, visible_gpus=[self._free_gpu()])
        folders = [str(attempt.path) for attempt in job.attempts]
        with without_variables(PASSWORD_VARIABLES):
            submitted = executor.submit(run_in_job, folders, time_limit_s=60.0 * self._profile.timeout_min)
        assert isinstance(submitted, LocalJob)
        self._children.append(submitted)
        return self._job_id(psutil.Process(int(submitted.job_id)))

    def _free_gpu(self) -> int:
        """Return the first GPU that no job of this machine uses.

        Raises:
            SubmissionError: If all GPUs are used.
        """
        used = {environment.get("CUDA_VISIBLE_DEVICES") for environment in _job_environments()}
        for gpu in self._profile.gpus:
            if str(gpu) not in used:
                return gpu
        numbers = ", ".join(map(str, self._profile.gpus))
        message = f"each GPU of the profile ({numbers}) is used by a trial"
        raise SubmissionError(message, Rejection.SUBMIT_LIMIT)

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
            _kill_jobs({job.name})

    def _status(self, job_id: str) -> JobStatus:
        if (host := job_id.partition(":")[0]) != platform.node():
            missing = f"it was started on {host}, whose processes are not visible on {platform.node()}"
            return JobStatus(JobState.UNKNOWN, job_id, missing=missing)
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


class _SubmititExecutor(submitit.LocalExecutor):
    """submitit's executor with another command for the job.

    Args:
        job: The job.
        profile: The profile, which says how Python is started.
    """

    def __init__(self, job: Job, profile: LocalProfile) -> None:
        super().__init__(folder=job.folder)
        python = profile.python_command(study_folder(job)) or shlex.quote(sys.executable)
        command = start_command(python, job)
        lines = [*profile.exports(), *checked_setup(profile.setup_lines())]
        self._command = (
            shlex.join(["bash", "-c", "\n".join([*lines, f"exec {command}"])]) if lines else command
        )

    @property
    def _submitit_command_str(self) -> str:
        return self._command


def num_usable_cpus() -> int:
    """Return the number of CPUs that this process may use, by its affinity and its control group."""
    try:
        num_cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        num_cpus = os.cpu_count() or 1
    quotas = [quota for quota in _cpu_quotas() if quota > 0]
    return max(1, min([num_cpus, *(round(quota) for quota in quotas)]))


def _cpu_quotas() -> Iterator[float]:
    """Yield the numbers of CPUs that the control groups of this process allow, if they set a limit."""
    try:
        line = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::")
    except (OSError, StopIteration):  # no control groups of version 2
        return
    folder = CGROUPS / line[3:].lstrip("/")
    while folder.is_relative_to(CGROUPS):
        with suppress(OSError, ValueError):  # "max 100000" sets no limit
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        folder = folder.parent


def _setup(job: Job) -> list[str]:
    """Return the shell commands that run before submitit's controller.

    A job shares the launcher's terminal and pipes. Ctrl-C and hang-up must reach the launcher only, and a
    process that reads the launcher's output must not wait for the job. The EXIT trap keeps bash from
    replacing itself by the controller, which uses its parent's process id as the job's id.
    """
    output = f"{shlex.quote(str(job.folder))}/$$_shell_log.err"
    return [
        f"exec </dev/null >{output} 2>&1",
        "trap '' INT QUIT HUP TSTP",
        "trap : EXIT",
        f"export {JOB_VARIABLE}={shlex.quote(job.name)}",
        IGNORE_WORKING_DIRECTORY,
    ]


def _kill_jobs(names: Collection[str]) -> None:
    """Kill the processes that jobs have left behind, wherever they are in the tree of processes."""
    if not names:
        return
    for process in psutil.process_iter(["environ"]):
        if (process.info["environ"] or {}).get(JOB_VARIABLE) in names and process.pid != os.getpid():
            _kill(process)


def _job_environments() -> Iterator[dict[str, str]]:
    """Yield the environment of each process that belongs to a job of this machine."""
    for process in psutil.process_iter(["environ"]):
        environment = process.info["environ"] or {}
        if JOB_VARIABLE in environment:
            yield environment


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
