"""`sweep logs`."""

from collections.abc import Callable
from pathlib import Path

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


def test_control_sequences_of_a_trial_do_not_reach_the_output(
    launched: CommandResult, sweep: Sweep, workplace: Path
) -> None:
    (attempt,) = (workplace / "sweeps" / "toy" / "00000").glob("attempt-*")
    (attempt / "log.txt").write_bytes(
        b"\x1b[31mred\x1b[0m \x1b]52;c;eA==\x07\xc2\x9b2Jtext\r\n1 %\r2 %\nlast"
    )
    assert sweep("logs", "--study", "toy", "--trial", "0").out == "red text\n2 %\nlast"
