"""`sweep stop`: wrong input. What a stop does is tested in tests/sweep/operations/test_stop.py."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "arguments", [("stop", "--study", "toy"), ("stop", "--study", "toy", "--cluster", "slrum")]
)
def test_missing_database_is_rejected(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...]
) -> None:
    check_rejected(arguments, "there is no database")
