"""What some tests need of the machine beside Python: without it they are skipped, and say how to get it."""

import os

import pytest


def need(service: str, is_installed: bool, packages: str) -> None:
    """Skip without a service; where CI runs, fail, so that no test is left out unseen."""
    if not is_installed:
        message = f"{service} is not installed: apt-get install --no-install-recommends {packages}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
