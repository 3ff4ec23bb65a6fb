"""What would go wrong in a launch, looked for before it: here, at the scheduler, and on a node."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import URL

from sweep.definition.profile import Profile
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.launcher.preflight import preflight
from sweep.launcher.startup import check_writable
from sweep.operations.node_diagnosis import check_node
from sweep.scheduler.diagnosis import Diagnosis, failed, ok, warning
from sweep.scheduler.factory import make_executor
from sweep.scheduler.job import Job
from sweep.states import Verdict
from sweep.storage.database import connect, shown_url, sqlite_file

NETWORK_DISKS = (
    "nfs",
    "lustre",
    "gpfs",
    "beegfs",
    "cifs",
    "smb",
    "ceph",
    "glusterfs",
    "afs",
    "panfs",
    "9p",
    "fuse",
)


@dataclass(frozen=True)
class Visit:
    """What is to be looked at; without a study, whatever holds for any."""

    profile: Profile
    url: URL
    workdir: Path
    code_dir: Path
    study: Study | None


def examine(visit: Visit) -> Iterator[Diagnosis]:
    """Every check in turn. A job is tried only when nothing before it has failed."""
    may_run = True
    for check in _look_around_here(visit):
        may_run = may_run and check.verdict is not Verdict.FAILED
        yield check
    if visit.profile.runs_in_launcher_process:
        yield ok("node", "trials run in the launcher's own process, so nothing else is to be looked at")
    elif may_run:
        yield from check_node(visit.profile, visit.workdir, visit.code_dir, visit.study)
    else:
        yield warning(
            "node", "not looked at, since no job could be tried", "put right what has failed, then try again"
        )


def _look_around_here(visit: Visit) -> Iterator[Diagnosis]:
    yield _check_storage(visit.url)
    yield _check_workdir(visit.workdir)
    if visit.study is not None:
        yield _check_study(visit.study, visit.profile, visit.code_dir)
    yield from make_executor(visit.profile).diagnose(Job("doctor.0", visit.workdir / "doctor", ()))


def _check_storage(url: URL) -> Diagnosis:
    try:
        connect(url).dispose()
    except InputError as error:
        return _of_mistake("storage", error)
    file = sqlite_file(url)
    if file is not None and (disk := network_disk(file.resolve())) is not None:
        return warning(
            "storage",
            f"{shown_url(url)} is on a network disk ({disk}), whose file locks may not hold",
            "put the file on a local disk of the machine that launches, or use PostgreSQL: --storage URL",
        )
    return ok("storage", f"{shown_url(url)} is reached")


def _check_workdir(workdir: Path) -> Diagnosis:
    try:
        check_writable(workdir)
    except InputError as error:
        return _of_mistake("workdir", error)
    return ok("workdir", f"{workdir} is written to from here")


def _check_study(study: Study, profile: Profile, code_dir: Path) -> Diagnosis:
    try:
        checksum = preflight(study, code_dir, import_train=profile.runs_in_launcher_environment)
    except InputError as error:
        return _of_mistake("study", error)
    data = f"; {study.dataset} is there, checksum {checksum}" if study.prepare else ""
    is_imported = profile.runs_in_launcher_environment
    return ok("study", f"{study.train} imports here{data}" if is_imported else f"its file is right{data}")


def _of_mistake(what: str, error: InputError) -> Diagnosis:
    found, _, advice = str(error).partition("\n")
    return failed(what, found, advice.replace("\n", "; "))


def network_disk(path: Path) -> str | None:
    """The kind of network file system that a path is on, if it is on one."""
    mounts = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part.mountpoint)]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""
    return kind if kind.startswith(NETWORK_DISKS) else None
