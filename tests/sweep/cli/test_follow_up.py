"""The command `sweep follow-up`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sweep.definition.study import load_study
from tests.sweep.cli.conftest import CommandResult, Sweep


@pytest.mark.slow
def test_follow_up_is_written_and_launched(launched: CommandResult, sweep: Sweep, workplace: Path) -> None:
    written = sweep("follow-up", "--study", "toy")
    assert (written.code, written.out.splitlines()[0]) == (0, "wrote studies/toy_2.yaml; review in it:")
    before = (workplace / "studies" / "toy_2.yaml").read_bytes()
    study = load_study("toy_2", directory=workplace)
    assert study.start_from is not None
    assert study.start_from.study == "toy"
    assert sweep("launch", "--study", "toy_2").code == 0
    again = sweep("follow-up", "--study", "toy")
    assert again.out.splitlines()[0] == "wrote studies/toy_3.yaml; review in it:"
    assert (workplace / "studies" / "toy_2.yaml").read_bytes() == before


def test_follow_up_of_an_unknown_study_is_rejected(
    check_rejected: Callable[[Sequence[str], str], None],
) -> None:
    check_rejected(["follow-up", "--study", "nothing"], "sweep.db")
