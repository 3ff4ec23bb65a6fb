"""Requirements of some tests beside Python packages, such as Slurm, a database server or a browser."""

import os

import pytest


def require_service(service: str, is_installed: bool, packages: str) -> None:
    """Skip the test if a service is not installed, and name the Debian packages that provide it.

    In continuous integration the test fails instead, so that no test is skipped unnoticed.
    """
    if not is_installed:
        message = f"{service} is not installed: apt-get install --no-install-recommends {packages}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
