"""What a user asks for when launching a study."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from sweep.definition.profile import Profile
from sweep.definition.study import Study
from sweep.errors import InputError


@dataclass(frozen=True)
class LaunchRequest:
    """The input of a launch.

    Attributes:
        study: The study.
        profile: Where its trials run.
        url: The database.
        workdir: The folder that contains the studies' folders.
        code_dir: The project's folder, in which the launch is started.
        cluster: The profile's name.
        once: Whether the launcher runs one poll cycle only; the failures before this launch count then.
        wait: Whether to wait for another launcher that holds the study, instead of raising an error.
        is_workdir_given: Whether the user has given the workdir, rather than the profile or the default.
        update_code: Whether new trials run the project's code as it is now, instead of the study's snapshot.
        code_of: The name of a study whose snapshot is the code of a new study; None for the project's code.
        is_dry_run: Whether the study is a dry run, whose measurements mean nothing.
        follows: Whether an earlier launch of the same command has ended, so that a stop requested since then
            still holds.
    """

    study: Study
    profile: Profile
    url: URL
    workdir: Path
    code_dir: Path
    cluster: str | None = None
    once: bool = False
    wait: bool = False
    is_workdir_given: bool = False
    update_code: bool = False
    code_of: str | None = None
    is_dry_run: bool = False
    follows: bool = False


def resolve_workdir(profile: Profile, workdir: Path | None = None) -> Path:
    """Return the folder in which trial folders are created: the given one, the profile's, or ./sweeps.

    Symbolic links are kept, because they may lead elsewhere on the nodes.

    Raises:
        InputError: If the path contains a percent sign, which Slurm and submitit replace in paths.
    """
    folder = Path(os.path.abspath((workdir or Path(profile.workdir or "sweeps")).expanduser()))  # noqa: PTH100
    if "%" in str(folder):
        raise InputError(
            f"the workdir {folder} contains a percent sign, which Slurm replaces in the paths of its files\n"
            "choose another with --workdir, or with `workdir` in the profile"
        )
    return folder
