"""The executor of a cluster profile."""

from sweep.definition.cluster import InlineProfile, LocalProfile, Profile
from sweep.scheduler.executor import Executor
from sweep.scheduler.inline import InlineExecutor
from sweep.scheduler.local import LocalExecutor
from sweep.scheduler.slurm.executor import SlurmExecutor


def make_executor(profile: Profile) -> Executor:
    """Return the executor that runs jobs as a profile says."""
    if isinstance(profile, LocalProfile):
        return LocalExecutor(profile)
    if isinstance(profile, InlineProfile):
        return InlineExecutor()
    return SlurmExecutor(profile)
