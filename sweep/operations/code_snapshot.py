"""Snapshots of a project's code: their digests, their folders, and how they differ.

A snapshot is a folder STUDY/code/DIGEST. Its name is the SHA-256 of the list of its files, with the content,
the executable bit and the target of each link. Its files are read-only, and it is never changed.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sweep.errors import InputError
from sweep.operations.git import git
from sweep.operations.private_folder import make_private
from sweep.operations.project_files import Project, project_files
from sweep.storage.code_version import Snapshot
from sweep.worker.attempt_folder import snapshot_folder, snapshots_folder

MAX_SNAPSHOT_BYTES = 100_000_000
"""The size of all files up to which a project is copied."""
NUM_LARGEST = 5
"""How many files the message about a large project names."""
NUM_SHOWN = 5
"""How many changed files of each kind a message names."""
READ_ONLY, EXECUTABLE = 0o444, 0o555
PARTIAL = ".partial-"
"""The beginning of the name of a folder whose snapshot is still being copied."""
NUM_THREADS = 8
"""How many files are copied at the same time, because a network file system takes a while for each."""
NUM_TRIES = 3
"""How often a project is read again because its files have changed while they were copied."""


@dataclass(frozen=True)
class ProjectCode:
    """The code of a project as it is now.

    Attributes:
        folder: The folder that the paths are relative to.
        files: For each file by its path: `file`, `executable` or `link`, a space, and the SHA-256 of the
            content or of the target.
        snapshot: The digest of the files and the commit.
    """

    folder: Path
    files: Mapping[str, str]
    snapshot: Snapshot

    def __str__(self) -> str:
        name, comma, rest = str(self.snapshot).partition(",")
        return f"{name} of {len(self.files):,} file{'' if len(self.files) == 1 else 's'}{comma}{rest}"


class Differences(NamedTuple):
    """How the files of a project differ from those of a snapshot.

    Attributes:
        changed: The paths of the files with another content.
        added: The paths that the snapshot lacks.
        removed: The paths that only the snapshot has.
    """

    changed: Sequence[str]
    added: Sequence[str]
    removed: Sequence[str]

    def __str__(self) -> str:
        kinds = zip(("changed", "added", "removed"), self, strict=True)
        return "; ".join(f"{kind}: {_shortened(paths)}" for kind, paths in kinds if paths) or "nothing"


def read_project(project: Project) -> ProjectCode:
    """Return the code of a project, without changing anything.

    Raises:
        InputError: If the files are larger than a snapshot may be, or cannot be read.
    """
    paths = project_files(project)
    _check_size(project.folder, paths)
    try:
        files = _entries(project.folder, paths)
    except OSError as error:
        raise InputError(
            f"the code in {project.folder} cannot be copied: {error.filename}: {error.strerror}\n"
            "make the file readable, or exclude it in the study file with `code: {exclude: [PATTERN]}`"
        ) from None
    commit = git(project.folder, "rev-parse", "--verify", "HEAD")
    is_clean = _is_clean(project.folder, files) if commit else None
    return ProjectCode(project.folder, files, Snapshot(digest_of(files), commit, is_clean))


def digest_of(files: Mapping[str, str]) -> str:
    """Return the digest of a snapshot with these files."""
    text = json.dumps(sorted(files.items()), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences_between(before: Mapping[str, str], now: Mapping[str, str]) -> Differences:
    """Return how files differ from earlier ones, each list sorted by path."""
    return Differences(
        changed=sorted(path for path in before.keys() & now.keys() if before[path] != now[path]),
        added=sorted(now.keys() - before.keys()),
        removed=sorted(before.keys() - now.keys()),
    )


def copy_code(
    code: ProjectCode, study_folder: Path, read_again: Callable[[], ProjectCode] | None = None
) -> ProjectCode:
    """Copy the code into its snapshot folder in a study's folder, unless the folder exists.

    The files are copied into a temporary folder, which is renamed. A folder with the name of a digest is
    therefore always complete.

    Args:
        code: The code.
        study_folder: The study's folder.
        read_again: Reads the code again if its files have changed since they were read.

    Returns:
        The code that was copied.

    Raises:
        InputError: If the files cannot be copied, or change all the time.
    """
    for _ in range(NUM_TRIES):
        folder = snapshot_folder(study_folder, code.snapshot.digest)
        if folder.is_dir():
            return code
        try:
            if _copy(code, folder):
                return code
        except OSError as error:
            raise InputError(
                f"the code in {code.folder} cannot be copied to {folder}: {error.filename}: {error.strerror}"
            ) from None
        if read_again is None:
            break
        code = read_again()
    raise InputError(
        f"files of {code.folder} changed while they were copied to {study_folder}\nlaunch the study again"
    )


def _copy(code: ProjectCode, folder: Path) -> bool:
    """Copy the code, and return whether the copied files are those that were read before."""
    make_private(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder.parent))
    try:
        for parent in sorted({str(PurePosixPath(path).parent) for path in code.files}):
            (partial / parent).mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = list(code.files)
        chunks = [paths[start::NUM_THREADS] for start in range(NUM_THREADS)]

        def copy(chunk: Sequence[str]) -> bool:
            return all(_copy_file(code, path, partial / path) == code.files[path] for path in chunk)

        with ThreadPoolExecutor(NUM_THREADS) as threads:
            if not all(threads.map(copy, chunks)):
                return False
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # another launch has copied the same code
                raise
        return True
    except FileNotFoundError:
        return False
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy_file(code: ProjectCode, path: str, copy: Path) -> str:
    """Copy a file or a link, and return its entry in the list of files."""
    source = code.folder / path
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        target = _link_target(code.folder, path, code.files.keys())
        copy.symlink_to(target)
        return _entry("link", os.fsencode(target))
    content = source.read_bytes()  # at most MAX_SNAPSHOT_BYTES
    is_executable = bool(status.st_mode & stat.S_IXUSR)
    descriptor = os.open(
        copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, EXECUTABLE if is_executable else READ_ONLY
    )
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return _entry("executable" if is_executable else "file", content)


def _entries(folder: Path, paths: Sequence[str]) -> dict[str, str]:
    """Return the entry of each regular file and link; other kinds of files are omitted."""
    entries = {}
    known = set(paths)
    for path in paths:
        file = folder / path
        with suppress(FileNotFoundError):  # removed since it was listed
            mode = file.lstat().st_mode
            if stat.S_ISLNK(mode):
                entries[path] = _entry("link", os.fsencode(_link_target(folder, path, known)))
            elif stat.S_ISREG(mode):
                entries[path] = _entry("executable" if mode & stat.S_IXUSR else "file", file.read_bytes())
    return entries


def _entry(kind: str, content: bytes) -> str:
    return f"{kind} {hashlib.sha256(content).hexdigest()}"


def _link_target(folder: Path, path: str, known: Collection[str]) -> str:
    """Return the target of a link in the snapshot: relative if the snapshot contains it, else absolute."""
    link = folder / path
    parent = os.path.realpath(link.parent)
    target = os.path.normpath(Path(parent, link.readlink()))
    inside = os.path.relpath(target, os.path.realpath(folder))
    if inside in known or any(each.startswith(f"{inside}/") for each in known):
        return os.path.relpath(target, parent)
    return os.path.realpath(link)


def _check_size(folder: Path, paths: Sequence[str]) -> None:
    sizes = {}
    for path in paths:
        try:
            sizes[path] = (folder / path).lstat().st_size
        except FileNotFoundError:
            continue
    total = sum(sizes.values())
    if total <= MAX_SNAPSHOT_BYTES:
        return
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:NUM_LARGEST]
    lines = [f"  {sizes[path] / 1e6:,.1f} MB  {path}" for path in largest]
    raise InputError(
        "\n".join(
            [
                f"the code in {folder} has {total / 1e6:,.0f} MB, but a launch copies at most "
                f"{MAX_SNAPSHOT_BYTES / 1e6:,.0f} MB; its largest files are:",
                *lines,
                "exclude data in the study file, for example with "
                f"`code: {{exclude: [{_pattern_for(largest[0])}]}}`, or add it to .gitignore",
                "trials still find it, through links to the project",
            ]
        )
    )


def _pattern_for(path: str) -> str:
    """Return a pattern that excludes the top-level folder of a file, or the file itself."""
    top, slash, _ = path.partition("/")
    return json.dumps(f"{top}{slash}", ensure_ascii=False)


def _is_clean(folder: Path, files: Mapping[str, str]) -> bool:
    """Return whether git finds no change in files of the snapshot, and none that was deleted."""
    prefix = git(folder, "rev-parse", "--show-prefix") or ""
    status = git(folder, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    if status is None:
        return False
    changed = [(line[:2], line[3:].removeprefix(prefix)) for line in status.split("\0") if line]
    return not any("D" in state or path in files for state, path in changed)


def _shortened(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:NUM_SHOWN])
    return shown + (f" and {len(paths) - NUM_SHOWN:,} more" if len(paths) > NUM_SHOWN else "")


def unfinished_copies(study_folder: Path) -> Iterator[Path]:
    """Yield the temporary folders that killed launches have left. The caller holds the study's lease."""
    yield from snapshots_folder(study_folder).glob(f"{PARTIAL}*")
