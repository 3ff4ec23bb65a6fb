"""Ending a study early: by its launcher, or in the place of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from sweep.definition.profile import Profile
from sweep.launcher.launcher import Launcher
from sweep.launcher.startup import LaunchRequest, hold
from sweep.scheduler.factory import make_executor
from sweep.states import Stop
from sweep.storage.lease import Holder, holder
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import StudyRow
from sweep.storage.user_requests import request_stop


def stop_study(engine: Engine, study: StudyRow, stop: Stop) -> Holder | None:
    """Ask for a study to be stopped; the launcher at work that will do it, None when there is none.

    Where launchers come and go, as with `launch --once`, the next one finds the wish.
    """
    request_stop(engine, study, stop)
    return launcher_at_work(study)


def launcher_at_work(study: StudyRow) -> Holder | None:
    return holder(study, datetime.now(UTC))


@contextmanager
def cancelling(engine: Engine, study: StudyRow, profile: Profile) -> Iterator[Launcher]:
    """A launcher of a study that is to stop: `run` takes what is active to its end, and proposes nothing.

    Broken off anywhere, it can be made anew, or the study launched: each trial is cancelled or goes on.

    Raises
    ------
    InputError
        When a launcher is at work.
    """
    request = LaunchRequest(recorded_definition(study), profile, engine.url, Path(study.workdir), Path.cwd())
    with hold(engine, study, request, make_executor(profile)) as launcher:
        yield launcher
