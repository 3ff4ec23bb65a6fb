"""The environment of Slurm's commands.

Slurm's commands read options from the environment, which take precedence over the lines of a batch script.
A variable that the user has exported for other purposes would change what is requested or reported.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sweep.scheduler.trial_environment import PASSWORD_VARIABLES, without_variables

PREFIXES = (
    "SACCT_",
    "SALLOC_",
    "SBATCH_",
    "SCANCEL_",
    "SCONTROL_",
    "SINFO_",
    "SLURM_",
    "SLURMD_",
    "SQUEUE_",
    "SRUN_",
)
"""The prefixes of the variables that Slurm's commands read, and of those that describe an allocation."""

CLUSTER_VARIABLES = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT"})
"""The variables that identify the cluster and the user."""

ALLOCATION = "SLURM_JOB_ID"
"""The variable that a process has if it runs in a job."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables that change what Slurm's commands request or report.

    If the launcher itself runs in a job, the GPUs of that job are not those of the jobs that it submits.

    Args:
        environment: The variables of the launcher's process.
    """
    is_in_job = ALLOCATION in environment
    return {
        name: value
        for name, value in environment.items()
        if name in CLUSTER_VARIABLES
        or not (name.startswith(PREFIXES) or (is_in_job and name.startswith("CUDA_")))
    }


def command_environment() -> dict[str, str]:
    """Return the environment of a command of Slurm that this process runs."""
    return clean_environment(os.environ)


@contextmanager
def cleaned_environment() -> Iterator[None]:
    """Clean this process's own environment in this context, because submitit passes it to sbatch.

    A job inherits the environment of sbatch, unless its profile says otherwise. The variables with passwords
    are removed too: the trials lack them, whereas the job of a launcher inherits them.
    """
    removed = os.environ.keys() - command_environment().keys()
    with without_variables(removed | PASSWORD_VARIABLES):
        yield
