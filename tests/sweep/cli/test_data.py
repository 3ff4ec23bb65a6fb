"""`sweep data`."""

import re
from collections.abc import Callable

import pytest

from tests.sweep.cli.conftest import Sweep


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "fetch", "mnist-of-mars"), "mnist-of-mars"),
        (("data", "verify", "missing.npz"), "missing.npz"),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


def test_data(sweep: Sweep) -> None:
    outcome = sweep("data", "fetch", "digits")
    assert outcome.code == 0
    assert re.fullmatch(r"digits: sha256 [0-9a-f]{64}\n", outcome.out)
