"""A launch whose launcher runs as a job."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sweep.operations.launch_check import check, read_code
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.study_code import choose_snapshot
from sweep.operations.study_workdir import prepare_study_folder, workdir_to_continue
from sweep.scheduler.factory import make_executor
from sweep.scheduler.launcher_job import LauncherCommand
from sweep.storage.optuna_storage import create_tables
from sweep.storage.studies import find_own_study
from sweep.storage.user_requests import withdraw_stop


def submit_launch(request: LaunchRequest, options: Sequence[str]) -> str:
    """Check a launch, submit its launcher as a job, and return a description of the job.

    Args:
        request: What to launch.
        options: The options of `sweep launch` that make the same request on the node.

    Raises:
        InputError: If the request is wrong, or the scheduler rejects the job.
    """
    study = request.study.name
    engine, _, _, code = check(request)
    create_tables(engine, request.url)
    withdraw_stop(engine, study)
    workdir = request.workdir
    if (row := find_own_study(engine, study)) is not None:
        workdir = workdir_to_continue(engine, row, workdir, request.is_workdir_given)
    prepare_study_folder(workdir, study)
    if row is not None and code is not None and request.update_code:
        # The launcher and its successors, which start later, continue with this snapshot.
        choose_snapshot(
            engine,
            row,
            workdir,
            code,
            datetime.now(UTC),
            update=True,
            read_again=lambda: read_code(engine, request),
        )
    engine.dispose()
    command = LauncherCommand(study, workdir, request.code_dir, ["launch", *options, "--wait"])
    launcher = make_executor(request.profile).submit_launcher(command)
    return (
        f"study {study}: its launcher is job {launcher.job_id}, which logs to {launcher.logs}\n"
        f"to cancel the launcher and its successor while trials continue: {launcher.cancel_command}"
    )
