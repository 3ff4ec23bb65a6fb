"""The checks of a launch before anything is changed."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.goals import GPU_SECONDS, PEAK_MEMORY, TRAIN_SECONDS
from sweep.launcher.proposals import has_started_from
from sweep.notification.delivery import check_recipients
from sweep.operations.code_snapshot import ProjectCode, read_project
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.preflight import PreflightResult, preflight
from sweep.operations.start_points import StartPoints, start_points
from sweep.operations.study_code import recorded_code
from sweep.operations.study_project import study_project
from sweep.operations.study_workdir import check_study_folder
from sweep.storage.database import connect
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.snapshots import current_snapshot_folder
from sweep.storage.studies import optuna_study_names, study_workdirs
from sweep.tracking.kinds import check_trackers

logger = logging.getLogger(__name__)

Preflight = Callable[..., PreflightResult]
"""Checks the study's functions and data, as `preflight` does."""


class CheckedLaunch(NamedTuple):
    """A launch whose input is right.

    Attributes:
        engine: The database.
        found: What the study's functions returned.
        start: The points that the study takes from an earlier one; None if it takes none.
        code: The code as it is now; None if it cannot be copied, and the study continues with its snapshot.
    """

    engine: Engine
    found: PreflightResult
    start: StartPoints | None
    code: ProjectCode | None


def check(request: LaunchRequest, check_code: Preflight = preflight) -> CheckedLaunch:
    """Check what can be checked before anything is changed.

    The functions are imported from the code that new trials will run.

    Raises:
        InputError: If the user's input is wrong.
    """
    _check_memory(request)
    _check_measurements(request)
    _check_sampler(request.study)
    check_trackers(request.study)
    _check_notify(request)
    engine = connect(request.url)
    snapshot = None
    if not request.update_code:
        snapshot = current_snapshot_folder(engine, request.study.name, moved_to=request.workdir)
    is_continued = snapshot is not None and snapshot.is_dir()
    code = None
    try:
        code = read_code(engine, request)
    except InputError as error:
        if not is_continued:
            raise
        logger.warning("code: the study continues with its snapshot, because %s", error)
    start = _start_points(engine, request)
    points = [] if start is None else start.points.values()
    found = check_code(
        request.study.model_copy(update={"enqueue": (*request.study.enqueue, *points)}),
        snapshot if snapshot is not None and is_continued else _folder_of(code, request),
        import_train=request.profile.runs_in_launcher_environment,
        project_dir=request.code_dir,
    )
    if request.study.name not in study_workdirs(engine):
        check_study_folder(request.workdir, request.study.name)
    return CheckedLaunch(engine, found, start, code)


def _start_points(engine: Engine, request: LaunchRequest) -> StartPoints | None:
    """Return the points that the study takes from an earlier one, unless an earlier launch has done so."""
    start_from = request.study.start_from
    if start_from is None:
        return None
    if request.study.name in optuna_study_names(engine):
        with optuna_storage(request.url) as storage:
            if has_started_from(storage, request.study.name, start_from):
                return None
    start = start_points(request.study, start_from, request.url)
    numbers = ", ".join(map(str, start.points))
    logger.info("start from study %s: %d points, of trials %s", start_from.study, len(start.points), numbers)
    for note in start.notes:
        logger.info("  %s", note)
    return start


def _folder_of(code: ProjectCode | None, request: LaunchRequest) -> Path:
    return request.code_dir if code is None else code.folder


def read_code(engine: Engine, request: LaunchRequest) -> ProjectCode:
    """Return the code that new trials run unless their study continues with its snapshot.

    Raises:
        InputError: If the code cannot be read or copied.
    """
    if request.code_of is not None:
        of_other = recorded_code(engine, request.code_of)
        if of_other is not None:
            return of_other
    return read_project(study_project(engine, request.study, request.code_dir, request.workdir))


def _check_memory(request: LaunchRequest) -> None:
    factor = request.study.failures.memory_factor
    if factor > 1 and request.profile.lacks_memory_request:
        raise InputError(
            f"study {request.study.name}: failures.memory_factor is {factor:g}, but the profile has no "
            "mem_gb\nset mem_gb in the profile, or remove memory_factor"
        )


def _check_notify(request: LaunchRequest) -> None:
    """Check who is notified. A launcher that continues the study without its user continues it anyway."""
    try:
        check_recipients(request.study.name, request.study.notify)
    except InputError as error:
        if not (request.once or request.follows):
            raise
        logger.warning("%s", error)


def _check_measurements(request: LaunchRequest) -> None:
    """Check that the profile permits the measurements that the study names."""
    measured = request.study.goals.measured
    if GPU_SECONDS in measured and not request.profile.num_gpus and not request.is_dry_run:
        raise InputError(
            f"study {request.study.name}: {GPU_SECONDS} would be 0 in every trial, because the profile "
            f"requests no GPU\nuse {TRAIN_SECONDS} instead, or a profile with GPUs: --cluster PROFILE"
        )
    if PEAK_MEMORY in measured and request.profile.runs_in_launcher_process:
        raise InputError(
            f"study {request.study.name}: {PEAK_MEMORY} cannot be measured with the executor inline, because "
            "all trials run in the launcher's process\nuse a profile with the executor local or slurm"
        )


def _check_sampler(study: Study) -> None:
    """Check that the sampler can be made, before the launcher needs it."""
    study.pruner.check_packages(study.name)
    study.sampler.check_packages(study.name)
    study.stop_when.check_packages(study.name)
    try:
        study.sampler.make(0)
    except (ImportError, TypeError, ValueError, OSError) as error:
        raise InputError(
            f"study {study.name}: the sampler {study.sampler.name} cannot be created: {error}\n"
            "correct `sampler` in the study file, or install the package that contains the sampler"
        ) from None
