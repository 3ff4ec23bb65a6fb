"""The packages that a job needs besides the user's own, as a folder inside the study's folder.

A node needs a Python from version 3.8 on and the packages of the user's code. The worker, submitit and
cloudpickle are pure Python. They are copied into a folder that is named after their content, so that another
version of this package does not change what jobs need that are waiting.
"""

import hashlib
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sweep.scheduler import start_job
from sweep.scheduler.job import Job
from sweep.worker.attempt_folder import worker_packages_folder
from sweep.worker.import_path import START

_PACKAGES = {
    "cloudpickle": ("**/*.py",),
    "submitit": ("**/*.py",),
    "sweep": ("__init__.py", "states.py", "worker/*.py"),
}
"""The packages to copy, with patterns of their files."""
_TYPING_EXTENSIONS = (
    b'"""What submitit needs of the package of this name."""\n\nfrom typing import TypedDict\n'
)
"""A replacement of the real package, which does not run on each version of Python that trials may use."""


def start_command(python: str, job: Job) -> str:
    """Return the shell command that runs a job, which needs the worker package in its study's folder.

    Args:
        python: The shell command that starts Python on the node.
        job: The job.
    """
    script = _package_folder(study_folder(job)) / START
    return f"{python} -u {shlex.quote(str(script))} {shlex.quote(str(job.folder))}"


def study_folder(job: Job) -> Path:
    """Return the folder of the study that a job belongs to."""
    return job.folder.parent.parent


def place_worker_package(folder: Path) -> None:
    """Copy the worker and the packages that it needs into a study's folder, if they are not there yet.

    Args:
        folder: The study's folder.
    """
    target = _package_folder(folder)
    if target.is_dir():
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="incomplete-", dir=target.parent))
    try:
        for name, data in _content().items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        temporary.rename(target)
    except FileExistsError:  # another launcher was faster
        pass
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _package_folder(study: Path) -> Path:
    return worker_packages_folder(study) / _digest()


@cache
def _content() -> dict[str, bytes]:
    """Return the content of each file by its path in the folder."""
    assert start_job.__file__ is not None
    content = {START: Path(start_job.__file__).read_bytes(), "typing_extensions.py": _TYPING_EXTENSIONS}
    for package, patterns in _PACKAGES.items():
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        for pattern in patterns:
            content.update(_files(Path(spec.origin).parent, pattern))
    return dict(sorted(content.items()))


def _files(package: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    for file in package.glob(pattern):
        if not file.name.startswith("test_"):
            yield str(file.relative_to(package.parent)), file.read_bytes()


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name, data in _content().items():
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]
