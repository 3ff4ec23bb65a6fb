"""Measure the time to copy a project of 2,000 files, and to create and clear a working directory for a trial.

    python -m benchmarks.code_snapshot [NUM_FILES]

The project is a git repository with Python files and small text files in 100 folders, and an ignored folder
with 10,000 files of data.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sweep.definition.code import Code
from sweep.operations.code_snapshot import copy_code, read_project
from sweep.operations.project_files import Project
from sweep.worker.attempt_folder import snapshot_folder
from sweep.worker.working_dir import create_working_dir, remove_unchanged

NUM_FOLDERS = 100
NUM_DATA_FILES = 10_000
NUM_REPEATS = 5


def main(num_files: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        project, study = Path(name, "project"), Path(name, "study")
        create_project(project, num_files)
        study.mkdir(mode=0o700)
        chosen = Project(project, Code(), ())
        code = read_project(chosen)
        print(f"{code}")
        show("first launch: list, hash and copy", lambda: copy_code(read_project(chosen), study), 1)
        show("relaunch: list and hash", lambda: copy_code(read_project(chosen), study), NUM_REPEATS)
        snapshot, work = snapshot_folder(study, code.snapshot.digest), study / "work"

        def trial() -> None:
            create_working_dir(work, snapshot, project)
            remove_unchanged(work, snapshot, project)

        show("trial: create and clear its working directory", trial, NUM_REPEATS)
        python = [sys.executable, "-c", "pass"]
        show("for comparison: start Python", lambda: subprocess.run(python, check=True), NUM_REPEATS)


def create_project(project: Path, num_files: int) -> None:
    for number in range(num_files):
        folder = project / f"package_{number % NUM_FOLDERS}"
        folder.mkdir(parents=True, exist_ok=True)
        suffix = "py" if number % 4 else "txt"
        (folder / f"file_{number}.{suffix}").write_text(f"# {number}\n" * 300)
    data = project / "data" / "images"
    data.mkdir(parents=True)
    for number in range(NUM_DATA_FILES):
        (data / str(number)).touch()
    (project / ".gitignore").write_text("data/\n")
    author = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", "-C", str(project), *arguments], check=True)


def show(what: str, function: Callable[[], object], num_repeats: int) -> None:
    times = []
    for _ in range(num_repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    print(f"{what}: {min(times):.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
