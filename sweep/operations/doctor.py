"""The checks before a launch: on this machine, of the scheduler, and on a node."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import URL

from sweep.definition.profile import Profile
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.notification.delivery import check_recipients, deliver, recipients
from sweep.notification.events import Event, EventKind
from sweep.operations.node_diagnosis import diagnose_node
from sweep.operations.preflight import preflight
from sweep.operations.private_folder import check_workdir
from sweep.operations.study_workdir import check_study_folder
from sweep.scheduler.diagnosis import Diagnosis, failed, ok, warning
from sweep.scheduler.factory import make_executor
from sweep.scheduler.job import Job
from sweep.states import Verdict
from sweep.storage.database import connect, shown_url, sqlite_file

NETWORK_FILE_SYSTEMS = (
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
class LaunchConditions:
    """What a launch depends on.

    Attributes:
        profile: Where trials run.
        url: The database.
        workdir: The folder in which trial folders are created.
        code_dir: The folder that the launch is started in.
        study: The study; without one, only what holds for every study is checked.
        notifies: Whether to send a notification as a test.
    """

    profile: Profile
    url: URL
    workdir: Path
    code_dir: Path
    study: Study | None
    notifies: bool = False


def diagnose(conditions: LaunchConditions) -> Iterator[Diagnosis]:
    """Yield the result of each check. A job is submitted only if no check before it has failed."""
    has_failed = False
    for check in _checks_without_job(conditions):
        has_failed = has_failed or check.verdict is Verdict.FAILED
        yield check
    if conditions.profile.runs_in_launcher_process:
        yield ok("node", "trials run in the launcher's process, so there is no node to check")
    elif has_failed:
        yield warning(
            "node", "not checked, because no job can run", "correct what has failed, then try again"
        )
    else:
        yield from diagnose_node(
            conditions.profile, conditions.workdir, conditions.code_dir, conditions.study
        )


def _checks_without_job(conditions: LaunchConditions) -> Iterator[Diagnosis]:
    yield _check_storage(conditions.url)
    yield _check_workdir(conditions.workdir, conditions.study)
    if conditions.study is not None:
        yield _check_study(conditions.study, conditions.profile, conditions.code_dir)
        if conditions.study.notify.is_set:
            yield _check_notify(conditions.study, conditions.notifies)
    job = Job("doctor.0", conditions.workdir / "doctor", ())
    yield from make_executor(conditions.profile).diagnose(job)


def _check_storage(url: URL) -> Diagnosis:
    try:
        connect(url).dispose()
    except InputError as error:
        return _failed_with("storage", error)
    file = sqlite_file(url)
    if file is not None and (file_system := network_file_system(file.resolve())) is not None:
        return warning(
            "storage",
            f"{shown_url(url)} is on a network disk ({file_system}), where file locks may not work",
            "put the file on a local disk of the machine that launches, or use PostgreSQL: --storage URL",
        )
    return ok("storage", f"{shown_url(url)} can be opened")


def _check_workdir(workdir: Path, study: Study | None) -> Diagnosis:
    try:
        if study is None:
            check_workdir(workdir)
        else:
            check_study_folder(workdir, study.name)
    except InputError as error:
        return _failed_with("workdir", error)
    return ok("workdir", f"{workdir} can be written from here, and not by other users")


def _check_study(study: Study, profile: Profile, code_dir: Path) -> Diagnosis:
    imports_train = profile.runs_in_launcher_environment
    try:
        found = preflight(study, code_dir, import_train=imports_train)
    except InputError as error:
        return _failed_with("study", error)
    is_imported = imports_train and study.function is not None
    function = f"{study.function} can be imported here" if is_imported else "its file is valid"
    data = f"; {study.dataset} is available, checksum {found.data_sha256}" if study.prepare else ""
    return ok("study", f"{function}{data}")


def _check_notify(study: Study, sends: bool) -> Diagnosis:
    """Check who is notified, which does not affect trials."""
    try:
        check_recipients(study.name, study.notify)
    except InputError as error:
        found, _, advice = str(error).partition("\n")
        return failed("notify", found, advice)
    names = " and ".join(recipient.name for recipient in recipients(study.notify))
    if not sends:
        return ok("notify", f"{names} would be notified; --notify sends a test")
    now = datetime.now(UTC)
    event = Event(EventKind.TEST, "", f"This is a test notification of study {study.name}.")
    problems = deliver(study.notify, study.name, event, now)
    if problems:
        return failed("notify", "; ".join(problems), "correct `notify` in the study file, or its variable")
    return ok("notify", f"{names} has received a test notification")


def _failed_with(what: str, error: InputError) -> Diagnosis:
    found, _, advice = str(error).partition("\n")
    return failed(what, found, advice.replace("\n", "; "))


def network_file_system(path: Path) -> str | None:
    """Return the type of the network file system that contains a path; None if the disk is local."""
    mounts = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part.mountpoint)]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""
    return kind if kind.startswith(NETWORK_FILE_SYSTEMS) else None
