"""Which configuration is best, and with which probability."""

from typing import Any

import numpy as np
import pytest

from sweep.operations.selection import INTERVAL, VARIANCE_DEGREES, Selection, select


def selected(*results: list[float], direction: str = "maximize") -> Selection:
    selection = select(results, direction)
    assert selection is not None
    return selection


def test_clear_winner_is_selected_in_both_directions() -> None:
    low, high = [0.50, 0.51, 0.49], [0.90, 0.91, 0.89]
    best = selected(low, high)
    assert best.best == 1
    assert best.probability > 0.99
    assert sum(best.probabilities) == pytest.approx(1)
    assert best.leads[0].low < 0.4 < best.leads[0].high
    assert best.leads[1] == (0.0, 0.0)
    assert selected(low, high, direction="minimize").best == 0


def test_overlapping_results_do_not_select_a_winner_with_certainty() -> None:
    selection = selected([0.90, 0.92, 0.94], [0.91, 0.93, 0.92], [0.60, 0.62, 0.61])
    assert 0.4 < selection.probability < 0.8
    assert sorted(selection.contenders) == [0, 1]
    assert selection.probabilities[2] < 0.01


def test_more_seeds_of_the_same_spread_raise_the_probability() -> None:
    one, other = [0.90, 0.92, 0.94], [0.88, 0.90, 0.92]
    few, many = selected(one, other), selected(one * 5, other * 5)
    assert few.probability < many.probability
    assert many.leads[1].high - many.leads[1].low < few.leads[1].high - few.leads[1].low


def test_selection_does_not_depend_on_the_unit_of_the_results() -> None:
    results = [[0.90, 0.92, 0.94], [0.88, 0.90, 0.95]]
    scaled = [[1000 * value + 7 for value in values] for values in results]
    assert selected(*scaled).probabilities == pytest.approx(selected(*results).probabilities, abs=1e-6)


def test_configuration_with_one_seed_borrows_the_noise_of_the_others() -> None:
    assert 0.5 < selected([0.9], [0.8, 0.82]).probability < 0.95


def test_equal_results_are_equally_probable() -> None:
    assert selected([0.5, 0.5], [0.5, 0.5]).probabilities == [0.5, 0.5]
    assert selected([0.5, 0.5], [0.6, 0.6]).probability > 0.99  # without any noise


@pytest.mark.parametrize("results", [[], [[0.5, 0.6]], [[0.5], [0.6]]])
def test_too_few_results_cannot_be_compared(results: list[list[float]]) -> None:
    assert select(results, "maximize") is None


def drawn(random: np.random.Generator) -> tuple[Selection, "np.ndarray[Any, Any]"]:
    """Return the selection from results that are drawn from the model with its priors, and the true means."""
    means = np.tan(np.pi / 2 * random.random()) * random.standard_normal(4)
    noise = np.sqrt(VARIANCE_DEGREES / random.chisquare(VARIANCE_DEGREES, 4))
    results = means[:, None] + noise[:, None] * random.standard_normal((4, 5))
    return selected(*results.tolist()), means


def test_probabilities_and_intervals_hold_as_often_as_they_state() -> None:
    random = np.random.default_rng(0)
    correct, stated, contained = [], [], []
    for _ in range(400):
        selection, means = drawn(random)
        correct.append(selection.best == means.argmax())
        stated.append(selection.probability)
        contained += [
            low <= means[selection.best] - means[index] <= high
            for index, (low, high) in enumerate(selection.leads)
            if index != selection.best
        ]
    assert np.mean(correct) == pytest.approx(np.mean(stated), abs=0.05)
    assert np.mean(contained) == pytest.approx(INTERVAL, abs=0.02)
