"""Fixtures of the tests of the worker."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _restore_folder() -> Iterator[None]:
    """Restore the working directory and the import path, which the worker changes."""
    before, path = Path.cwd(), list(sys.path)
    yield
    os.chdir(before)
    sys.path[:] = path
