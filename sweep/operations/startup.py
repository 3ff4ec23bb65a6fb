"""Starting a launch: check everything before anything is changed, then create the launcher."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Engine

from sweep.definition.profile import Profile
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.goals import GPU_SECONDS, PEAK_MEMORY, TRAIN_SECONDS
from sweep.launcher.attempts import FolderOpener, folder_of
from sweep.launcher.clock import Clock, SystemClock
from sweep.launcher.launcher import Launcher
from sweep.launcher.outage import OUTAGES
from sweep.launcher.policy import ConsecutiveFailures
from sweep.launcher.proposals import Proposals, has_started_from
from sweep.launcher.submission import JobSettings
from sweep.operations.code_snapshot import ProjectCode, read_project
from sweep.operations.preflight import PreflightResult, preflight
from sweep.operations.provenance import provenance
from sweep.operations.start_points import StartPoints, start_points
from sweep.operations.study_code import choose_snapshot, recorded_code
from sweep.operations.study_import import IMPORTED
from sweep.operations.study_project import study_project
from sweep.operations.study_workdir import check_study_folder, prepare_study_folder, workdir_to_continue
from sweep.scheduler.executor import Executor
from sweep.scheduler.inline import InlineExecutor
from sweep.storage.database import connect
from sweep.storage.database_problem import database_problems
from sweep.storage.lease import Lease, LeaseHeldError
from sweep.storage.optuna_storage import create_tables, optuna_storage
from sweep.storage.snapshots import current_snapshot_folder
from sweep.storage.studies import (
    create_study,
    find_own_study,
    move_study,
    optuna_study_names,
    record_launch,
    study_workdirs,
)
from sweep.storage.study_definition import definition_of, recorded_definition
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import StudyRow
from sweep.tracking.background import tracking
from sweep.tracking.kinds import check_trackers

logger = logging.getLogger(__name__)

LEASE_PAUSE_S = 5.0
"""How many seconds pass between two attempts to get a lease that another launcher holds."""

CHANGEABLE_KEYS = {
    "trials",
    "parallel",
    "budget",
    "stop_when",
    "failures",
    "pruner",
    "sampler",
    "repeats",
    "start_from",
    "enqueue",
    "dry_run",
    "metrics",
    "stop_grace_seconds",
    "evaluate",
    "prepare",
    "check",
    "verify",
    "check_node",
    "baselines",
    "data_dir",
    "code",
    "working_dir",
}
"""The keys of a study file that may change while the study continues.

A change of any other key would make its trials incomparable.
"""


@dataclass(frozen=True)
class LaunchRequest:
    """The input of a launch.

    Attributes:
        study: The study.
        profile: Where its trials run.
        url: The database.
        workdir: The folder that contains the studies' folders.
        code_dir: The project's folder, in which the launch is started.
        cluster: The profile's name.
        once: Whether the launcher runs one poll cycle only; the failures before this launch count then.
        wait: Whether to wait for another launcher that holds the study, instead of raising an error.
        is_workdir_given: Whether the user has given the workdir, rather than the profile or the default.
        update_code: Whether new trials run the project's code as it is now, instead of the study's snapshot.
        code_of: The name of a study whose snapshot is the code of a new study; None for the project's code.
        is_dry_run: Whether the study is a dry run, whose measurements mean nothing.
        follows: Whether an earlier launch of the same command has ended, so that a stop requested since then
            still holds.
    """

    study: Study
    profile: Profile
    url: URL
    workdir: Path
    code_dir: Path
    cluster: str | None = None
    once: bool = False
    wait: bool = False
    is_workdir_given: bool = False
    update_code: bool = False
    code_of: str | None = None
    is_dry_run: bool = False
    follows: bool = False


Preflight = Callable[..., PreflightResult]
"""Checks the study's functions and data, as `preflight` does."""


@contextmanager
def open_launcher(
    request: LaunchRequest,
    executor: Executor,
    clock: Clock | None = None,
    check_code: Preflight = preflight,
    open_folder: FolderOpener = folder_of,
) -> Iterator[Launcher]:
    """Check a launch, then open a launcher that holds its study's lease while the context lasts.

    Args:
        request: What to launch.
        executor: What runs the jobs.
        clock: The clock; None selects the clock of this machine.
        check_code: Checks the study's functions and data.
        open_folder: Returns the folder of an attempt.

    Raises:
        InputError: If the user's input is wrong. Nothing has been changed then, except that the tables exist.
    """
    clock = clock or SystemClock()
    with ExitStack() as stack:
        with database_problems():
            engine, found, start, code = check(request, check_code)
            create_tables(engine, request.url)
            row = _study_row(engine, request, found.data_sha256, clock)
            workdir = workdir_to_continue(engine, row, request.workdir, request.is_workdir_given)
            prepare_study_folder(workdir, row.name)
            launcher = stack.enter_context(
                hold(engine, row, request, executor, clock, open_folder, workdir, code, start)
            )
            record_launch(
                engine,
                row.id,
                definition_of(request.study),
                request.cluster,
                # A periodic or waiting launcher follows another one, which may have been requested to stop.
                withdraw_stop=not (request.once or request.wait or request.follows),
                baselines=found.baselines,
            )
        stack.enter_context(
            tracking(
                request.study,
                row,
                request.url,
                launcher.poll_seconds,
                only_at_end=isinstance(executor, InlineExecutor),
            )
        )
        yield launcher


