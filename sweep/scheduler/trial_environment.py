"""The environment that trials inherit from the launcher."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

STORAGE_VARIABLE = "SWEEP_STORAGE"
"""The variable with the URL of the database."""
PASSWORD_VARIABLES = frozenset({STORAGE_VARIABLE, "PGPASSWORD", "MYSQL_PWD"})
"""The variables from which the launcher and the clients of databases read a password. Trials lack them."""


@contextmanager
def without_variables(names: Collection[str]) -> Iterator[None]:
    """Remove variables from this process's environment in this context, so that its children lack them."""
    removed = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(removed)
