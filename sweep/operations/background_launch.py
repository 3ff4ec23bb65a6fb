"""A launch whose launcher is a Slurm job of its own."""

from collections.abc import Sequence

from sweep.launcher.startup import LaunchRequest, check
from sweep.scheduler.slurm.launcher_job import job_name, submit_launcher
from sweep.storage.database import upgrade
from sweep.storage.user_requests import withdraw_stop


def submit_launch(request: LaunchRequest, options: Sequence[str]) -> str:
    """Check a launch, submit its launcher as a Slurm job, and return a description of the job.

    Args:
        request: What to launch.
        options: The options of `sweep launch` that make the same request on the node.

    Raises:
        InputError: If the request is wrong, or Slurm rejects the job.
    """
    study = request.study.name
    engine, _ = check(request)
    upgrade(engine)
    withdraw_stop(engine, study)
    engine.dispose()
    arguments = ["launch", *options, "--wait"]
    job_id = submit_launcher(study, request.profile, request.workdir, request.code_dir, arguments)
    return (
        f"study {study}: its launcher is job {job_id}, which logs to {request.workdir / study / 'launcher'}\n"
        f"to cancel the launcher and its successor while trials continue: scancel --name={job_name(study)}"
    )
