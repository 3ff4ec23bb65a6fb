"""Stopping a study early, by its running launcher or without one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from sweep.definition.profile import Profile
from sweep.launcher.launcher import Launcher
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.startup import hold
from sweep.scheduler.factory import make_executor
from sweep.states import Stop
from sweep.storage.lease import Holder, holder
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import StudyRow
from sweep.storage.user_requests import request_stop


def stop_study(engine: Engine, study: StudyRow, stop: Stop) -> Holder | None:
    """Request a stop of a study.

    Args:
        engine: The database.
        study: The study.
        stop: The kind of stop.

    Returns:
        The running launcher that will stop the study; None if no launcher is running. The next poll cycle of
        `launch --once` then finds the request.
    """
    request_stop(engine, study, stop)
    return running_launcher(study)


def running_launcher(study: StudyRow) -> Holder | None:
    """Return the launcher that is running for a study; None if there is none."""
    return holder(study, datetime.now(UTC))


@contextmanager
def cancelling_launcher(engine: Engine, study: StudyRow, profile: Profile) -> Iterator[Launcher]:
    """Open a launcher of a study that was requested to stop and has no running launcher.

    Its `run` cancels the jobs of active trials, records how they ended and proposes no more. It can be
    interrupted at any time: a new one, or a launch of the study, continues.

    Args:
        engine: The database.
        study: The study.
        profile: The profile that the jobs were submitted with.

    Raises:
        InputError: If a launcher is running.
    """
    request = LaunchRequest(recorded_definition(study), profile, engine.url, Path(study.workdir), Path.cwd())
    with hold(engine, study, request, make_executor(profile)) as launcher:
        yield launcher
