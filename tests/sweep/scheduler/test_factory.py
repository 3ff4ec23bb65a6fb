"""Tests of the choice of an executor."""

from typing import Any, cast

import pytest

from sweep.definition.local_profile import InlineProfile, LocalProfile
from sweep.definition.profile import Profile
from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.factory import make_executor
from sweep.scheduler.inline import InlineExecutor
from sweep.scheduler.local import LocalExecutor
from sweep.scheduler.slurm.executor import SlurmExecutor


@pytest.mark.parametrize(
    ("profile", "executor_class"),
    [
        (InlineProfile(executor="inline"), InlineExecutor),
        (LocalProfile(executor="local"), LocalExecutor),
        (SlurmProfile(executor="slurm", timeout_min=60), SlurmExecutor),
    ],
)
def test_profile_determines_the_executor(profile: Profile, executor_class: type[Any]) -> None:
    assert type(make_executor(profile)) is executor_class


def test_profile_without_an_executor_is_an_error() -> None:
    with pytest.raises(TypeError, match="no executor for the profile"):
        make_executor(cast(Profile, object()))
