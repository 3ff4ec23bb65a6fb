"""Starting a launch: everything is checked before anything is changed, then the launcher is put together."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine

from sweep.definition.cluster import LocalProfile, Profile, SlurmProfile
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.launcher.launcher import Launcher
from sweep.launcher.outage import OUTAGES
from sweep.launcher.preflight import preflight
from sweep.launcher.proposals import Proposals
from sweep.launcher.provenance import provenance
from sweep.launcher.retries import Streak
from sweep.launcher.submission import Setting
from sweep.scheduler.factory import make_executor
from sweep.storage.database import connect, upgrade
from sweep.storage.lease import Lease, LeaseHeldError
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.studies import create_study, find_study, record_launch
from sweep.storage.study_definition import definition_of
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import StudyRow

logger = logging.getLogger(__name__)

WAITING_PAUSE_S = 5.0

# What a study file may say anew while its study goes on; anything else would mix trials that differ
CHANGEABLE = {
    "trials",
    "parallel",
    "budget",
    "failures",
    "pruner",
    "sampler",
    "enqueue",
    "dry_run",
    "evaluate",
    "prepare",
    "verify",
    "check_node",
    "baselines",
    "data_dir",
}


@dataclass(frozen=True)
class LaunchRequest:
    """What a launch needs: what to try, where it runs, where it is recorded."""

    study: Study
    profile: Profile
    url: URL
    workdir: Path
    code_dir: Path  # the folder the launch was started in
    cluster: str | None = None  # the profile's name
    once: bool = False  # one pass of many: what failed before this launch counts
    wait: bool = False  # for a launcher that has the study, rather than refuse


@contextmanager
def open_launcher(request: LaunchRequest) -> Iterator[Launcher]:
    """A launcher that holds its study's lease, for as long as the context lasts.

    Raises
    ------
    InputError
        When something the user gave is wrong. Nothing has been changed then, but for the tables.
    """
    engine, data_sha256 = check(request)
    upgrade(engine)
    row = _study_row(engine, request, data_sha256)
    with hold(engine, row, request) as launcher:
        goes_on = not (request.once or request.wait)  # those follow another launch, which may be stopping
        definition = definition_of(request.study)
        record_launch(engine, row.id, definition, request.cluster, withdraw_stop=goes_on)
        yield launcher


@contextmanager
def hold(engine: Engine, row: StudyRow, request: LaunchRequest) -> Iterator[Launcher]:
    """A launcher of a recorded study, which is no other launcher's for as long as the context lasts.

    Raises
    ------
    LeaseHeldError
        When another launcher has it.
    """
    lease = Lease(engine, row.id)
    _acquire(lease, request.wait)
    records = StudyRecords(engine, row.id)
    failures = records.last_causes(request.study.failures.stop_after_same) if request.once else []
    try:
        with optuna_storage(request.url) as storage:
            yield Launcher(
                study=request.study,
                setting=_setting(request, Path(row.workdir)),
                executor=make_executor(request.profile),
                records=records,
                proposals=Proposals(request.study, storage),
                lease=lease,
                launched_at=row.created_at,
                poll_seconds=request.profile.poll_seconds,
                streak=Streak(failures),
            )
    finally:
        with suppress(*OUTAGES):  # then it goes stale
            lease.release()
        engine.dispose()


def check(request: LaunchRequest) -> tuple[Engine, str | None]:
    """Find the mistakes that can be found before anything is changed; the database, and the data's checksum.

    Raises InputError.
    """
    _check_memory(request)
    engine = connect(request.url)
    data_sha256 = preflight(request.study, request.code_dir, import_train=runs_here(request.profile))
    check_writable(request.workdir)
    return engine, data_sha256


def _check_memory(request: LaunchRequest) -> None:
    factor, profile = request.study.failures.memory_factor, request.profile
    if isinstance(profile, SlurmProfile) and factor > 1 and profile.mem_gb is None:
        raise InputError(
            f"study {request.study.name}: failures.memory_factor is {factor:g}, but the profile has no "
            "mem_gb\ngive the profile mem_gb, or leave memory_factor out"
        )


def check_writable(workdir: Path) -> None:
    """Make the folder that trial folders go to, and write into it.

    Raises
    ------
    InputError
        When that fails.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=workdir):
            pass
    except OSError as error:
        raise InputError(
            f"the work folder {workdir} cannot be written: {error.strerror}\n"
            "choose another with --workdir, or with `workdir` in the profile"
        ) from None


def _acquire(lease: Lease, wait: bool) -> None:
    told = False
    while True:
        try:
            return lease.acquire()
        except LeaseHeldError as error:
            if not wait:
                raise
            if not told:
                logger.info("waiting: %s", str(error).partition("\n")[0])
                told = True
            time.sleep(WAITING_PAUSE_S)


def _study_row(engine: Engine, request: LaunchRequest, data_sha256: str | None) -> StudyRow:
    definition = definition_of(request.study)
    row = find_study(engine, request.study.name)
    if row is None:
        origin = provenance(request.code_dir, data_sha256)
        return create_study(engine, request.study.name, definition, origin, str(request.workdir))
    _check_same(request.study.name, row.definition, definition)
    if data_sha256 != row.provenance.get("data_sha256"):
        raise InputError(
            f"study {row.name} was started on data of checksum {row.provenance.get('data_sha256')}, "
            f"and this is {data_sha256}\n"
            "put the old data back, or give the study another name: --set name=NAME"
        )
    return row


def _check_same(name: str, stored: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    before, after = dict(_leaves(stored)), dict(_leaves(now))
    changed = [
        f"  {key}: was {before.get(key)!r}, is {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if key.partition(".")[0] not in CHANGEABLE and before.get(key) != after.get(key)
    ]
    if changed:
        raise InputError(
            "\n".join(
                [
                    f"study {name} is in this storage already, and was started with other settings:",
                    *changed,
                    "put them back to go on with it, or give the new study another name: --set name=NAME",
                ]
            )
        )


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested mappings with its key path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def runs_here(profile: Profile) -> bool:
    """Whether trials run in this very environment: this Python, and no module loaded before it."""
    return not isinstance(profile, SlurmProfile) or not (profile.setup or profile.python)


def _setting(request: LaunchRequest, workdir: Path) -> Setting:
    profile = request.profile
    threads = None
    if isinstance(profile, LocalProfile):
        threads = max(1, (os.cpu_count() or 1) // request.study.parallel)
    elif isinstance(profile, SlurmProfile):
        threads = max(1, profile.cpus_per_task // profile.trials_per_job)
    return Setting(
        workdir=workdir,
        code_dir=request.code_dir,
        num_gpus=profile.num_gpus,
        threads=threads,
        trials_per_job=profile.trials_per_job,
    )
