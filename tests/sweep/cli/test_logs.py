"""`sweep logs`."""

from collections.abc import Callable

import pytest

from tests.sweep.cli.conftest import CommandResult, Sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("logs", "--study", "toy", "--trial", "0"), "there is no database"),
        (("logs", "--study", "toy"), "Missing option '--trial'"),
        (("logs", "--study", "toy", "--trial", "-1"), "Invalid value for '--trial'"),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


def test_trial_without_output_is_described_by_its_state(launched: CommandResult, sweep: Sweep) -> None:
    log = sweep("logs", "--study", "toy", "--trial", "0")
    assert "trial 0, attempt 1, has printed nothing: complete; job" in log.out


def test_unknown_trial_is_rejected(launched: CommandResult, sweep: Sweep) -> None:
    missing = sweep("logs", "--study", "toy", "--trial", "4")
    assert (missing.code, "study toy has no trial 4" in missing.err) == (2, True)
