"""The list of the files of a project that belong to the snapshot of its code."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sweep.definition.code import Code
from sweep.operations.git import git

MAX_SOURCE_BYTES = 1_000_000
"""The size up to which a file belongs to the snapshot of a project without git."""
SOURCE_SUFFIXES = {
    ".py", ".pyi", ".pyx", ".pxd", ".so", ".pyd", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".sh",
    ".r", ".jl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".json", ".j2",
}  # fmt: skip
"""The endings of the files that belong to the snapshot of a project without git."""
MODULE_SUFFIXES = {".py", ".so", ".pyd"}
"""The endings of modules that belong to the snapshot although git ignores them, such as `_version.py`."""
NEVER_FOLDERS = {
    ".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints",
    "node_modules",
}  # fmt: skip
OUTPUT_FOLDERS = {"report", "reproduced"}
"""The folders in which the commands of this package write, unless git tracks files in them."""
DATABASE_FILE = re.compile(r"\.(db|sqlite3?)(-wal|-shm|-journal)?$")
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
"""The file in the folder of a virtual environment."""


@dataclass(frozen=True)
class Project:
    """A project whose code is copied.

    Attributes:
        folder: The folder that the launch is started in.
        code: Which files belong to the snapshot.
        outputs: The folders and files of studies, of which nothing belongs to the snapshot.
    """

    folder: Path
    code: Code
    outputs: Collection[Path] = ()


def project_files(project: Project) -> list[str]:
    """Return the sorted paths of the files that belong to the snapshot, relative to the project's folder.

    These are the files that git tracks or does not ignore, and ignored modules beside other modules. Without
    git, they are the source files up to a size. The study file's `code` adds and removes files. Links are
    listed as files and not followed.
    """
    found = _git_files(project.folder)
    if not found:
        found = list(_source_files(project.folder))
    excluded = matcher(project.code.exclude)
    chosen = {path for path in found if not excluded(path)}
    chosen.update(_included_files(project.folder, project.code.include))
    outputs = tuple(_relative_outputs(project))
    environments = {path.rpartition("/")[0] for path in chosen if path.endswith(f"/{VIRTUAL_ENVIRONMENT}")}
    never = (*outputs, *environments)
    return sorted(
        path
        for path in chosen
        if NEVER_FOLDERS.isdisjoint(path.split("/"))
        and not path.endswith(".pyc")
        and path.isprintable()  # other names cannot be shown and stored
        and not any(path == each or path.startswith(f"{each}/") for each in never)
    )


def matcher(patterns: Sequence[str]) -> "_Matcher":
    """Return a function that tells whether a path matches one of the patterns of the study file."""
    return _Matcher([re.compile(_expression(pattern)) for pattern in patterns])


@dataclass(frozen=True)
class _Matcher:
    expressions: Sequence[re.Pattern[str]]

    def __call__(self, path: str) -> bool:
        return any(expression.match(path) for expression in self.expressions)


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern; see `Code`."""
    names = pattern.removeprefix("./").rstrip("/").split("/")
    anywhere = "(?:.*/)?" if len(names) == 1 else ""
    parts = [
        "(?:.*/)?" if name == "**" else _name_expression(name) + ("/" if index + 1 < len(names) else "")
        for index, name in enumerate(names)
    ]
    if names[-1] == "**":
        parts[-1] = ".*"
    return rf"{anywhere}{''.join(parts)}(?:/.*)?\Z"


def _name_expression(name: str) -> str:
    wildcards = {"*": "[^/]*", "?": "[^/]"}
    return "".join(wildcards.get(character, re.escape(character)) for character in name)


def _git_files(folder: Path) -> list[str]:
    """Return the files that git tracks or does not ignore, and ignored modules beside other modules.

    The list is empty outside a repository, or if the repository ignores the folder.
    """
    listed = _git_list(folder, "-t", "--cached", "--others", "--exclude-standard")
    files: list[str] = []
    for line in dict.fromkeys(listed):
        tag, path = line[0], line[2:]
        if tag == "?" and (path.partition("/")[0] in OUTPUT_FOLDERS or DATABASE_FILE.search(path)):
            continue
        if (folder / path).is_dir() and not (folder / path).is_symlink():  # a submodule or another repository
            inner = path.rstrip("/")
            files += [f"{inner}/{each}" for each in _git_files(folder / inner)]
        elif os.path.lexists(folder / path):
            files.append(path)
    return files + list(_ignored_modules(folder, files)) if files else []


def _ignored_modules(folder: Path, files: Iterable[str]) -> Iterator[str]:
    with_modules = {path.rpartition("/")[0] for path in files if path.endswith(".py")}
    for path in _git_list(folder, "--others", "--ignored", "--exclude-standard", "--directory"):
        if PurePosixPath(path).suffix in MODULE_SUFFIXES and path.rpartition("/")[0] in with_modules:
            yield path


def _git_list(folder: Path, *options: str) -> list[str]:
    listed = git(folder, "ls-files", "-z", *options) or ""
    return [path for path in listed.split("\0") if path]


def _source_files(folder: Path) -> Iterator[str]:
    """Yield the source files of a project without git, up to a size and outside hidden folders."""
    for path, size in _walk(folder, "", skip_hidden=True):
        is_output = path.partition("/")[0] in OUTPUT_FOLDERS
        if (
            size <= MAX_SOURCE_BYTES
            and PurePosixPath(path).suffix.lower() in SOURCE_SUFFIXES
            and not is_output
        ):
            yield path


def _included_files(folder: Path, patterns: Sequence[str]) -> Iterator[str]:
    """Yield the files that match the patterns, from the folders in which they can be."""
    for pattern in patterns:
        matches = matcher([pattern])
        names = pattern.removeprefix("./").rstrip("/").split("/")
        literal = [] if len(names) == 1 else _literal_names(names)
        start = "/".join(literal)
        if (folder / start).is_file() or (folder / start).is_symlink():
            yield start
            continue
        yield from (path for path, _ in _walk(folder, start) if matches(path))


def _literal_names(names: Sequence[str]) -> list[str]:
    """Return the first names of a pattern that contain no wildcard."""
    literal: list[str] = []
    for name in names:
        if set("*?") & set(name):
            break
        literal.append(name)
    return literal


def _walk(folder: Path, start: str, *, skip_hidden: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the path and the size of each file below a folder; links to folders are not followed."""
    try:
        entries = sorted(os.scandir(folder / start), key=lambda entry: entry.name)
    except OSError:
        return
    if start and any(entry.name == VIRTUAL_ENVIRONMENT for entry in entries):
        return
    for entry in entries:
        path = f"{start}/{entry.name}" if start else entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in NEVER_FOLDERS and not (skip_hidden and entry.name.startswith(".")):
                yield from _walk(folder, path, skip_hidden=skip_hidden)
        else:
            try:
                size = entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # another process has just removed it
                continue
            yield path, size


def _relative_outputs(project: Project) -> Iterator[str]:
    """Yield the paths of the studies' outputs inside the project, relative to its folder."""
    root = os.path.realpath(project.folder)
    for output in project.outputs:
        path = os.path.relpath(os.path.realpath(output), root)
        if path != "." and not path.startswith(".."):
            yield PurePosixPath(path).as_posix()
