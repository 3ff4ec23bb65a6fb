"""The start of a launch: the study's row, its lease and its launcher, after the launch has been checked."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.launcher.attempts import FolderOpener, folder_of
from sweep.launcher.clock import Clock, SystemClock
from sweep.launcher.launcher import Launcher
from sweep.launcher.outage import OUTAGES
from sweep.launcher.policy import ConsecutiveFailures
from sweep.launcher.proposals import Proposals
from sweep.launcher.submission import JobSettings
from sweep.operations.code_snapshot import ProjectCode
from sweep.operations.launch_check import Preflight, check, read_code
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.preflight import preflight
from sweep.operations.provenance import provenance
from sweep.operations.start_points import StartPoints
from sweep.operations.study_code import choose_snapshot
from sweep.operations.study_import import IMPORTED
from sweep.operations.study_workdir import prepare_study_folder, workdir_to_continue
from sweep.scheduler.executor import Executor
from sweep.scheduler.inline import InlineExecutor
from sweep.storage.database_problem import database_problems
from sweep.storage.lease import Lease, LeaseHeldError
from sweep.storage.optuna_storage import create_tables, optuna_storage
from sweep.storage.studies import (
    create_study,
    find_own_study,
    move_study,
    record_launch,
)
from sweep.storage.study_definition import definition_of, recorded_definition
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import StudyRow
from sweep.tracking.background import tracking

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
