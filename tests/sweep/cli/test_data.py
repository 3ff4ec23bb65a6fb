"""`sweep data`. The choice of the function is tested in tests/sweep/operations/test_data.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweep.cli.conftest import Sweep


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "fetch", "mnist-of-mars"), "no study in studies/ has the data set 'mnist-of-mars'"),
        (("data", "verify", "missing.npz"), "no study in studies/ has the data set 'missing.npz'"),
        (("data", "fetch", "mine", "--study", "toy"), "study toy has no `prepare` function"),
        (("data", "fetch", "mine", "--study", "toi"), 'did you mean "toy"?'),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


def test_fetch_and_verify_print_the_checksum(sweep: Sweep, workplace: Path) -> None:
    with (workplace / "studies" / "toy.yaml").open("a") as study:
        study.write("dataset: mine\nprepare: toy_model:prepare\nverify: toy_model:prepare\n")
    for command in ("fetch", "verify"):
        result = sweep("data", command, "mine")
        assert (result.code, result.out) == (0, "mine: sha256 checksum of mine\n")
