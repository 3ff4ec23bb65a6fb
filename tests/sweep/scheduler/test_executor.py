"""Tests of what the protocol `Executor` provides for executors without a batch system."""

from pathlib import Path

import pytest

from sweep.definition.local_profile import LocalProfile
from sweep.errors import InputError
from sweep.scheduler.executor import Executor
from sweep.scheduler.inline import InlineExecutor
from sweep.scheduler.job import Job
from sweep.scheduler.launcher_job import LauncherCommand
from sweep.scheduler.local import LocalExecutor

JOB = Job("toy-0-abc.0", Path("jobs"), ())


@pytest.fixture(params=["inline", "local"])
def executor(request: pytest.FixtureRequest) -> Executor:
    return InlineExecutor() if request.param == "inline" else LocalExecutor(LocalProfile(executor="local"))


def test_there_is_no_script_to_preview(executor: Executor) -> None:
    assert executor.preview(JOB) is None


def test_there_is_nothing_to_diagnose(executor: Executor) -> None:
    assert list(executor.diagnose(JOB)) == []


def test_launcher_cannot_run_as_a_job(executor: Executor) -> None:
    with pytest.raises(InputError, match="the profile runs trials on this machine"):
        executor.submit_launcher(LauncherCommand("toy", Path("sweeps"), Path(), ["launch"]))
