"""The removal of a study's folder, which must belong to the study alone."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sweep.errors import InputError
from sweep.operations.disk_usage import is_own_folder, remove

FOLDERS = {
    "jobs": re.compile(r".+"),
    "dashboard": re.compile(r".+"),
    "launcher": re.compile(r".+"),
    "code": re.compile(r"[0-9a-f]{64}|\.partial-.+"),
    "worker": re.compile(r"[0-9a-f]{16}|incomplete-.+"),
}
"""The folders inside a study's folder beside those of its trials, and the names of what is in them."""
TRIAL = re.compile(r"\d{5,}")
NUM_SHOWN = 5
"""How many unknown files a message names."""


def foreign_entries(study_folder: Path, attempts: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths below a study's folder that the study has not created.

    They are those of a study of the same name in another database, or the user's own files.

    Args:
        study_folder: The study's folder.
        attempts: The paths of the study's attempts below its folder.
    """
    own = set(attempts)
    for entry in sorted(study_folder.iterdir()):
        path = entry.relative_to(study_folder)
        if TRIAL.fullmatch(entry.name):
            inner = sorted(entry.iterdir()) if is_own_folder(entry) else []
            yield from (path / each.name for each in inner if path / each.name not in own)
        elif entry.name in FOLDERS:
            inner = sorted(entry.iterdir()) if is_own_folder(entry) else []
            yield from (path / each.name for each in inner if not FOLDERS[entry.name].fullmatch(each.name))
        else:
            yield path


def check_removable(study_folder: Path, attempts: Iterable[Path]) -> None:
    """Check that a study's folder can be removed; one that does not exist can.

    Args:
        study_folder: The study's folder.
        attempts: The paths of the study's attempts below its folder.

    Raises:
        InputError: If the folder is a link, does not belong to the user, or contains what the study has not
            created.
    """
    for folder in (study_folder, _renamed(study_folder)):
        if (folder.is_symlink() or folder.exists()) and not is_own_folder(folder):
            kind = "a symbolic link" if folder.is_symlink() else "not a folder of yours"
            raise InputError(
                f"{folder} is {kind}, so nothing is deleted\n"
                "remove it yourself, with its content if that belongs to the study, and run the command again"
            )
    if not study_folder.is_dir():
        return
    foreign = list(foreign_entries(study_folder, attempts))
    if foreign:
        more = f" and {len(foreign) - NUM_SHOWN:,} more" if len(foreign) > NUM_SHOWN else ""
        raise InputError(
            f"{study_folder} contains what the study has not created, so nothing is deleted: "
            f"{', '.join(map(str, foreign[:NUM_SHOWN]))}{more}\n"
            "it may belong to a study of the same name in another database; move or remove it, and run the "
            "command again"
        )


def remove_study_folder(study_folder: Path) -> None:
    """Remove a study's folder after renaming it, so that no study of the same name finds a part of it.

    What an interrupted removal has left is removed as well.

    Raises:
        InputError: If it cannot be removed completely.
    """
    renamed = _renamed(study_folder)
    remove(renamed)
    try:
        study_folder.rename(renamed)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"{study_folder} cannot be removed: {error.strerror}\n"
            f"make {study_folder.parent} writable, and run the command again"
        ) from None
    remove(renamed)


def _renamed(study_folder: Path) -> Path:
    """Return the name of a study's folder while it is removed, which no study can have."""
    return study_folder.with_name(f".deleted-{study_folder.name}")
