"""The cluster file, which defines the profiles that `--cluster` selects."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from sweep.definition.local_profile import InlineProfile, LocalProfile
from sweep.definition.problem import Problem, format_choices, format_value, raise_problems
from sweep.definition.profile import Profile
from sweep.definition.settings import Settings
from sweep.definition.settings_file import read_settings
from sweep.definition.slurm_profile import SlurmProfile
from sweep.errors import InputError

AnyProfile = Annotated[InlineProfile | LocalProfile | SlurmProfile, Field(discriminator="executor")]


class ClusterFile(Settings):
    """The profiles that the option --cluster selects from."""

    default: str
    """Profile that is used without --cluster."""
    profiles: dict[str, AnyProfile] = Field(min_length=1)
    """Profiles by name."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.default not in self.profiles:
            raise_problems([Problem(("default",), _no_profile(self.default, list(self.profiles)))])
        return self


def load_cluster(path: Path | None) -> ClusterFile:
    """Load a cluster file.

    Args:
        path: The file; None for the built-in profiles `local`, which is the default, and `inline`.

    Raises:
        InputError: If the file is invalid.
    """
    if path is not None:
        return read_settings(path, ClusterFile)
    return ClusterFile(
        default="local",
        profiles={"local": LocalProfile(executor="local"), "inline": InlineProfile(executor="inline")},
    )


def profile(cluster: ClusterFile, name: str | None) -> Profile:
    """Return the profile of this name, or the default profile if the name is None.

    Raises:
        InputError: If there is no such profile.
    """
    name = cluster.default if name is None else name
    if name not in cluster.profiles:
        raise InputError(_no_profile(name, list(cluster.profiles)))
    return cluster.profiles[name]


def _no_profile(name: str, available: list[str]) -> str:
    return f"no profile {format_value(name)}; {format_choices(name, available)}"
