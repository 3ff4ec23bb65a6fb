"""Folders that other users of the machine cannot change."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.errors import InputError
from sweep.operations.private_folder import check_workdir, make_private

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    folder = tmp_path / "sweeps"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077, 0o277])
def test_new_folder_is_private_regardless_of_the_umask(workdir: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_private(workdir / "toy")
    finally:
        os.umask(before)
    assert mode(workdir / "toy") == 0o700


def test_new_workdir_can_be_written_by_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        check_workdir(tmp_path / "sweeps")
    finally:
        os.umask(before)
    assert mode(tmp_path / "sweeps") == 0o755
    assert list((tmp_path / "sweeps").iterdir()) == []


def test_folder_of_an_earlier_version_is_restricted(workdir: Path) -> None:
    (workdir / "toy").mkdir(mode=0o755)
    make_private(workdir / "toy")
    assert mode(workdir / "toy") == 0o700


@pytest.mark.parametrize("before", [0o777, 0o770, 0o702, 0o1777])
def test_folder_that_others_could_write_is_rejected(workdir: Path, before: int) -> None:
    (workdir / "toy").mkdir()
    (workdir / "toy").chmod(before)
    if before == 0o770:
        os.chown(workdir / "toy", -1, 100)
    with pytest.raises(InputError, match=r"can be written by other users .*\ncheck what it contains"):
        make_private(workdir / "toy")
    assert mode(workdir / "toy") == before


@as_root
@pytest.mark.parametrize("before", [0o700, 0o755, 0o777])
def test_folder_of_another_user_is_rejected(workdir: Path, before: int) -> None:
    (workdir / "toy").mkdir()
    os.chown(workdir / "toy", NOBODY, -1)
    (workdir / "toy").chmod(before)
    with pytest.raises(InputError, match="toy belongs to the user nobody"):
        make_private(workdir / "toy")


@as_root
def test_link_of_another_user_is_rejected(workdir: Path, tmp_path: Path) -> None:
    make_private(tmp_path / "elsewhere")
    (workdir / "toy").symlink_to(tmp_path / "elsewhere")
    os.chown(workdir / "toy", NOBODY, -1, follow_symlinks=False)
    with pytest.raises(InputError, match="toy belongs to the user nobody"):
        make_private(workdir / "toy")


def test_own_link_leads_to_a_folder_that_is_restricted(workdir: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (workdir / "toy").symlink_to(tmp_path / "elsewhere")
    make_private(workdir / "toy")
    assert mode(tmp_path / "elsewhere") == 0o700


def test_own_link_into_a_folder_that_others_can_write_is_rejected(workdir: Path, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "toy").mkdir(mode=0o700)
    (workdir / "toy").symlink_to(tmp_path / "open" / "toy")
    with pytest.raises(InputError, match="open can be written by other users"):
        make_private(workdir / "toy")


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_what_is_not_a_folder_is_rejected(workdir: Path, kind: str) -> None:
    if kind == "file":
        (workdir / "toy").touch()
    else:
        (workdir / "toy").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"toy|nowhere"):
        make_private(workdir / "toy")


@pytest.mark.parametrize("given", [0o777, 0o773, 0o757])
def test_workdir_in_which_others_can_replace_folders_is_rejected(workdir: Path, given: int) -> None:
    workdir.chmod(given)
    with pytest.raises(InputError, match=r"can be written by other users .*\nrun: chmod go-w"):
        check_workdir(workdir)


def test_workdir_with_a_sticky_bit_may_be_shared(workdir: Path) -> None:
    workdir.chmod(0o1777)
    check_workdir(workdir)


@as_root
def test_workdir_of_another_user_is_rejected(workdir: Path) -> None:
    os.chown(workdir, NOBODY, -1)
    workdir.chmod(0o1777)
    with pytest.raises(InputError, match="belongs to the user nobody"):
        check_workdir(workdir)


@as_root
def test_workdir_that_is_a_link_of_another_user_is_rejected(workdir: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(workdir)
    os.chown(tmp_path / "link", NOBODY, -1, follow_symlinks=False)
    with pytest.raises(InputError, match="link belongs to the user nobody"):
        check_workdir(tmp_path / "link")


AS_NOBODY = """
import os, sys
from pathlib import Path
from sweep.errors import InputError
from sweep.operations.private_folder import check_workdir, make_private
os.setgid(65534); os.setuid(65534)
workdir = Path(sys.argv[1])
try:
    check_workdir(workdir)
    make_private(workdir / "toy")
except InputError as error:
    sys.exit(str(error))
"""


@as_root
def test_user_may_use_a_shared_folder_of_root_but_not_a_study_folder_of_root(workdir: Path) -> None:
    for parent in [workdir, *workdir.parents][:-1]:
        parent.chmod(parent.stat().st_mode | 0o055)
    workdir.chmod(0o1777)
    command = [sys.executable, "-c", AS_NOBODY, str(workdir)]
    root = Path(__file__).parents[3]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, cwd="/", env={"PYTHONPATH": str(root)})

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert ((workdir / "toy").stat().st_uid, mode(workdir / "toy")) == (NOBODY, 0o700)
    os.chown(workdir / "toy", 0, 0)
    done = run()
    assert (done.returncode, "toy belongs to the user root" in done.stderr) == (1, True)