@contextmanager
def hold(
    engine: Engine,
    row: StudyRow,
    request: LaunchRequest,
    executor: Executor,
    clock: Clock | None = None,
    open_folder: FolderOpener = folder_of,
    workdir: Path | None = None,
    code: ProjectCode | None = None,
    start: StartPoints | None = None,
) -> Iterator[Launcher]:
    """Open a launcher of a recorded study that holds the study's lease while the context lasts.

    Args:
        engine: The database, which is disposed of at the end.
        row: The study's row.
        request: What to launch.
        executor: What runs the jobs.
        clock: The clock; None selects the clock of this machine.
        open_folder: Returns the folder of an attempt.
        workdir: The folder that the study's folder was moved to; None if it was not moved.
        code: The project's code, which new trials run if the study has no snapshot yet, or if the request
            says so; None keeps the study's snapshot.
        start: The points that the study takes from an earlier one; None if it takes none.

    Raises:
        LeaseHeldError: If another launcher holds the lease.
        InputError: If the code cannot be copied, or the study's snapshot is missing.
    """
    clock = clock or SystemClock()
    lease = Lease(engine, row.id, clock.now)
    _acquire(lease, request.wait, clock)
    try:
        if workdir is not None and str(workdir) != row.workdir:
            logger.info("study %s: its folder is now %s", row.name, workdir / row.name)
            move_study(engine, row, workdir)
        snapshot = row.snapshot
        if code is not None:
            snapshot = choose_snapshot(
                engine,
                row,
                Path(row.workdir),
                code,
                clock.now(),
                update=request.update_code,
                read_again=lambda: read_code(engine, request),
            )
        records = StudyRecords(engine, row.id)
        causes = records.last_causes(request.study.failures.stop_after_same) if request.once else []
        with optuna_storage(request.url) as storage, lease.guard(engine, storage.engine):
            proposals = Proposals(request.study, storage, _judged_epochs(request.study, records))
            if start is not None:
                proposals.start_from(start.start_from, start.points)
            yield Launcher(
                study=request.study,
                settings=_job_settings(request, executor, Path(row.workdir), snapshot),
                executor=executor,
                records=records,
                proposals=proposals,
                lease=lease,
                launched_at=row.created_at,
                poll_seconds=request.profile.poll_seconds,
                clock=clock,
                open_folder=open_folder,
                failures=ConsecutiveFailures.of(causes),
            )
    finally:
        with suppress(*OUTAGES):  # a lease that cannot be released expires
            lease.release()
        engine.dispose()


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


def resolve_workdir(profile: Profile, workdir: Path | None = None) -> Path:
    """Return the folder in which trial folders are created: the given one, the profile's, or ./sweeps.

    Symbolic links are kept, because they may lead elsewhere on the nodes.

    Raises:
        InputError: If the path contains a percent sign, which Slurm and submitit replace in paths.
    """
    folder = Path(os.path.abspath((workdir or Path(profile.workdir or "sweeps")).expanduser()))  # noqa: PTH100
    if "%" in str(folder):
        raise InputError(
            f"the workdir {folder} contains a percent sign, which Slurm replaces in the paths of its files\n"
            "choose another with --workdir, or with `workdir` in the profile"
        )
    return folder


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


def _judged_epochs(study: Study, records: StudyRecords) -> dict[int, dict[int, float]]:
    """Return the recorded values of the metric that the pruner judges, if it is not the objective."""
    metric = study.pruner.other_metric()
    return {} if metric is None else records.values_by_epoch(metric.name)


def _acquire(lease: Lease, wait: bool, clock: Clock) -> None:
    is_logged = False
    while True:
        try:
            return lease.acquire()
        except LeaseHeldError as error:
            if not wait:
                raise
            if not is_logged:
                logger.info("waiting: %s", str(error).partition("\n")[0])
                is_logged = True
            clock.sleep(LEASE_PAUSE_S)


def _study_row(engine: Engine, request: LaunchRequest, data_sha256: str | None, clock: Clock) -> StudyRow:
    """Return the row of a study that continues, or create the row of a new one."""
    definition = definition_of(request.study)
    row = find_own_study(engine, request.study.name)
    if row is None:
        origin = provenance(request.code_dir, data_sha256)
        row = create_study(engine, request.study.name, definition, origin, str(request.workdir), clock.now())
    # The recorded definition is that of an earlier version, if this one has more keys.
    _check_same(request.study.name, definition_of(recorded_definition(row)), definition)
    if IMPORTED not in row.provenance and data_sha256 != row.provenance.get("data_sha256"):
        raise InputError(
            f"study {row.name} was started on data with the checksum {row.provenance.get('data_sha256')}, "
            f"but the data now has {data_sha256}\n"
            "restore the old data, or give the study another name: --set name=NAME"
        )
    return row


def _check_same(name: str, stored: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    before, after = dict(_leaves(stored)), dict(_leaves(now))
    changed = [
        f"  {key}: was {before.get(key)!r}, is {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if key.partition(".")[0] not in CHANGEABLE_KEYS and before.get(key) != after.get(key)
    ]
    if changed:
        raise InputError(
            "\n".join(
                [
                    f"study {name} exists in this storage and was started with other settings:",
                    *changed,
                    "restore them to continue the study, or give the new study another name: --set name=NAME",
                ]
            )
        )


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested mappings with its key path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _job_settings(
    request: LaunchRequest, executor: Executor, workdir: Path, snapshot: str | None
) -> JobSettings:
    return JobSettings(
        workdir=workdir,
        project_dir=request.code_dir,
        num_gpus=request.profile.num_gpus,
        threads=executor.threads_per_trial(request.study.parallel),
        trials_per_job=request.profile.trials_per_job,
        exit_grace_s=request.profile.exit_grace_seconds,
        snapshot=snapshot,
    )
