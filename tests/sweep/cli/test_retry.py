"""`sweep retry`: wrong input. What a retry does is tested in tests/sweep/operations/test_stop.py."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("retry", "--study", "toy"), "expected either --trial N"),
        (("retry", "--study", "toy", "--trial", "1", "--failed"), "or --failed, to retry all failed ones"),
        (("retry", "--study", "toy", "--failed"), "there is no database"),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)
