"""The choice of an executor."""

from sweep.definition.local_profile import InlineProfile, LocalProfile
from sweep.definition.profile import Profile
from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.executor import Executor
from sweep.scheduler.inline import InlineExecutor
from sweep.scheduler.local import LocalExecutor
from sweep.scheduler.slurm.executor import SlurmExecutor


def make_executor(profile: Profile) -> Executor:
    """Return the executor of a profile.

    Raises:
        TypeError: If no executor belongs to the class of the profile.
    """
    match profile:
        case InlineProfile():
            return InlineExecutor()
        case LocalProfile():
            return LocalExecutor(profile)
        case SlurmProfile():
            return SlurmExecutor(profile)
        case _:
            raise TypeError(f"no executor for the profile {profile!r}")
