"""The cluster file, which defines the profiles that `--cluster` selects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from sweep.definition.local_profile import InlineProfile, LocalProfile
from sweep.definition.problem import Problem, format_choices, format_value
from sweep.definition.profile import Profile
from sweep.definition.settings import Settings
from sweep.definition.settings_file import locate, read_mapping, read_settings
from sweep.definition.slurm_profile import SlurmProfile
from sweep.errors import InputError

AnyProfile = Annotated[InlineProfile | LocalProfile | SlurmProfile, Field(discriminator="executor")]


class ClusterFile(Settings):
    """The profiles that the option --cluster selects from."""

    default: str
    """Profile that is used without --cluster."""
    profiles: dict[str, AnyProfile] = Field(min_length=1)
    """Profiles by name."""


class NamedProfile(NamedTuple):
    """A profile and its name."""

    name: str
    profile: Profile


def load_profile(path: Path | None, name: str | None = None) -> NamedProfile:
    """Load one profile of a cluster file. The other profiles of the file are not validated.

    Args:
        path: The file; None for the built-in profiles `local`, which is the default, and `inline`.
        name: The profile's name; None for the default profile.

    Raises:
        InputError: If the file or the profile is invalid, or if there is no such profile.
    """
    if path is None:
        name = "local" if name is None else name
        if name not in _BUILT_IN:
            raise InputError(_no_profile(name, list(_BUILT_IN)))
        return NamedProfile(name, _BUILT_IN[name])
    document = read_mapping(path)
    names = list(profiles) if isinstance(profiles := document.get("profiles"), dict) else []
    chosen = document.get("default") if name is None else name
    if isinstance(chosen, str) and names and chosen not in names:
        problem = _no_profile(chosen, names)
        raise InputError(problem if name is not None else locate(path, Problem(("default",), problem)))
    others = [other for other in names if other != chosen and chosen in names]
    cluster = read_settings(path, ClusterFile, ignored=[("profiles", other) for other in others])
    return NamedProfile(str(chosen), cluster.profiles[str(chosen)])


_BUILT_IN: Mapping[str, Profile] = {
    "local": LocalProfile(executor="local"),
    "inline": InlineProfile(executor="inline"),
}


def _no_profile(name: str, available: list[str]) -> str:
    return f"no profile {format_value(name)}; {format_choices(name, available)}"
