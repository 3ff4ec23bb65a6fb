"""Tests of the profiles that run trials on this machine."""

import pytest

from sweep.definition.local_profile import InlineProfile, LocalProfile
from sweep.definition.profile import Profile


@pytest.mark.parametrize("profile", [LocalProfile(executor="local"), InlineProfile(executor="inline")])
def test_trials_on_this_machine_have_no_gpus_and_jobs_of_their_own(profile: Profile) -> None:
    assert profile.num_gpus == 0
    assert profile.trials_per_job == 1
    assert profile.runs_in_launcher_environment
    assert not profile.lacks_memory_request
    assert profile.for_probe() == profile


def test_only_inline_trials_run_in_the_launcher_process() -> None:
    assert InlineProfile(executor="inline").runs_in_launcher_process
    assert not LocalProfile(executor="local").runs_in_launcher_process
