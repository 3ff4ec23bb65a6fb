"""`sweep doctor`: wrong input. The checks are tested in tests/sweep/operations/test_doctor.py."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("doctor", "--cluster", "slrum"), 'no profile "slrum"; did you mean "slurm"?'),
        (("doctor", "--study", "toi"), 'no study "toi" in studies; did you mean "toy"?'),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)
