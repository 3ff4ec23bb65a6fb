"""The launcher as a Slurm job, for login nodes that allow no long processes.

Each job of the chain submits its successor before it does anything else, to start when it has ended, however
it ends. So the chain goes on when a launcher is out of time, or its node dies; a launcher that comes to the
study's end cancels its successor.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from sweep.definition.cluster import Profile, SlurmProfile
from sweep.errors import InputError
from sweep.scheduler.slurm.queue import NoAnswerError, call, queue
from sweep.states import JobState
from sweep.worker.atomic_file import write_atomically

HAND_OVER_S = 60  # before its time is up a launcher is told to leave

SCRIPT = """\
#!/bin/bash
{options}
cd {code_dir} || exit 1
{setup}

# the successor; it starts when this job has ended, and waits should the study not be free then
successor=$(sbatch --parsable --dependency="afterany:$SLURM_JOB_ID" {script}) || exit 1

{command} &
launcher=$!
trap 'kill $launcher' TERM  # time is almost up: the launcher detaches
wait $launcher
code=$?
while kill -0 $launcher 2>/dev/null; do wait $launcher; code=$?; done
if [ $code -lt 128 ]; then scancel "${{successor%%;*}}"; fi  # it has ended by itself
[ $code -eq {detached} ] || exit $code
"""
DETACHED = 130  # exit code of a launcher that was told to leave


def job_name(study: str) -> str:
    """What Slurm calls every job of a study's chain."""
    return f"sweep-{study}"


def submit_launcher(
    study: str, profile: Profile, workdir: Path, code_dir: Path, arguments: Sequence[str]
) -> str:
    """Submit the first job of the chain; its id.

    Args:
        study: its name.
        profile: the trials' profile, which says what the launcher's job asks for.
        workdir: where trial folders go; the script and the launchers' logs go beside them.
        code_dir: the folder that the launcher starts in.
        arguments: of the `sweep` command.

    Raises
    ------
    InputError
        When the profile is not of a Slurm cluster, the chain is there already, or Slurm refuses the job.
    """
    if not isinstance(profile, SlurmProfile):
        raise InputError(
            f"--as-job makes the launcher a Slurm job, but the profile runs trials as {profile.executor}\n"
            "name a profile of a Slurm cluster with --cluster"
        )
    name = job_name(study)
    chain = [row for row in queue() or [] if row.name == name and not row.state.has_ended]
    if chain:
        running = min(chain, key=lambda row: row.state is not JobState.RUNNING)
        raise InputError(
            f"study {study} has a launcher already, job {running.id} ({running.state})\n"
            f"to end it and its successor, while trials go on: scancel --name={name}"
        )
    folder = workdir / study / "launcher"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "launcher.sh"
    write_atomically(script, script_text(study, profile, script, code_dir, arguments))
    try:
        return call("sbatch", "--parsable", str(script)).strip().partition(";")[0]
    except NoAnswerError as error:
        raise InputError(f"the launcher's job is refused: {error}") from None


def script_text(
    study: str, profile: SlurmProfile, script: Path, code_dir: Path, arguments: Sequence[str]
) -> str:
    """The batch script of every job of the chain."""
    asked = profile.launcher
    options = {
        "job-name": job_name(study),
        "partition": asked.partition or profile.partition,
        "account": asked.account or profile.account,
        "qos": asked.qos or profile.qos,
        "time": asked.timeout_min,
        "mem": f"{round(asked.mem_gb * 1024)}M",
        "nodes": 1,
        "ntasks": 1,
        "cpus-per-task": 1,
        "signal": f"B:TERM@{HAND_OVER_S}",
        "output": script.parent / "%j.log",
    }
    lines = [f"#SBATCH --{name}={shlex.quote(str(value))}" for name, value in options.items() if value]
    python = profile.python or shlex.quote(sys.executable)
    return SCRIPT.format(
        options="\n".join([*lines, "#SBATCH --no-requeue"]),
        code_dir=shlex.quote(str(code_dir)),
        setup="\n".join(profile.setup),
        script=shlex.quote(str(script)),
        command=f"{python} -m sweep {shlex.join(arguments)}",
        detached=DETACHED,
    )
