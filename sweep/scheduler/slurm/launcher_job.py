"""Running the launcher as a Slurm job, for clusters whose login nodes allow no long-running processes.

Each launcher job first submits its successor, which starts when the launcher job has ended for any reason.
The study therefore continues if a launcher reaches its time limit or its node fails. A launcher that ends by
itself cancels its successor.
"""

import shlex
import sys
from pathlib import Path

from sweep.definition.setup_lines import job_setup
from sweep.definition.slurm_profile import SlurmProfile
from sweep.errors import InputError
from sweep.scheduler.launcher_job import LauncherCommand, SubmittedLauncher
from sweep.scheduler.slurm.queue import SlurmCommandError, queued_jobs, run_command
from sweep.states import JobState
from sweep.worker.atomic_file import write_atomically

HAND_OVER_S = 60
"""How many seconds before its time limit a launcher is requested to end."""
DETACHED = 130
"""The exit code of a launcher that was requested to end."""

SCRIPT = """\
#!/bin/bash
{options}
cd {code_dir} || exit 1
{setup}

# Submit the successor, which starts when this job has ended.
successor=$(sbatch --parsable --dependency="afterany:$SLURM_JOB_ID" {script}) || exit 1

{command} &
launcher=$!
trap 'kill $launcher' TERM  # Slurm sends TERM before the time limit; the launcher detaches.
wait $launcher
code=$?
while kill -0 $launcher 2>/dev/null; do wait $launcher; code=$?; done
if [ $code -lt 128 ]; then scancel "${{successor%%;*}}"; fi  # The launcher ended by itself.
[ $code -eq {detached} ] || exit $code
"""


def job_name(study: str) -> str:
    """Return the name of a study's launcher jobs in Slurm."""
    return f"sweep-{study}"


def submit_launcher(profile: SlurmProfile, command: LauncherCommand) -> SubmittedLauncher:
    """Submit a study's first launcher job.

    Raises:
        InputError: If the study already has a launcher job, or Slurm rejects the job.
    """
    name = job_name(command.study)
    cancel_command = f"scancel --name={name}"
    existing = [
        record for record in queued_jobs() or [] if record.submission == name and not record.state.has_ended
    ]
    if existing:
        record = min(existing, key=lambda record: record.state is not JobState.RUNNING)
        raise InputError(
            f"study {command.study} already has a launcher, job {record.id} ({record.state})\n"
            f"to cancel it and its successor, but not the trials: {cancel_command}"
        )
    folder = command.workdir / command.study / "launcher"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "launcher.sh"
    write_atomically(script, script_text(profile, command, script))
    try:
        job_id = run_command("sbatch", "--parsable", str(script)).strip().partition(";")[0]
    except SlurmCommandError as error:
        raise InputError(f"Slurm rejected the launcher's job: {error}") from None
    return SubmittedLauncher(job_id, folder, cancel_command)


def script_text(profile: SlurmProfile, command: LauncherCommand, script: Path) -> str:
    """Return the batch script of a launcher job and its successors.

    Args:
        profile: The trials' profile, which contains the resources of the launcher's job.
        command: The launcher to run.
        script: The file that will contain the script; the logs are written to its folder.
    """
    resources = profile.launcher
    options = {
        "job-name": job_name(command.study),
        "partition": resources.partition or profile.partition,
        "account": resources.account or profile.account,
        "qos": resources.qos or profile.qos,
        "time": resources.timeout_min,
        "mem": f"{round(resources.mem_gb * 1024)}M",
        "nodes": 1,
        "ntasks": 1,
        "cpus-per-task": 1,
        "signal": f"B:TERM@{HAND_OVER_S}",
        "output": script.parent / "%j.log",
    }
    lines = [f"#SBATCH --{name}={shlex.quote(str(value))}" for name, value in options.items() if value]
    return SCRIPT.format(
        options="\n".join([*lines, "#SBATCH --no-requeue"]),
        code_dir=shlex.quote(str(command.code_dir)),
        setup="\n".join(job_setup(profile.setup)),
        script=shlex.quote(str(script)),
        command=f"{shlex.quote(sys.executable)} -m sweep {shlex.join(command.arguments)}",
        detached=DETACHED,
    )
