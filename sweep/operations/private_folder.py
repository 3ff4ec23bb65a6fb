"""Folders that other users of the machine cannot change.

A study's folder contains pickled tasks and specifications that its jobs run, so whoever can write to it, or
replace it, can run code as the user that launches the study.
"""

import grp
import os
import pwd
import stat
import tempfile
from pathlib import Path

from sweep.errors import InputError

PRIVATE_MODE = 0o700
WORKDIR_MODE = 0o755


def check_workdir(workdir: Path) -> None:
    """Create the folder that contains the studies' folders, write a file to it, and check its permissions.

    Others may create files in it, as in /tmp, only if its sticky bit prevents them from replacing a study's
    folder.

    Raises:
        InputError: If the folder cannot be written, or another user can replace what is in it.
    """
    try:
        workdir.mkdir(mode=WORKDIR_MODE, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=workdir):
            pass
    except OSError as error:
        raise InputError(
            f"the workdir {workdir} cannot be written: {error.strerror}\n"
            "choose another with --workdir, or with `workdir` in the profile"
        ) from None
    if workdir.is_symlink():
        _check_owner(workdir, workdir.lstat(), may_be_root=True)
    status = workdir.stat()
    _check_owner(workdir, status, may_be_root=True)
    if _is_writable_by_others(status) and not status.st_mode & stat.S_ISVTX:
        raise InputError(
            f"the workdir {workdir} can be written by other users ({stat.filemode(status.st_mode)}), who "
            f"could run code as {_user_name(os.geteuid())} by replacing a study's folder\n"
            f"run: chmod go-w {workdir}\nor choose another with --workdir, or with `workdir` in the profile"
        )


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can use, or restrict an existing one to its owner.

    Raises:
        InputError: If the folder cannot be created, belongs to another user, or could be written by others
            until now, so that its content cannot be trusted.
    """
    try:
        folder.mkdir(mode=PRIVATE_MODE)
    except FileExistsError:
        pass
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be created: {error.strerror}") from None
    if folder.is_symlink():
        _check_owner(folder, folder.lstat())
        folder = folder.resolve()
        check_workdir(folder.parent)
    try:
        _check_owner(folder, folder.lstat())
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be used: {error.strerror}") from None
    try:
        _restrict(folder, descriptor)
    finally:
        os.close(descriptor)


def _restrict(folder: Path, descriptor: int) -> None:
    """Restrict an open folder to its owner; the descriptor excludes that it is replaced meanwhile."""
    status = os.fstat(descriptor)
    _check_owner(folder, status)
    if _is_writable_by_others(status):
        raise InputError(
            f"the folder {folder} can be written by other users ({stat.filemode(status.st_mode)}), who may "
            "have put files into it that jobs would run\n"
            f"check what it contains, then run: chmod 700 {folder}"
        )
    if stat.S_IMODE(status.st_mode) & 0o777 != PRIVATE_MODE:
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & ~0o777 | PRIVATE_MODE)
        if os.fstat(descriptor).st_mode & 0o077:
            raise InputError(
                f"the folder {folder} is on a file system that cannot protect it from other users\n"
                "choose another with --workdir, or with `workdir` in the profile"
            )


def _check_owner(path: Path, status: os.stat_result, *, may_be_root: bool = False) -> None:
    if status.st_uid == os.geteuid() or (may_be_root and status.st_uid == 0):
        return
    raise InputError(
        f"{path} belongs to the user {_user_name(status.st_uid)}, who could run code as "
        f"{_user_name(os.geteuid())} by changing what is in it\n"
        "choose a folder of your own with --workdir, or with `workdir` in the profile"
    )


def _is_writable_by_others(status: os.stat_result) -> bool:
    """Return whether others than the owner may write; the group may if the owner is its only member."""
    by_group = status.st_mode & stat.S_IWGRP and not _is_private_group(status.st_gid, status.st_uid)
    return bool(status.st_mode & stat.S_IWOTH or by_group)


def _is_private_group(gid: int, uid: int) -> bool:
    """Return whether a group has the name of a user other than root and no other member.

    Many systems create such a group for each user, and files that the group may write.
    """
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(uid)
    except KeyError:
        return False
    is_own = uid != 0 and user.pw_gid == gid and group.gr_name == user.pw_name
    return is_own and set(group.gr_mem) <= {user.pw_name}


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
