"""`sweep card`: the paragraph on reproducibility."""

import pytest

from tests.sweep.cli.conftest import CommandResult, Sweep


@pytest.mark.slow
def test_card_prints_the_paragraph_of_a_study(launched: CommandResult, sweep: Sweep) -> None:
    result = sweep("card", "--study", "toy")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("The study toy searched for hyperparameters that ")
    assert "The trials used 4 different seeds (" in result.out
    assert "The study has 4 trials: 4 complete." in result.out
    assert "checksum of the data" in result.out
    as_latex = sweep("card", "--study", "toy", "--format", "latex").out
    as_markdown = sweep("card", "--study", "toy", "--format", "markdown").out
    assert r"{[}" in as_latex
    assert r"\[" in as_markdown


def test_card_of_an_unknown_study_is_an_error(sweep: Sweep) -> None:
    result = sweep("card", "--study", "absent")
    assert (result.code, result.out) == (2, "")
